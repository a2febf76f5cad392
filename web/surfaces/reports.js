// Reports: what did one person's machines cost?

import { html } from "../vendor/preact.js";
import * as api from "../api.js";
import { address, setQuery } from "../address.js";
import { Amount, costOf } from "../amount.js";
import { useAnswer } from "../answer.js";
import { span } from "../dates.js";
import { counted, projectName, providerName } from "../names.js";
import { Clip, Page, words } from "../page.js";
import { ClampedNote, periodAsked, PeriodControl } from "../period.js";
import { Table, USAGE } from "../table.js";

const METERED = "api";
const APART = [
  ["imputed", "subscription_imputed", "of flat-fee subscriptions, imputed at list price"],
  ["imported", "imported", "that daemons imported rather than metered"],
];

const MEASURES = [USAGE.costAlone, USAGE.requests, USAGE.failed, USAGE.unpriced, USAGE.input, USAGE.output, USAGE.cached];
const LINES = [
  words("project", "Project", ({ project }) => html`<${Clip} text=${projectName(project)} />`),
  words("model", "Model", ({ provider, model }) => html`<${Clip} text=${`${providerName(provider)} ${model}`} />`),
  ...MEASURES,
];
const MACHINES = [
  words("hostname", "Machine", ({ hostname, machine_id }) => html`<${Clip} text=${hostname ?? machine_id} />`),
  ...MEASURES,
];

const of = (basis, rows) => rows.filter(({ billing_basis }) => billing_basis === basis);

const whose = ({ email, user_id }) => email ?? `Somebody who left (${user_id})`;

const PersonChoice = ({ slug, session, person, chosen }) => {
  const { answer } = useAnswer((options) => api.members(slug, options), slug);
  const choose = ({ target }) => setQuery({ member: target.value || null });
  const mine = session.me?.email;
  const others = (answer ?? []).filter(({ email }) => email !== mine);
  const isListed = !chosen || others.some(({ user_id }) => user_id === chosen);
  return html`
    <select aria-label="Whose machines" value=${chosen ?? ""} onChange=${choose}>
      <option value="">${mine}</option>
      ${others.map(({ user_id, email }) => html`<option value=${user_id} selected=${user_id === chosen}>${email}</option>`)}
      ${!isListed && person && html`<option value=${chosen} selected>${whose(person)}</option>`}
    </select>
  `;
};

const Tables = ({ title, basis, total, answer, isStale }) => {
  const totals = { label: "All of it", row: total };
  return html`
    <section class="panel">
      <header><h2>${title}, by project and model</h2></header>
      <${Table} caption=${`${title}, by project and model`} columns=${LINES} rows=${of(basis, answer.lines)} totals=${totals} isStale=${isStale} />
    </section>
    <section class="panel">
      <header><h2>${title}, by machine</h2></header>
      <${Table} caption=${`${title}, by machine`} columns=${MACHINES} rows=${of(basis, answer.machines)} totals=${totals} isStale=${isStale} />
    </section>
  `;
};

const Body = ({ answer, isStale }) => html`
  <${ClampedNote} period=${answer.period} />
  <section class="panel">
    <header><h2>${whose(answer.person)}</h2></header>
    <p class="line">
      <span class="figure"><${Amount} cost=${costOf(answer.total)} /></span>
      ${" "}for ${counted(answer.total.request_count, "request")} of ${answer.workspace.name}, ${span(answer.period)}, UTC days.
      ${answer.total.unpriced_count > 0 && ` ${counted(answer.total.unpriced_count, "request")} without a price are in no amount.`}
    </p>
    ${APART.map(([name, , what]) => answer[name].request_count > 0 && html`
      <p class="line">Apart from this: <${Amount} cost=${costOf(answer[name])} /> for ${counted(answer[name].request_count, "request")} ${what}.</p>
    `)}
  </section>
  <${Tables} title="Spend" basis=${METERED} total=${answer.total} answer=${answer} isStale=${isStale} />
  ${APART.map(([name, basis]) => answer[name].request_count > 0 && html`
    <${Tables} title=${name === "imputed" ? "Imputed" : "Imported"} basis=${basis} total=${answer[name]} answer=${answer} isStale=${isStale} />
  `)}
  <p class="note">A machine counts for as long as it was this person's: whose it is, and since when, stands on Machines.</p>
`;

export const Surface = ({ slug, session, membership }) => {
  const { query } = address.value;
  const wanted = { ...periodAsked(query), member: query.member };
  const asked = useAnswer((options) => api.personalSummary(slug, wanted, options), JSON.stringify([slug, wanted]));
  const maySeeOthers = session.plans?.roles[membership?.role]?.includes("manage_members");
  const tools = html`
    <div class="tools">
      ${maySeeOthers && html`<${PersonChoice} slug=${slug} session=${session} person=${asked.answer?.person} chosen=${query.member} />`}
      <a class="button small" href=${api.personalSummaryFile(slug, wanted)} download>CSV</a>
      <button type="button" class="button small" onClick=${() => window.print()}>Print</button>
    </div>
    <${PeriodControl} period=${asked.answer?.period} />
  `;
  return html`
    <${Page} title="Reports" line="Personal summary: spend as logged, US dollars" asked=${asked} session=${session} slug=${slug} tools=${tools}>
      ${asked.answer && html`<${Body} answer=${asked.answer} isStale=${asked.isStale} />`}
    <//>
  `;
};
