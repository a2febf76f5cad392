// Executive: what is this costing the company?

import { html } from "../vendor/preact.js";
import * as api from "../api.js";
import { address, setQuery } from "../address.js";
import { Amount, Dash } from "../amount.js";
import { useAnswer } from "../answer.js";
import { monthOf, today } from "../dates.js";
import { CsvButton } from "../figure.js";
import { usd } from "../money.js";
import { counted } from "../names.js";
import { Clip, number, Page, words } from "../page.js";
import { Table } from "../table.js";

const LINES = { list_usage: "List usage", discounts: "− Discounts", gross: "Gross", credits: "− Credits", net: "Net", tax: "+ Tax", payable: "Payable, as billed so far" };
const money = (key, label) => ({ key, label, kind: "money", value: (row) => row[key] });
const told = (cost) => (cost === null || cost === undefined ? html`<${Dash} />` : html`<${Amount} cost=${cost} write=${usd} />`);
const known = (key, label) => ({ ...money(key, label), cell: (row) => told(row[key]) });
const share = (points) => (points === null ? html`<${Dash} />` : `${Math.trunc(points / 100)}.${String(points % 100).padStart(2, "0")} %`);

const PROFIT = [
  words("name", "Line", ({ name }) => LINES[name] ?? name),
  known("amount_usd", "US dollars"),
  words("note", "Told by", ({ note }) => html`<span class="quiet">${note}</span>`),
];

const bills = ({ account_count, agreed_count, investigate_count, missing_count }) => {
  if (account_count === 0) return html`<${Dash} />`;
  if (investigate_count > 0) return html`<span class="chip exception">${investigate_count} to investigate</span>`;
  if (missing_count > 0) return html`<span class="chip waiting">${missing_count} missing</span>`;
  return html`<span class="chip">${agreed_count} agree</span>`;
};

const MONTHS = [
  words("period_month", "Month", ({ period_month }) => monthOf(period_month)),
  money("cost_usd", "Spend"),
  { key: "unallocated_basis_points", label: "Unallocated", kind: "count", value: (row) => row.unallocated_basis_points, cell: (row) => share(row.unallocated_basis_points) },
  known("thousand_requests_usd", "Per 1,000 requests"),
  known("million_tokens_usd", "Per million tokens"),
  known("payable_usd", "Billed"),
  words("account_count", "Bills", bills),
  number("unpriced_count", "Unpriced"),
  money("imputed_usd", "Imputed, beside"),
];

const departmentColumns = (budgets) => {
  const budget = new Map(budgets.filter(({ scope }) => scope === "department").map((each) => [each.department_id, each]));
  const of = (row) => budget.get(row.department_id);
  return [
    words("name", "Department", ({ name }) => html`<${Clip} text=${name ?? "Unallocated"} />`),
    money("own_usd", "Own"),
    money("shared_usd", "Of shared pools"),
    money("with_below_usd", "With all below"),
    { key: "budget", label: "Budget", kind: "money", value: (row) => of(row)?.amount_usd ?? null, cell: (row) => told(of(row)?.amount_usd) },
    { key: "used", label: "Used", kind: "count", value: (row) => of(row)?.spent_percent ?? null, cell: (row) => (of(row) ? html`<span class=${of(row).crossed_percent === 100 ? "over" : undefined}>${of(row).spent_percent} %</span>` : html`<${Dash} />`) },
    { key: "forecast", label: "Month end", kind: "money", value: (row) => of(row)?.forecast_usd ?? null, cell: (row) => told(of(row)?.forecast_usd) },
    money("imputed_with_below_usd", "Imputed, beside"),
  ];
};

const Body = ({ answer }) => {
  const columns = departmentColumns(answer.budgets);
  const rows = [...answer.departments, answer.unallocated];
  const metered = answer.forecast.find(({ billing_basis }) => billing_basis === "api");
  return html`
    <div class="pair">
      <section class="panel">
        <header><h2>${monthOf(answer.month.since)}</h2></header>
        <${Table} caption="From list usage to what is payable" columns=${PROFIT} rows=${answer.lines} isSortable=${false} />
        <p class="line">Lines without a figure: nobody has told.</p>
      </section>
      <section class="panel">
        <header><h2>Month end</h2></header>
        ${metered && metered.forecast_usd !== null
          ? html`<p class="line"><span class="figure"><${Amount} cost=${metered.forecast_usd} /></span> expected, between <${Amount} cost=${metered.low_usd} /> and <${Amount} cost=${metered.high_usd} />. Closed days, and the mean of each weekday over the last 28 days for every day left.</p>`
          : html`<p class="line">${answer.forecast.length === 0 ? "This month is over." : "No day of it is closed yet."}</p>`}
      </section>
    </div>
    <section class="panel">
      <header>
        <h2>Departments against budget</h2>
        <div class="tools"><${CsvButton} name="departments" columns=${columns} rows=${rows} /></div>
      </header>
      <p class="line">Own and shared add up, with what is unallocated, to list usage: a department's figure with all below it counts its children again.</p>
      <${Table} caption="Departments against budget" columns=${columns} rows=${rows} />
      ${answer.pools.map((pool) => html`<p class="line">${pool.name}: <${Amount} cost=${pool.cost_usd} /> of ${counted(pool.request_count, "request")}, split over departments above.</p>`)}
    </section>
    <section class="panel">
      <header>
        <h2>${counted(answer.months.length, "month")}</h2>
        <div class="tools"><${CsvButton} name="months" columns=${MONTHS} rows=${answer.months} /></div>
      </header>
      <${Table} caption="Twelve months, newest first" columns=${MONTHS} rows=${answer.months} isSortable=${false} />
    </section>
  `;
};

export const Surface = ({ slug, session }) => {
  const { month } = address.value.query;
  const asked = useAnswer((options) => api.executive(slug, { month }, options), `${slug} ${month}`);
  const choose = ({ target }) => setQuery({ month: target.value || null });
  const tools = html`<input type="month" aria-label="Month" placeholder="YYYY-MM" max=${today().slice(0, 7)} value=${month ?? today().slice(0, 7)} onChange=${choose} />`;
  return html`
    <${Page} title="Executive" line="US dollars, UTC months" asked=${asked} session=${session} slug=${slug} tools=${tools}>
      ${asked.answer && html`<${Body} answer=${asked.answer} />`}
    <//>
  `;
};
