// Audit: who changed what?

import { html } from "../vendor/preact.js";
import { audit, auditFile } from "../api.js";
import { address, hrefWith, setQuery } from "../address.js";
import { useAnswer } from "../answer.js";
import { toTheSecond } from "../dates.js";
import { Drawer, Receipt } from "../drawer.js";
import { count } from "../names.js";
import { Clip, Page, words } from "../page.js";
import { periodAsked, PeriodControl } from "../period.js";
import { NothingMatches } from "../states.js";
import { Table } from "../table.js";

const PAGE_ROWS = 200;
const FILTERS = ["actor", "action", "object_kind", "object_id"];
const NAMES = { actor: "Who (e-mail or id)", action: "What", object_kind: "Kind of object", object_id: "Object's id" };

const who = ({ actor_kind, actor_name, actor_id }) => actor_name ?? actor_id ?? actor_kind;
const whereto = ({ object_kind, object_name, object_id }) => `${object_kind} ${object_name ?? object_id}`;

const COLUMNS = [
  words("occurred_at", "When, UTC", (event) => html`<a href=${hrefWith({ event: String(event.position) })}>${toTheSecond(event.occurred_at)}</a>`),
  words("actor_name", "Who", (event) => html`<${Clip} text=${who(event)} />`),
  words("action", "What"),
  words("object_id", "Object", (event) => html`<${Clip} text=${whereto(event)} />`),
  words("address", "From", ({ address }) => address ?? "–"),
];

const shown = (value) => {
  if (value === null || value === undefined) return html`<span class="quiet">–</span>`;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
};

const Differences = ({ before, after }) => {
  const fields = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  const changed = fields.filter((field) => JSON.stringify(before?.[field]) !== JSON.stringify(after?.[field]));
  return html`
    <table class="differences">
      <thead><tr><th scope="col">Field</th><th scope="col">Before</th><th scope="col">After</th></tr></thead>
      <tbody>
        ${changed.map((field) => html`<tr><th scope="row">${field}</th><td>${shown(before?.[field])}</td><td>${shown(after?.[field])}</td></tr>`)}
      </tbody>
    </table>
  `;
};

const Event = ({ event }) => html`
  <${Receipt}
    lines=${[
      ["When", `${toTheSecond(event.occurred_at)} UTC`],
      ["Who", who(event)],
      ["As", event.actor_kind],
      ["From", event.address ?? "–"],
      ["What", event.action],
      ["Object", whereto(event)],
      ["Request", html`<code>${event.request_id ?? "–"}</code>`],
      ["Link in the chain", `${count(event.position)}`],
      ["Its digest", html`<code class="breaks">${event.hash}</code>`],
    ]}
  />
  <${Differences} before=${event.before} after=${event.after} />
`;

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
        <input name=${name} aria-label=${NAMES[name]} placeholder=${NAMES[name]} defaultValue=${query[name] ?? ""} autocomplete="off" data-search=${index === 0 || undefined} />
      `)}
      <button class="button">Filter</button>
      ${FILTERS.some((name) => query[name]) && html`<a class="button" href=${hrefWith(cleared())}>Clear</a>`}
    </form>
  `;
};

const Events = ({ slug, answer, query, wanted, isStale }) => {
  if (answer.items.length === 0) return html`<${NothingMatches} what="changes" href=${hrefWith({ ...cleared(), from: null, to: null, range: null })} />`;
  const opened = answer.items.find(({ position }) => String(position) === query.event);
  return html`
    <section class="panel">
      <header>
        <h2>Changes, newest first</h2>
        <div class="tools"><a class="button small" download href=${auditFile(slug, wanted)}>CSV<span class="unseen"> of the whole period</span></a></div>
      </header>
      <${Table} caption="Changes, newest first" columns=${COLUMNS} rows=${answer.items} isSortable=${false} isStale=${isStale} />
      <footer class="pager">
        <span class="quiet">${count(answer.items.length)} on this page</span>
        ${query.cursor && html`<a class="button small" href=${hrefWith({ cursor: null })}>Newest</a>`}
        ${answer.next_cursor && html`<a class="button small" rel="next" href=${hrefWith({ cursor: String(answer.next_cursor) })}>Older</a>`}
      </footer>
    </section>
    ${opened && html`<${Drawer} title="Change" about=${opened.position} onClose=${() => setQuery({ event: null })}><${Event} event=${opened} /><//>`}
  `;
};

export const Surface = ({ slug, session }) => {
  const { query } = address.value;
  const filters = Object.fromEntries(FILTERS.map((name) => [name, query[name]]));
  const wanted = { ...periodAsked(query), ...filters };
  const asked = useAnswer(
    (options) => audit(slug, { ...wanted, cursor: query.cursor, limit: PAGE_ROWS }, options),
    JSON.stringify([slug, wanted, query.cursor]),
  );
  const { answer } = asked;
  return html`
    <${Page} title="Audit" line="Written by the database itself, each link chained to the one before" asked=${asked} session=${session} slug=${slug} tools=${html`<${PeriodControl} period=${answer?.period} />`}>
      <${Filters} query=${query} />
      ${answer && html`<${Events} slug=${slug} answer=${answer} query=${query} wanted=${wanted} isStale=${asked.isStale} />`}
    <//>
  `;
};
