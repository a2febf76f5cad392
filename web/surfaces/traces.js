// Traces: what did this call cost, and why?

import { html } from "../vendor/preact.js";
import { traces } from "../api.js";
import { address, hrefWith, setQuery } from "../address.js";
import { Amount } from "../amount.js";
import { useAnswer } from "../answer.js";
import { toTheSecond } from "../dates.js";
import { Drawer, Receipt } from "../drawer.js";
import { CsvButton } from "../figure.js";
import { PageHead } from "../frame.js";
import { usdExact, usdFromMillicents, usdOfRequest, usdSigned } from "../money.js";
import { bandOf, count, projectName, providerName } from "../names.js";
import { periodAsked, PeriodControl, PeriodLine } from "../period.js";
import { NothingMatches, OfflineBanner, Refused, Skeleton } from "../states.js";
import { Table } from "../table.js";

const PAGE_ROWS = 200;
const MILLICENT_PLACES = 5;
const FILTERS = ["provider", "model", "project", "status", "machine"];

const tokens = (key, label) => ({ key, label, kind: "count", value: (row) => row[key] });
const latency = (ms) => (ms === null ? null : count(Math.round(ms)));

const StatusChip = ({ trace }) =>
  trace.status === "success"
    ? html`<span class="quiet">${trace.status}</span>`
    : html`<span class="chip exception">${trace.error_class ?? trace.status}${trace.http_status && ` ${trace.http_status}`}</span>`;

const COLUMNS = [
  {
    key: "requested_at",
    label: "Requested, UTC",
    kind: "text",
    value: ({ requested_at }) => requested_at,
    cell: (trace) => html`<a href=${hrefWith({ trace: trace.request_id })}>${toTheSecond(trace.requested_at)}</a>`,
  },
  {
    key: "project",
    label: "Project",
    kind: "text",
    value: ({ project }) => project,
    cell: ({ project }) => html`<span class="clip" title=${project}>${projectName(project)}</span>`,
  },
  {
    key: "model",
    label: "Model",
    kind: "text",
    value: ({ model }) => model,
    cell: ({ provider, model }) => html`
      <span class="clip" title=${`${providerName(provider)} ${model}`}>
        <i class=${`swatch ${bandOf(provider)}`} aria-hidden="true"></i>${model}
      </span>
    `,
  },
  {
    key: "cost_usd",
    label: "Cost",
    kind: "money",
    value: ({ cost_usd }) => cost_usd,
    cell: ({ cost_usd }) => html`<${Amount} cost=${cost_usd} write=${usdOfRequest} />`,
  },
  tokens("input_tokens", "Input"),
  tokens("output_tokens", "Output"),
  tokens("cached_tokens", "Cached"),
  { key: "latency_ms", label: "Latency ms", kind: "count", value: ({ latency_ms }) => latency_ms, cell: ({ latency_ms }) => latency(latency_ms) ?? "–" },
  { key: "status", label: "Status", kind: "text", value: ({ status }) => status, cell: (trace) => html`<${StatusChip} trace=${trace} />` },
];

const plain = (key) => ({ key, kind: "text", value: (row) => row[key] });
const CSV_COLUMNS = [
  ...["request_id", "requested_at", "machine_id", "provider", "model", "project", "status"].map(plain),
  ...["error_class", "http_status", "billing_basis"].map(plain),
  ...["input_tokens", "output_tokens", "thinking_tokens", "cached_tokens", "cache_write_tokens"].map((key) => tokens(key)),
  { key: "latency_ms", kind: "count", value: ({ latency_ms }) => latency_ms },
  { key: "cost_usd", kind: "money", value: ({ cost_usd }) => cost_usd },
  ...["submitted_millicents", "drift_millicents"].map((key) => tokens(key)),
  plain("rate_id"),
];

const Filters = ({ query }) => {
  const submit = (event) => {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(event.target));
    setQuery({ ...Object.fromEntries(FILTERS.map((name) => [name, given[name]?.trim() || null])), cursor: null });
  };
  const isFiltered = FILTERS.some((name) => query[name]);
  return html`
    <form class="filters" onSubmit=${submit} key=${FILTERS.map((name) => query[name]).join(" ")}>
      ${FILTERS.map((name, index) => html`
        <input name=${name} aria-label=${`Filter by ${name}`} placeholder=${name[0].toUpperCase() + name.slice(1)} defaultValue=${query[name] ?? ""} autocomplete="off" data-search=${index === 0 || undefined} />
      `)}
      <button class="button">Filter</button>
      ${isFiltered && html`<a class="button" href=${hrefWith(cleared())}>Clear</a>`}
    </form>
  `;
};

