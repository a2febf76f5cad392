// Pricing: what does a token cost, and what has no price?

import { html } from "../vendor/preact.js";
import * as api from "../api.js";
import { address, hrefWith, setQuery } from "../address.js";
import { Dash } from "../amount.js";
import { useAnswer } from "../answer.js";
import { Field, Said, SureButton, typedIn, useChange } from "../change.js";
import { ago, shortDay } from "../dates.js";
import { CsvButton } from "../figure.js";
import { usd, usdExact } from "../money.js";
import { bandOf, count, counted, permissionName, providerName } from "../names.js";
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

const day = (moment) => (moment.startsWith("1970") ? "always" : `${shortDay(moment.slice(0, 10))} ${moment.slice(0, 4)}`);

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

const Usd = ({ name, label, placeholder = "3.00" }) => html`
  <${Field} label=${label}>
    <input name=${name} inputmode="decimal" pattern="\\d{1,4}(\\.\\d{1,6})?" placeholder=${placeholder} title="US dollars per million tokens, such as 3.00" autocomplete="off" />
  <//>
`;

const StateRate = ({ slug, session, query, onStated }) => {
  const { change, said } = useChange(session.plans);
  const submit = async (event) => {
    event.preventDefault();
    const form = event.target;
    const { from, ...stated } = typedIn(form);
    const given = Object.fromEntries(Object.entries(stated).filter(([, value]) => value !== null));
    if (from) given.valid_from = `${from}T00:00:00Z`;
    const done = `${given.model} is priced; requests that it touches are priced again within seconds.`;
    if (!(await change(() => api.stateRate(slug, given), done))) return;
    form.reset();
    onStated();
  };
  return html`
    <details class="panel enter" open=${Boolean(query.price)} key=${query.price}>
      <summary>Price a model for this workspace</summary>
      <p class="line">US dollars per million tokens, or the price of another model of the provider. It wins over the catalogue.</p>
      <form class="entry" onSubmit=${submit}>
        <${Field} label="Provider"><input name="provider" required defaultValue=${query.of ?? ""} autocomplete="off" /><//>
        <${Field} label="Model"><input name="model" required defaultValue=${query.price ?? ""} autocomplete="off" /><//>
        <${Field} label="From (UTC day)"><input type="date" name="from" /><//>
        <${Field} label="Like the model"><input name="like" placeholder="instead of prices" autocomplete="off" /><//>
        <${Usd} name="input_usd_per_mtok" label="Input" />
        <${Usd} name="output_usd_per_mtok" label="Output" />
        <${Usd} name="cache_read_usd_per_mtok" label="Cache read" placeholder="as input" />
        <${Usd} name="cache_write_usd_per_mtok" label="Cache write" placeholder="as input" />
        <button class="button primary" disabled=${said.isBusy}>State this price</button>
        <${Said} said=${said} />
      </form>
    </details>
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
  const mayPrice = session.plans?.roles[membership?.role]?.includes("change_rates");
  return html`
    <${Page} title="Pricing" line="US dollars per million tokens" asked=${asked} session=${session} slug=${slug}>
      ${unpriced.answer && html`<${Unpriced} answer=${unpriced.answer} mayPrice=${mayPrice} />`}
      ${mayPrice
        ? html`<${StateRate} slug=${slug} session=${session} query=${query} onStated=${again} />`
        : html`<p class="note">As ${membership?.role} you may not ${permissionName("change_rates")}.</p>`}
      <div class="filters">
        <input type="search" data-search aria-label="Filter prices" placeholder="Filter by model or provider" value=${query.q ?? ""} onInput=${({ target }) => setQuery({ q: target.value || null }, { replace: true })} />
      </div>
      ${asked.answer && html`<${Rates} slug=${slug} session=${session} answer=${asked.answer} q=${query.q ?? ""} mayPrice=${mayPrice} onChanged=${again} isStale=${asked.isStale} />`}
    <//>
  `;
};
