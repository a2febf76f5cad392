// Budgets: is it going to be enough, what was not as usual, and what is whose?

import { html } from "../vendor/preact.js";
import * as api from "../api.js";
import { address, hrefWith } from "../address.js";
import { Amount, Dash } from "../amount.js";
import { useAnswer } from "../answer.js";
import { Opened, placeOf, SetBudget, whose } from "../budget.js";
import { inWords } from "../change.js";
import { clock, longDay, monthOf, shortDay } from "../dates.js";
import { Rules } from "../department_rules.js";
import { Departments, openOnes } from "../departments.js";
import { CsvButton } from "../figure.js";
import { usd, usdSigned } from "../money.js";
import { counted, projectName } from "../names.js";
import { Clip, number, Page, words } from "../page.js";
import { Tags } from "../project_tags.js";
import { Notice } from "../states.js";
import { Table } from "../table.js";

const METHODS = {
  same_weekday_mean_28_days: "Closed days, and for each day left the mean of that weekday over the last 28 days.",
  mean_of_closed_days: "Closed days, and for each day left the mean of all of them: there is less than a week to go by.",
};

const money = (key, label) => ({ key, label, kind: "money", value: (row) => row[key] });

const range = (row) =>
  row.forecast_usd === null
    ? html`<${Dash} />`
    : html`<span title=${METHODS[row.forecast_method]}>${usd(row.forecast_usd)} <span class="quiet">(${usd(row.low_usd)} – ${usd(row.high_usd)})</span></span>`;

const state = ({ crossed_percent, is_forecast_over }) => {
  if (crossed_percent === 100) return html`<span class="chip exception">overspent</span>`;
  if (is_forecast_over) return html`<span class="chip exception">will not be enough</span>`;
  return crossed_percent > 0 ? html`<span class="chip waiting">${crossed_percent} % reached</span>` : html`<span class="chip">on course</span>`;
};

const BUDGETS = [
  words("scope", "Whose", (row) => html`<a href=${hrefWith({ budget: placeOf(row) })}><${Clip} text=${whose(row)} /></a>`),
  { ...money("amount_usd", "Budget"), isExact: true },
  money("spent_usd", "Spent"),
  { key: "spent_percent", label: "Used", kind: "count", value: (row) => row.spent_percent, cell: (row) => `${row.spent_percent} %` },
  money("left_usd", "Left"),
  { key: "forecast_usd", label: "Month end (range)", kind: "money", value: (row) => row.forecast_usd, cell: range },
  words("crossed_percent", "State", state),
  number("unpriced_count", "Unpriced"),
];
// What the table has no room for.
const FILED = [...BUDGETS, money("imputed_usd", "Imputed, beside")];

const Forecast = ({ forecast }) =>
  forecast.map((each) => each.forecast_usd !== null && html`
    <section class="panel">
      <header><h2>${each.billing_basis === "api" ? "This month" : "Imputed subscriptions, apart"}</h2></header>
      <p class="line">
        <span class="figure"><${Amount} cost=${each.forecast_usd} /></span> by the end of ${monthOf(each.period_month)}, between
        ${" "}<${Amount} cost=${each.low_usd} /> and <${Amount} cost=${each.high_usd} />;
        ${" "}<${Amount} cost=${each.spent_usd} /> so far. ${METHODS[each.forecast_method]}
      </p>
    </section>
  `);

const Months = ({ answer, opened, ...who }) => {
  const latest = answer.months.filter(({ period_month }) => period_month === answer.until);
  const row = latest.find((each) => placeOf(each) === opened);
  if (latest.length === 0) return html`<${Notice} title="No budget is set for this month"><p>A budget is an amount per UTC month for the workspace, a department or a project. It warns at 50, 80 and 100 % and when the month is going to be more.</p><//>`;
  return html`
    <section class="panel">
      <header>
        <h2>${monthOf(answer.until)} against budget</h2>
        <div class="tools"><${CsvButton} name="budgets" columns=${FILED} rows=${latest} /></div>
      </header>
      <${Table} caption="Budgets of this month" columns=${BUDGETS} rows=${latest} />
    </section>
    ${row && html`<${Opened} ...${who} row=${row} stretches=${answer.budgets.filter((each) => placeOf(each) === opened)} />`}
  `;
};

const LINES = { 50: "50 % was reached", 80: "80 % was reached", 100: "all of it was spent", forecast: "the month was going to be more" };

const Alerts = ({ answer }) => {
  const named = new Map(answer.months.map((row) => [row.budget_id, whose(row)]));
  const columns = [
    words("raised_at", "When", ({ raised_at }) => clock(raised_at)),
    words("budget_id", "Whose", ({ budget_id }) => named.get(budget_id) ?? "a budget that ended"),
    words("line", "What", ({ line }) => LINES[line] ?? line),
    money("amount_usd", "Budget"),
    money("spent_usd", "Spent then"),
    money("forecast_usd", "Forecast then"),
  ];
  return answer.alerts.length > 0 && html`
    <section class="panel">
      <header><h2>${counted(answer.alerts.length, "alert")}</h2></header>
      <${Table} caption="Alerts, newest first" columns=${columns} rows=${answer.alerts} isSortable=${false} />
    </section>
  `;
};

