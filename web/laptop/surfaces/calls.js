// Calls: what did each cost, as it happens, and what was said?

import { html, useEffect, useState } from "../vendor/preact.js";
import { calls } from "../api.js";
import { address, hrefWith, setQuery } from "../address.js";
import { Amount } from "../amount.js";
import { useAnswer } from "../answer.js";
import { toTheSecond } from "../dates.js";
import { Drawer, Receipt } from "../drawer.js";
import { CsvButton } from "../figure.js";
import { PageHead } from "../frame.js";
import { usdExact, usdOfRequest } from "../money.js";
import { bandOf, count, projectName, providerName } from "../names.js";
import { number, words } from "../page.js";
import { periodAsked, PeriodControl } from "../period.js";
import { NothingMatches, OfflineBanner, Refused, Skeleton } from "../states.js";
import { Table } from "../table.js";
import { Bodies } from "./bodies.js";

const PAGE_ROWS = 100;
const LIVE_MS = 2_000;
const FILTERS = ["project", "provider", "model", "status"];

const milliseconds = (ms) => (ms === null ? "–" : count(Math.round(ms)));

const COLUMNS = [
  words("requested_at", "Requested, UTC", ({ id, requested_at }) => html`<a href=${hrefWith({ call: id })}>${toTheSecond(requested_at)}</a>`),
  words("project", "Project", ({ project }) => html`<span class="clip" title=${project}>${projectName(project)}</span>`),
  words("model", "Model", ({ provider, model }) => html`
    <span class="clip" title=${`${providerName(provider)} ${model}`}><i class=${`swatch ${bandOf(provider)}`} aria-hidden="true"></i>${model}</span>
  `),
  { key: "cost_usd", label: "Cost", kind: "money", value: ({ cost_usd }) => cost_usd, cell: ({ cost_usd }) => html`<${Amount} cost=${cost_usd} write=${usdOfRequest} />` },
  number("input_tokens", "Input"),
  number("output_tokens", "Output"),
  number("cache_read_tokens", "Cached"),
  { ...number("latency_ms", "Latency ms"), cell: ({ latency_ms }) => milliseconds(latency_ms) },
  words("status", "Status", ({ status, error_class, http_status }) =>
    status === "success"
      ? html`<span class="quiet">${status}</span>`
      : html`<span class="chip exception">${error_class ?? status}${http_status && ` ${http_status}`}</span>`),
];

const CSV_COLUMNS = [
  ...["id", "requested_at", "project", "provider", "model", "mode", "status", "billing_basis", "rates_source"].map((key) => words(key)),
  ...["input_tokens", "output_tokens", "thinking_tokens", "cache_read_tokens", "cache_write_tokens", "latency_ms"].map((key) => number(key)),
  { key: "cost_usd", kind: "money", value: ({ cost_usd }) => cost_usd },
];

const cleared = () => Object.fromEntries([...FILTERS, "cursor"].map((name) => [name, null]));

const Filters = ({ query }) => {
  const submit = (event) => {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(event.target));
    setQuery({ ...Object.fromEntries(FILTERS.map((name) => [name, given[name]?.trim() || null])), cursor: null });
  };
  return html`
    <form class="filters" onSubmit=${submit} key=${FILTERS.map((name) => query[name]).join(" ")}>
      ${FILTERS.map((name, index) => html`
        <input name=${name} aria-label=${`Filter by ${name}`} placeholder=${name[0].toUpperCase() + name.slice(1)} defaultValue=${query[name] ?? ""} autocomplete="off" data-search=${index === 0 || undefined} />
      `)}
      <button class="button">Filter</button>
      ${FILTERS.some((name) => query[name]) && html`<a class="button" href=${hrefWith(cleared())}>Clear</a>`}
    </form>
  `;
};

// Ask again every two seconds, while the page is looked at and shows the newest calls.
const useLive = (retry, isLive) =>
  useEffect(() => {
    if (!isLive) return undefined;
    const timer = setInterval(() => document.hidden || retry(), LIVE_MS);
    return () => clearInterval(timer);
  }, [isLive]);

