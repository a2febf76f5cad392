// Budgets: is it going to be enough, and what was not as usual?

import { html } from "../vendor/preact.js";
import * as api from "../api.js";
import { Amount, Dash } from "../amount.js";
import { useAnswer } from "../answer.js";
import { Field, Said, SureButton, typedIn, useChange } from "../change.js";
import { clock, longDay, monthOf, shortDay, today } from "../dates.js";
import { CsvButton } from "../figure.js";
import { usd, usdSigned } from "../money.js";
import { counted, permissionName, projectName } from "../names.js";
import { acts, Clip, number, Page, words } from "../page.js";
import { Notice } from "../states.js";
import { Table } from "../table.js";

const METHODS = {
  same_weekday_mean_28_days: "Closed days, and for each day left the mean of that weekday over the last 28 days.",
  mean_of_closed_days: "Closed days, and for each day left the mean of all of them: there is less than a week to go by.",
};

const money = (key, label) => ({ key, label, kind: "money", value: (row) => row[key] });

const whose = ({ scope, department, project }) =>
  ({ workspace: "The workspace", department, project: projectName(project) })[scope] ?? scope;

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
  words("scope", "Whose", (row) => html`<${Clip} text=${whose(row)} />`),
  money("amount_usd", "Budget"),
  money("spent_usd", "Spent"),
  { key: "spent_percent", label: "Used", kind: "count", value: (row) => row.spent_percent, cell: (row) => `${row.spent_percent} %` },
  money("left_usd", "Left"),
  { key: "forecast_usd", label: "Month end (range)", kind: "money", value: (row) => row.forecast_usd, cell: range },
  words("crossed_percent", "State", state),
  money("imputed_usd", "Imputed, beside"),
  number("unpriced_count", "Unpriced"),
];

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

const Months = ({ slug, session, answer, mayEdit, onChanged }) => {
  const { change, said } = useChange(session.plans);
  const latest = answer.months.filter(({ period_month }) => period_month === answer.until);
  const end = async (row) => {
    await change(() => api.endBudget(slug, row.budget_id), `The budget of ${whose(row)} ended.`);
    onChanged();
  };
  const columns = mayEdit ? [...BUDGETS, acts((row) => html`<${SureButton} label="End" sure="From this month on?" onSure=${() => end(row)} />`)] : BUDGETS;
  if (latest.length === 0) return html`<${Notice} title="No budget is set for this month"><p>A budget is an amount per UTC month for the workspace, a department or a project. It warns at 50, 80 and 100 % and when the month is going to be more.</p><//>`;
  return html`
    <section class="panel">
      <header>
        <h2>${monthOf(answer.until)} against budget</h2>
        <${Said} said=${said} />
        <div class="tools"><${CsvButton} name="budgets" columns=${BUDGETS} rows=${latest} /></div>
      </header>
      <${Table} caption="Budgets of this month" columns=${columns} rows=${latest} />
    </section>
  `;
};

const SetBudget = ({ slug, session, departments, onSet }) => {
  const { change, said } = useChange(session.plans);
  const submit = async (event) => {
    event.preventDefault();
    const form = event.target;
    const { department, project, amount, month } = typedIn(form);
    const of = department ? { scope: "department", department_id: department } : project ? { scope: "project", project } : { scope: "workspace" };
    if (!(await change(() => api.setBudget(slug, { ...of, amount_usd: amount, first_month: month }), "The budget is set."))) return;
    form.reset();
    onSet();
  };
  return html`
    <details class="panel enter">
      <summary>Set a budget</summary>
      <p class="line">Name a department or a project; with neither it is the workspace's. It holds from its month on.</p>
      <form class="entry" onSubmit=${submit}>
        ${departments.length > 0 && html`
          <${Field} label="Department">
            <select name="department"><option value="">none</option>${departments.map(({ department_id, name }) => html`<option value=${department_id}>${name}</option>`)}</select>
          <//>
        `}
        <${Field} label="Project"><input name="project" autocomplete="off" /><//>
        <${Field} label="Per month, US dollars"><input name="amount" required inputmode="decimal" pattern="\\d+(\\.\\d{1,12})?" placeholder="500.00" autocomplete="off" /><//>
        <${Field} label="From month"><input type="month" name="month" required defaultValue=${today().slice(0, 7)} pattern="\\d{4}-\\d{2}" placeholder="YYYY-MM" /><//>
        <button class="button primary" disabled=${said.isBusy}>Set it</button>
        <${Said} said=${said} />
      </form>
    </details>
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

export const Surface = ({ slug, session, membership }) => {
  const asked = useAnswer((options) => api.budgets(slug, options), slug);
  const odd = useAnswer((options) => api.anomalies(slug, options), slug);
  const tree = useAnswer((options) => api.departmentTree(slug, options), slug);
  const mayEdit = session.plans?.roles[membership?.role]?.includes("edit_projects");
  const departments = (tree.answer?.departments ?? []).filter(({ kind, retired_on }) => kind === "department" && !retired_on);
  return html`
    <${Page} title="Budgets" line="US dollars per UTC month, metered spend" asked=${asked} session=${session} slug=${slug}>
      ${asked.answer && html`
        <${Months} slug=${slug} session=${session} answer=${asked.answer} mayEdit=${mayEdit} onChanged=${asked.retry} />
        <${Forecast} forecast=${asked.answer.forecast} />
        ${mayEdit
          ? html`<${SetBudget} slug=${slug} session=${session} departments=${departments} onSet=${asked.retry} />`
          : html`<p class="note">As ${membership?.role} you may not ${permissionName("edit_projects")}.</p>`}
        <${Alerts} answer=${asked.answer} />
      `}
      ${odd.answer && html`<${Anomalies} answer=${odd.answer} />`}
    <//>
  `;
};