const SUBJECTS = { workspace: () => "The workspace", project: ({ subject }) => projectName(subject || null), department: ({ department }) => department ?? "a department", machine: () => "One machine" };
const subject = (row) => (SUBJECTS[row.scope] ?? (({ subject: named }) => named))(row);
const moved = ({ drivers }) =>
  drivers.length === 0
    ? html`<${Dash} />`
    : drivers.filter(({ dimension }) => dimension !== "machine").slice(0, 2).map(({ dimension, moved: what, change_usd }) => html`<span class="clip" title=${`${dimension} ${what}`}>${projectName(what || null)} ${usdSigned(change_usd)}</span>${" "}`);

const ANOMALIES = [
  words("usage_date", "Day", ({ usage_date }) => html`<span title=${longDay(usage_date)}>${shortDay(usage_date)}</span>`),
  words("subject", "Whose", (row) => html`<${Clip} text=${subject(row)} />${row.billing_basis !== "api" && html` <span class="chip">imputed</span>`}`),
  money("cost_usd", "Spent"),
  money("usual_usd", "Usual"),
  { key: "change_usd", label: "Change", kind: "money", value: (row) => row.change_usd, cell: ({ change_usd }) => html`<data class=${change_usd.startsWith("-") ? "under" : "over"} value=${change_usd}>${usdSigned(change_usd)}</data>` },
  words("drivers", "What moved", moved),
];

const Anomalies = ({ answer }) => html`
  <section class="panel">
    <header>
      <h2>${answer.items.length === 0 ? "Every day was as usual" : `${counted(answer.items.length, "day")} not as usual`}</h2>
      <div class="tools"><${CsvButton} name="anomalies" columns=${ANOMALIES} rows=${answer.items} /></div>
    </header>
    <p class="line">${answer.method} The floor is ${usd(answer.floor_usd)}.</p>
    ${answer.items.length > 0 && html`<${Table} caption="Days that were not as usual" columns=${ANOMALIES} rows=${answer.items} />`}
  </section>
`;

const listed = (name, values) => html`<datalist id=${`every-${name}`}>${[...new Set(values)].map((value) => value && html`<option value=${value} />`)}</datalist>`;

// Who is allocated what: read together, because each names the others.
const Allocation = ({ query, onChanged, tree, ...who }) => {
  const rules = useAnswer((options) => api.rules(who.slug, options), who.slug);
  const tags = useAnswer((options) => api.tags(who.slug, options), who.slug);
  if (tree.refusal) return html`<section class="panel"><header><h2>Departments</h2></header><p class="line">${inWords(tree.refusal, who.session.plans)}</p></section>`;
  if (!tree.answer || !rules.answer || !tags.answer) return null;
  const then = { ...who, onChanged: () => [onChanged, rules.retry, tags.retry].forEach((ask) => ask()) };
  return html`
    <${Departments} ...${then} tree=${tree.answer} opened=${query.department} />
    <${Rules} ...${then} tree=${tree.answer} rules=${rules.answer} opened=${query.rule} />
    <${Tags} ...${then} tags=${tags.answer} />
    ${listed("tag", tags.answer.map(({ tag }) => tag))}
  `;
};

export const Surface = ({ slug, session, membership }) => {
  const { query } = address.value;
  const asked = useAnswer((options) => api.budgets(slug, options), slug);
  const odd = useAnswer((options) => api.anomalies(slug, options), slug);
  const tree = useAnswer((options) => api.departmentTree(slug, options), slug);
  const projects = useAnswer((options) => api.projects(slug, {}, options), slug);
  const who = { slug, session, membership, onChanged: () => [asked, tree].forEach(({ retry }) => retry()) };
  return html`
    <${Page} title="Budgets" line="US dollars per UTC month, metered spend" asked=${asked} session=${session} slug=${slug}>
      ${asked.answer && html`
        <${Months} ...${who} answer=${asked.answer} opened=${query.budget} />
        <${Forecast} forecast=${asked.answer.forecast} />
        <${SetBudget} ...${who} departments=${tree.answer ? openOnes(tree.answer, "department") : []} />
        <${Alerts} answer=${asked.answer} />
      `}
      ${odd.answer && html`<${Anomalies} answer=${odd.answer} />`}
      <${Allocation} ...${who} tree=${tree} query=${query} />
      ${listed("project", (projects.answer?.projects ?? []).map(({ project }) => project))}
    <//>
  `;
};