const linesOf = (call) => [
  ["Cost", call.cost_usd === null ? html`<span class="chip">unpriced</span>` : usdExact(call.cost_usd)],
  ["Priced by", call.rates_source ?? "–"],
  ["Billing", call.billing_basis ?? "api"],
  ["Provider", providerName(call.provider)],
  ["Model", call.mode === "standard" ? call.model : `${call.model}, ${call.mode}`],
  ["Project", projectName(call.project)],
  ["Input tokens", count(call.input_tokens)],
  ["Output tokens", count(call.output_tokens)],
  ["Thinking tokens", count(call.thinking_tokens)],
  ["Cached tokens", count(call.cache_read_tokens)],
  ["Cache writes", count(call.cache_write_tokens)],
  ["Complete", call.tokens_complete ? "yes" : "no: the stream was cut"],
  ["Latency", call.latency_ms === null ? "–" : `${milliseconds(call.latency_ms)} ms`],
  ["First token", call.time_to_first_token_ms === null ? "–" : `${milliseconds(call.time_to_first_token_ms)} ms`],
  ["Status", [call.status, call.http_status, call.error_class].filter(Boolean).join(" · ")],
  ["Requested", `${call.requested_at.replace("T", " ").replace("Z", "")} UTC`],
  ["Machine", call.source_machine ?? "–"],
  ["Folder", call.source_workdir ?? "–"],
  ["Call", html`<code>${call.id}</code>`],
];

const Opened = ({ call }) => html`
  <${Drawer} title="Call" about=${call.id} isWide=${true} onClose=${() => setQuery({ call: null })}>
    <${Bodies} call=${call} />
    <h3>Receipt</h3>
    <${Receipt} lines=${linesOf(call)} />
  <//>
`;

const Body = ({ answer, query }) => {
  if (answer.items.length === 0) return html`<${NothingMatches} what="calls" href=${hrefWith({ ...cleared(), from: null, to: null, range: null })} />`;
  return html`
    <section class="panel">
      <header>
        <h2>Calls, newest first</h2>
        <div class="tools"><${CsvButton} name="calls" columns=${CSV_COLUMNS} rows=${answer.items} /></div>
      </header>
      <${Table} caption="Calls, newest first" columns=${COLUMNS} rows=${answer.items} />
      <footer class="pager">
        <span class="quiet">${count(answer.items.length)} on this page</span>
        ${query.cursor && html`<a class="button small" href=${hrefWith({ cursor: null })}>Newest</a>`}
        ${answer.next_cursor && html`<a class="button small" rel="next" href=${hrefWith({ cursor: answer.next_cursor })}>Older</a>`}
      </footer>
    </section>
  `;
};

export const Surface = ({ slug, session }) => {
  const { query } = address.value;
  const { from, to } = periodAsked(query);
  const filters = Object.fromEntries(FILTERS.map((name) => [name, query[name]]));
  const asked = { since: from, until: to, ...filters, cursor: query.cursor, limit: PAGE_ROWS };
  const { answer, refusal, retry } = useAnswer((options) => calls(asked, options), JSON.stringify(asked));
  const [isPaused, setPaused] = useState(false);
  const isLive = !isPaused && !query.cursor;
  useLive(retry, isLive);
  const opened = answer?.items.find(({ id }) => id === query.call);
  return html`
    <${OfflineBanner} refusal=${refusal} retry=${retry} />
    <${PageHead} title="Calls" line=${html`<span class="quiet">${isLive ? "Live: new calls appear by themselves" : "Standing still"}</span>`}>
      <${PeriodControl} period=${from && { since: from, until: to }} />
    <//>
    <div class="row">
      <${Filters} query=${query} />
      ${!query.cursor && html`
        <button type="button" class="button" aria-pressed=${isLive} onClick=${() => setPaused(!isPaused)}>${isLive ? "Pause" : "Go live"}</button>
      `}
    </div>
    <${Refused} refusal=${refusal} retry=${retry} session=${session} slug=${slug} />
    ${answer && html`<${Body} answer=${answer} query=${query} />`}
    ${opened && html`<${Opened} call=${opened} />`}
    ${!answer && !refusal && html`<div class="sheet"><${Skeleton} lines=${10} /></div>`}
  `;
};
