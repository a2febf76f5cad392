// Pricing: what does a token cost, and what has no price?

import { html } from "../vendor/preact.js";
import * as api from "../api.js";
import { address, hrefWith, setQuery } from "../address.js";
import { Dash } from "../amount.js";
import { useAnswer } from "../answer.js";
import { Field, Said, SureButton, useChange } from "../change.js";
import { ago, dated, midnightOf } from "../dates.js";
import { CsvButton } from "../figure.js";
import { Enter, Form, lockOf, useForm } from "../form.js";
import { usd, usdExact } from "../money.js";
import { bandOf, count, counted, providerName } from "../names.js";
import { acts, Page, words } from "../page.js";
import { NothingMatches } from "../states.js";
import { Table } from "../table.js";

const MOST_SHOWN = 200;

const rate = (key, label) => ({
  key: `${key}_usd_per_mtok`,
  label,
  kind: "money",
  value: (row) => row[`${key}_usd_per_mtok`],
  cell: (row) => usdExact(row[`${key}_usd_per_mtok`]),
});

const model = words("model", "Model", ({ provider, model, is_own }) => html`
  <span class="clip" title=${`${providerName(provider)} ${model}`}><i class=${`swatch ${bandOf(provider)}`} aria-hidden="true"></i>${model}</span>
  ${is_own && html`${" "}<span class="chip">our own</span>`}
`);

const day = (moment) => (moment.startsWith("1970") ? "always" : dated(moment));

const RATES = [
  model,
  { ...words("prompt_tokens_above", "Prompt above"), kind: "count", cell: ({ prompt_tokens_above: above }) => (above ? count(above) : html`<span class="quiet">any</span>`) },
  rate("input", "Input"),
  rate("output", "Output"),
  rate("thinking", "Thinking"),
  rate("cache_read", "Cache read"),
  rate("cache_write", "Cache write"),
  words("valid_from", "Since", ({ valid_from }) => day(valid_from)),
];

const exposure = (row) => {
  if (row.dearest_usd === null) return html`<${Dash} />`;
  const siblings = `${row.cheapest_sibling} … ${row.dearest_sibling}`;
  return html`<span title=${siblings}>${usd(row.cheapest_usd)} – ${usd(row.dearest_usd)}</span>`;
};

const UNPRICED = [
  model,
  { ...words("request_count", "Requests"), kind: "count", cell: undefined },
  { ...words("unpriced_tokens", "Tokens"), kind: "count", cell: undefined },
  words("first_requested_at", "Since", ({ first_requested_at }) => day(first_requested_at)),
  words("last_requested_at", "Last asked", ({ last_requested_at }) => ago(last_requested_at)),
  { key: "dearest_usd", label: "Would cost", kind: "money", value: ({ dearest_usd }) => dearest_usd, cell: exposure },
];

const Unpriced = ({ answer, mayPrice }) => {
  const columns = mayPrice
    ? [...UNPRICED, acts((row) => html`<a class="button small" href=${hrefWith({ price: row.model, of: row.provider })}>Price it</a>`)]
    : UNPRICED;
  if (answer.items.length === 0) return html`<p class="note">Every model that was ever asked has a price.</p>`;
  return html`
    <section class="panel" id="unpriced">
      <header>
        <h2>${counted(answer.items.length, "model")} without a price</h2>
        <div class="tools"><${CsvButton} name="unpriced" columns=${UNPRICED} rows=${answer.items} /></div>
      </header>
      <p class="line">Their requests are in no total. What they would cost is told at the cheapest and at the dearest model of the same provider.</p>
      <${Table} caption="Models without a price" columns=${columns} rows=${answer.items} isSortable=${false} />
    </section>
  `;
};

const Usd = ({ name, label, wrong, placeholder = "3.00" }) => html`
  <${Field} label=${label} wrong=${wrong[name]}>
    <input name=${name} inputmode="decimal" pattern="\\d{1,4}(\\.\\d{1,6})?" placeholder=${placeholder} title="US dollars per million tokens, such as 3.00" autocomplete="off" />
  <//>
`;

