// Pricing: what does the daemon price a call by?

import { html } from "../vendor/preact.js";
import { pricing } from "../api.js";
import { address, pageHref, setQuery } from "../address.js";
import { useAnswer } from "../answer.js";
import { shortDay } from "../dates.js";
import { CsvButton } from "../figure.js";
import { usdExact, usdFromMillicents } from "../money.js";
import { bandOf, counted, providerName } from "../names.js";
import { Page, words } from "../page.js";
import { NothingMatches } from "../states.js";
import { Table } from "../table.js";

const SOURCES = { bundled: "came with the daemon", auto: "fetched by the daemon", operator: "stated on this machine" };

const rate = (key, label) => {
  const value = (row) => {
    const millicents = row[`${key}_rate_per_million_minor_units`];
    return millicents === null ? null : usdFromMillicents(millicents);
  };
  return { key, label, kind: "money", value, cell: (row) => (value(row) === null ? "–" : usdExact(value(row))) };
};

const day = (moment) => (moment ? `${shortDay(moment.slice(0, 10))} ${moment.slice(0, 4)}` : "–");

const COLUMNS = [
  words("model", "Model", ({ provider, model, mode }) => html`
    <span class="clip" title=${`${providerName(provider)} ${model}`}><i class=${`swatch ${bandOf(provider)}`} aria-hidden="true"></i>${model}</span>
    ${mode !== "standard" && html`${" "}<span class="chip">${mode}</span>`}
  `),
  words("provider", "Provider", ({ provider }) => providerName(provider)),
  rate("input", "Input"),
  rate("output", "Output"),
  rate("thinking", "Thinking"),
  rate("cache_read", "Cache read"),
  rate("cache_write", "Cache write"),
  words("source", "Source", ({ source }) => html`<span title=${SOURCES[source]}>${source}</span>`),
  words("effective_from", "Since", ({ effective_from }) => day(effective_from)),
  words("last_verified_at", "Checked", ({ last_verified_at }) => day(last_verified_at)),
];

const search = ({ target }) => setQuery({ q: target.value || null }, { replace: true });

const Body = ({ rows }) => html`
  <section class="panel">
    <header>
      <h2>${counted(rows.length, "rate")} in force</h2>
      <div class="tools"><${CsvButton} name="rates" columns=${COLUMNS} rows=${rows} /></div>
    </header>
    <${Table} caption="Rates in force, dollars per million tokens" columns=${COLUMNS} rows=${rows} />
  </section>
`;

export const Surface = ({ slug, session }) => {
  const asked = useAnswer(pricing, "pricing");
  const wanted = (address.value.query.q ?? "").toLowerCase();
  const rows = (asked.answer?.items ?? []).filter(({ provider, model }) =>
    `${provider} ${providerName(provider)} ${model}`.toLowerCase().includes(wanted));
  return html`
    <${Page} title="Pricing" line="Dollars per million tokens, by the daemon's own table" asked=${asked} session=${session} slug=${slug}>
      <div class="filters">
        <input type="search" data-search aria-label="Filter models" placeholder="Filter models" value=${address.value.query.q ?? ""} onInput=${search} />
      </div>
      ${rows.length ? html`<${Body} rows=${rows} />` : html`<${NothingMatches} what="rates" href=${pageHref(slug, "pricing")} />`}
    <//>
  `;
};