const cleared = () => Object.fromEntries([...FILTERS, "cursor"].map((name) => [name, null]));

const money = (text) => (text === null ? html`<span class="chip">unpriced</span>` : usdExact(text));
const millicents = (value) => (value === null ? "–" : usdExact(usdFromMillicents(value)));

const drift = (value) =>
  value === null ? "–" : usdSigned(usdFromMillicents(value), MILLICENT_PLACES);

const linesOf = (trace) => [
  ["Cost", money(trace.cost_usd)],
  ["Submitted by the daemon", millicents(trace.submitted_millicents)],
  ["Drift", drift(trace.drift_millicents)],
  ["Rate", trace.rate_id === null ? "none in force" : `row ${trace.rate_id}`],
  ["Billing", trace.billing_basis],
  ["Provider", providerName(trace.provider)],
  ["Model", trace.model],
  ["Project", projectName(trace.project)],
  ["Input tokens", count(trace.input_tokens)],
  ["Output tokens", count(trace.output_tokens)],
  ["Thinking tokens", count(trace.thinking_tokens)],
  ["Cached tokens", count(trace.cached_tokens)],
  ["Cache writes", count(trace.cache_write_tokens)],
  ["Complete", trace.is_complete ? "yes" : "no: the stream was cut"],
  ["Latency", trace.latency_ms === null ? "–" : `${latency(trace.latency_ms)} ms`],
  ["Status", [trace.status, trace.http_status, trace.error_class].filter(Boolean).join(" · ")],
  ["Requested", `${trace.requested_at.replace("T", " ").replace("Z", "")} UTC`],
  ["Machine", html`<code>${trace.machine_id}</code>`],
  ["Request", html`<code>${trace.request_id}</code>`],
];

const Body = ({ answer, isStale, query }) => {
  if (answer.items.length === 0) return html`<${NothingMatches} what="requests" href=${hrefWith({ ...cleared(), from: null, to: null, range: null })} />`;
  const opened = answer.items.find(({ request_id }) => request_id === query.trace);
  return html`
    <section class="panel">
      <header>
        <h2>Requests, newest first</h2>
        <div class="tools"><${CsvButton} name="traces" columns=${CSV_COLUMNS} rows=${answer.items} /></div>
      </header>
      <${Table} caption="Requests, newest first" columns=${COLUMNS} rows=${answer.items} isStale=${isStale} />
      <footer class="pager">
        <span class="quiet">${count(answer.items.length)} on this page</span>
        ${query.cursor && html`<a class="button small" href=${hrefWith({ cursor: null })}>Newest</a>`}
        ${answer.next_cursor && html`<a class="button small" rel="next" href=${hrefWith({ cursor: answer.next_cursor })}>Older</a>`}
      </footer>
    </section>
    ${opened && html`
      <${Drawer} title="Receipt" about=${opened.request_id} onClose=${() => setQuery({ trace: null })}>
        <${Receipt} lines=${linesOf(opened)} />
      <//>
    `}
  `;
};

export const Surface = ({ slug, session }) => {
  const { query } = address.value;
  const filters = Object.fromEntries(FILTERS.map((name) => [name, query[name]]));
  const asked = { ...periodAsked(query), ...filters, cursor: query.cursor, limit: PAGE_ROWS };
  const { answer, refusal, isStale, retry } = useAnswer(
    (options) => traces(slug, asked, options),
    JSON.stringify([slug, asked]),
  );
  const isShown = answer || refusal?.kind === "offline" || refusal?.details.status === 400;
  return html`
    <${OfflineBanner} refusal=${refusal} retry=${retry} />
    <${PageHead} title="Traces" line=${html`<${PeriodLine} period=${answer?.period} />`} asOf=${answer?.as_of}>
      ${isShown && html`<${PeriodControl} period=${answer?.period} ranges=${["7d", "30d"]} />`}
    <//>
    ${isShown && html`<${Filters} query=${query} />`}
    <${Refused} refusal=${refusal} retry=${retry} session=${session} slug=${slug} />
    ${answer && html`<${Body} answer=${answer} isStale=${isStale} query=${query} />`}
    ${!answer && !refusal && html`<div class="sheet"><${Skeleton} lines=${10} /></div>`}
  `;
};