const NewRate = ({ slug, session, query, onStated }) => {
  const form = useForm(session, {
    send: ({ from, ...stated }) => {
      const given = Object.fromEntries(Object.entries({ ...stated, valid_from: midnightOf(from) }).filter(([, value]) => value !== null));
      return api.stateRate(slug, given);
    },
    done: ({ model }) => `${model} is priced; requests that it touches are priced again within seconds.`,
    onDone: onStated,
  });
  return html`
    <${Form} form=${form} label="State this price">
      <${Field} label="Provider" wrong=${form.wrong.provider}><input name="provider" required defaultValue=${query.of ?? ""} autocomplete="off" /><//>
      <${Field} label="Model" wrong=${form.wrong.model}><input name="model" required defaultValue=${query.price ?? ""} autocomplete="off" /><//>
      <${Field} label="From (UTC day)" wrong=${form.wrong.valid_from}><input type="date" name="from" /><//>
      <${Field} label="Like the model" wrong=${form.wrong.like}><input name="like" placeholder="instead of prices" autocomplete="off" /><//>
      <${Usd} name="input_usd_per_mtok" label="Input" wrong=${form.wrong} />
      <${Usd} name="output_usd_per_mtok" label="Output" wrong=${form.wrong} />
      <${Usd} name="cache_read_usd_per_mtok" label="Cache read" placeholder="as input" wrong=${form.wrong} />
      <${Usd} name="cache_write_usd_per_mtok" label="Cache write" placeholder="as input" wrong=${form.wrong} />
    <//>
  `;
};

const Rates = ({ slug, session, answer, q, mayPrice, onChanged, isStale }) => {
  const { change, said } = useChange(session.plans);
  const withdraw = async (row) => {
    await change(() => api.withdrawRate(slug, row.rate_id), `The catalogue's price of ${row.model} counts again.`);
    onChanged();
  };
  const own = acts((row) => row.is_own && html`<${SureButton} label="Withdraw" sure="Stop believing it?" onSure=${() => withdraw(row)} />`);
  const wanted = q.toLowerCase();
  const matching = answer.items.filter(({ provider, model }) => `${providerName(provider)} ${provider} ${model}`.toLowerCase().includes(wanted));
  if (matching.length === 0) return html`<${NothingMatches} what="prices" href=${hrefWith({ q: null })} />`;
  const rows = matching.toSorted((a, b) => b.is_own - a.is_own).slice(0, MOST_SHOWN);
  return html`
    <section class="panel">
      <header>
        <h2>${counted(matching.length, "price")} in force${rows.length < matching.length && html`<span class="quiet">, the first ${rows.length} shown</span>`}</h2>
        <${Said} said=${said} />
        <div class="tools"><${CsvButton} name="prices" columns=${[words("provider", "Provider"), ...RATES, words("source", "Source")]} rows=${matching} /></div>
      </header>
      <${Table} caption="Prices in force, US dollars per million tokens" columns=${mayPrice ? [...RATES, own] : RATES} rows=${rows} isStale=${isStale} />
    </section>
  `;
};

export const Surface = ({ slug, session, membership }) => {
  const { query } = address.value;
  const asked = useAnswer((options) => api.rates(slug, {}, options), slug);
  const unpriced = useAnswer((options) => api.unpricedModels(slug, options), slug);
  const again = () => {
    asked.retry();
    unpriced.retry();
  };
  const mayPrice = !lockOf({ session, membership }, "change_rates");
  return html`
    <${Page} title="Pricing" line="US dollars per million tokens" asked=${asked} session=${session} slug=${slug}>
      ${unpriced.answer && html`<${Unpriced} answer=${unpriced.answer} mayPrice=${mayPrice} />`}
      <${Enter}
        key=${query.price}
        title="Price a model for this workspace"
        line="US dollars per million tokens, or the price of another model of the provider. It wins over the catalogue."
        isOpen=${Boolean(query.price)}
        permission="change_rates"
        session=${session}
        membership=${membership}
      >
        <${NewRate} slug=${slug} session=${session} query=${query} onStated=${again} />
      <//>
      <div class="filters">
        <input type="search" data-search aria-label="Filter prices" placeholder="Filter by model or provider" value=${query.q ?? ""} onInput=${({ target }) => setQuery({ q: target.value || null }, { replace: true })} />
      </div>
      ${asked.answer && html`<${Rates} slug=${slug} session=${session} answer=${asked.answer} q=${query.q ?? ""} mayPrice=${mayPrice} onChanged=${again} isStale=${asked.isStale} />`}
    <//>
  `;
};
