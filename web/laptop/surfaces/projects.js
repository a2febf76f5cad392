// Projects: who uses it up, and of which are bodies kept?

import { html } from "../vendor/preact.js";
import { projects } from "../api.js";
import { address, pageHref, setQuery } from "../address.js";
import { useAnswer } from "../answer.js";
import { ago } from "../dates.js";
import { CsvButton } from "../figure.js";
import { usdFromMillicents } from "../money.js";
import { counted, providerName } from "../names.js";
import { number, Page, words } from "../page.js";
import { NothingMatches } from "../states.js";
import { Table } from "../table.js";

const spent = (key, label) => ({ key, label, kind: "money", value: (row) => usdFromMillicents(row[key]) });

const Tags = ({ project }) => html`
  ${project.is_capturing_bodies && html`${" "}<span class="chip">bodies kept</span>`}
  ${project.is_archived && html`${" "}<span class="chip">archived</span>`}
`;

const columns = (slug) => [
  words("slug", "Project", (project) => html`
    <a class="clip" title=${project.name} href=${pageHref(slug, "calls", { project: project.slug })}>${project.slug}</a><${Tags} project=${project} />
  `),
  spent("cost_usd_this_month_minor_units", "This month"),
  number("requests_this_month", "Requests"),
  spent("previous_month_cost_usd_minor_units", "Last month"),
  spent("all_time_cost_usd_minor_units", "All time"),
  number("all_time_requests", "Requests, all time"),
  words("top_model", "Dearest model", ({ top_provider, top_model }) =>
    top_model ? html`<span class="clip" title=${providerName(top_provider)}>${top_model}</span>` : "–"),
  words("last_active_at", "Last call", ({ last_active_at }) => (last_active_at ? ago(last_active_at) : "never")),
];

const search = ({ target }) => setQuery({ q: target.value || null }, { replace: true });

const Body = ({ rows, slug }) => html`
  <section class="panel">
    <header>
      <h2>${counted(rows.length, "project")}</h2>
      <div class="tools"><${CsvButton} name="projects" columns=${columns(slug)} rows=${rows} /></div>
    </header>
    <${Table} caption="Projects" columns=${columns(slug)} rows=${rows} />
  </section>
`;

export const Surface = ({ slug, session }) => {
  const asked = useAnswer(projects, "projects");
  const wanted = (address.value.query.q ?? "").toLowerCase();
  const rows = (asked.answer?.items ?? []).filter((each) => each.slug.toLowerCase().includes(wanted));
  return html`
    <${Page} title="Projects" line="Months in UTC; costs are the daemon's" asked=${asked} session=${session} slug=${slug}>
      <div class="filters">
        <input type="search" data-search aria-label="Filter projects" placeholder="Filter projects" value=${address.value.query.q ?? ""} onInput=${search} />
      </div>
      ${rows.length ? html`<${Body} rows=${rows} slug=${slug} />` : html`<${NothingMatches} what="projects" href=${pageHref(slug, "projects")} />`}
    <//>
  `;
};
