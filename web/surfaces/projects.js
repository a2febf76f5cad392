// Projects: who uses it up?

import { html } from "../vendor/preact.js";
import { projects } from "../api.js";
import { address, hrefWith, setQuery } from "../address.js";
import { Amount, costOf } from "../amount.js";
import { useAnswer } from "../answer.js";
import { shortDay } from "../dates.js";
import { CsvButton } from "../figure.js";
import { PageHead } from "../frame.js";
import { counted, projectName } from "../names.js";
import { ClampedNote, periodAsked, PeriodControl, PeriodLine } from "../period.js";
import { isShut, NothingMatches, OfflineBanner, Refused, Skeleton } from "../states.js";
import { Table, USAGE } from "../table.js";

const date = (key, label) => ({
  key,
  label,
  kind: "text",
  value: (row) => row[key],
  cell: (row) => shortDay(row[key]),
});

const COLUMNS = [
  {
    key: "project",
    label: "Project",
    kind: "text",
    value: ({ project }) => project,
    cell: ({ project }) => html`<span class="clip" title=${project}>${projectName(project)}</span>`,
  },
  USAGE.costAlone,
  USAGE.requests,
  USAGE.failed,
  USAGE.unpriced,
  USAGE.input,
  USAGE.output,
  USAGE.cached,
  date("first_date", "First day"),
  date("last_date", "Last day"),
];

const search = ({ target }) => setQuery({ q: target.value || null }, { replace: true });

const Apart = ({ usage, what }) =>
  usage.request_count > 0 &&
  html`
    <p class="note">
      Apart from this: <${Amount} cost=${costOf(usage)} /> for
      ${" "}${counted(usage.request_count, "request")} ${what}.
    </p>
  `;

const Body = ({ answer, isStale, q }) => {
  const wanted = q.toLowerCase();
  const rows = answer.projects.filter(({ project }) => projectName(project).toLowerCase().includes(wanted));
  if (rows.length === 0) {
    return html`<${NothingMatches} what="projects" href=${hrefWith({ q: null, from: null, to: null, range: null })} />`;
  }
  return html`
    <section class="panel">
      <header>
        <h2>${counted(rows.length, "project")}${q && html`<span class="quiet"> of ${answer.projects.length} match</span>`}</h2>
        <div class="tools"><${CsvButton} name="projects" columns=${COLUMNS} rows=${rows} /></div>
      </header>
      <${Table} caption="Projects by spend" columns=${COLUMNS} rows=${rows} totals=${{ label: "All projects", row: answer.total }} isStale=${isStale} />
    </section>
    <${Apart} usage=${answer.imputed} what="of flat-fee subscriptions, imputed at list price" />
    <${Apart} usage=${answer.imported} what="that daemons imported rather than metered" />
  `;
};

export const Surface = ({ slug, session }) => {
  const { query } = address.value;
  const asked = periodAsked(query);
  const { answer, refusal, isStale, retry } = useAnswer(
    (options) => projects(slug, asked, options),
    JSON.stringify([slug, asked]),
  );
  return html`
    <${OfflineBanner} refusal=${refusal} retry=${retry} />
    <${PageHead} title="Projects" line=${html`<${PeriodLine} period=${answer?.period} />`} asOf=${answer?.as_of}>
      ${!isShut(refusal) && html`<${PeriodControl} period=${answer?.period} />`}
    <//>
    <${Refused} refusal=${refusal} retry=${retry} session=${session} slug=${slug} />
    ${(answer || refusal?.kind === "offline") && html`
      <div class="filters">
        <input type="search" data-search aria-label="Filter projects" placeholder="Filter projects" value=${query.q ?? ""} onInput=${search} />
      </div>
    `}
    ${refusal?.kind === "offline" && html`
      <section class="panel"><${Table} caption="Projects by spend" columns=${COLUMNS} rows=${[]} totals=${{ label: "All projects" }} /></section>
    `}
    ${answer && html`<${ClampedNote} period=${answer.period} /><${Body} answer=${answer} isStale=${isStale} q=${query.q ?? ""} />`}
    ${!answer && !refusal && html`<div class="sheet"><${Skeleton} lines=${8} /></div>`}
  `;
};
