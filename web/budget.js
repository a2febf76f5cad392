// One budget: set, opened, another amount from a month on, ended before one.

import { html } from "./vendor/preact.js";
import * as api from "./api.js";
import { setQuery } from "./address.js";
import { Dash } from "./amount.js";
import { Field } from "./change.js";
import { monthOf, today } from "./dates.js";
import { Options } from "./departments.js";
import { Drawer, Receipt } from "./drawer.js";
import { Enter, Form, Permitted, useForm } from "./form.js";
import { usdExact } from "./money.js";
import { projectName } from "./names.js";

const EDIT = "edit_projects";

export const whose = ({ scope, department, project }) =>
  ({ workspace: "The workspace", department, project: projectName(project) })[scope] ?? scope;

/** What the address says when it is opened: another amount is another budget of the same. */
export const placeOf = ({ scope, department_id, project }) => [scope, department_id ?? project].filter(Boolean).join(":");

const AmountField = ({ wrong, ...input }) => html`
  <${Field} label="Per month, US dollars" wrong=${wrong}>
    <input name="amount_usd" required inputmode="decimal" pattern="\\d{1,12}(\\.\\d{1,12})?" placeholder="500.00" title="A decimal number, such as 500.00" autocomplete="off" ...${input} />
  <//>
`;

const MonthField = ({ name, label, wrong }) => html`
  <${Field} label=${label} wrong=${wrong}>
    <input type="month" name=${name} required defaultValue=${today().slice(0, 7)} pattern="\\d{4}-\\d{2}" placeholder="YYYY-MM" />
  <//>
`;

const NewBudget = ({ slug, session, departments, onChanged }) => {
  const form = useForm(session, {
    send: ({ department_id, project, ...typed }) => {
      const scope = department_id ? "department" : project ? "project" : "workspace";
      return api.setBudget(slug, { ...typed, scope, department_id, project });
    },
    done: () => "The budget is set.",
    onDone: onChanged,
  });
  return html`
    <${Form} form=${form} label="Set it">
      ${departments.length > 0 && html`
        <${Field} label="Department" wrong=${form.wrong.department_id}><select name="department_id"><${Options} departments=${departments} none="none" /></select><//>
      `}
      <${Field} label="Project" wrong=${form.wrong.project}><input name="project" maxlength="255" list="every-project" autocomplete="off" /><//>
      <${AmountField} wrong=${form.wrong.amount_usd} />
      <${MonthField} name="first_month" label="From month" wrong=${form.wrong.first_month} />
    <//>
  `;
};

export const SetBudget = ({ departments, ...who }) => html`
  <${Enter} title="Set a budget" permission=${EDIT} line="Name a department or a project; with neither it is the workspace's. It holds from its month on." ...${who}>
    <${NewBudget} ...${who} departments=${departments} />
  <//>
`;

const Change = ({ slug, session, row, onChanged }) => {
  const { scope, department_id, project } = row;
  const form = useForm(session, {
    send: (typed) => api.setBudget(slug, { ...typed, scope, department_id, project }),
    done: ({ first_month }) => `That amount holds from ${monthOf(first_month)} on; earlier months keep theirs.`,
    onDone: onChanged,
  });
  return html`
    <${Form} form=${form} label="Change it" isSecondary>
      <${AmountField} wrong=${form.wrong.amount_usd} />
      <${MonthField} name="first_month" label="From month" wrong=${form.wrong.first_month} />
    <//>
  `;
};

const End = ({ slug, session, row, onChanged }) => {
  const form = useForm(session, {
    send: ({ month }) => api.endBudget(slug, row.budget_id, month),
    done: ({ month }) => `There is none from ${monthOf(month)} on.`,
    onDone: onChanged,
  });
  return html`
    <${Form} form=${form} label="End it" sure="From that month on?">
      <${MonthField} name="month" label="No more from month" wrong=${form.wrong.month} />
    <//>
  `;
};

const exact = (cost) => (cost === null ? html`<${Dash} />` : usdExact(cost));

/** `row` is a budget in one month; `stretches` are all that were set for the same. */
export const Opened = ({ row, stretches, ...who }) => html`
  <${Drawer} title=${whose(row)} about=${placeOf(row)} onClose=${() => setQuery({ budget: null })}>
    <${Receipt}
      lines=${[
        ["Month", monthOf(row.period_month)],
        ["Budget", exact(row.amount_usd)],
        ["Spent", exact(row.spent_usd)],
        ["Left", exact(row.left_usd)],
        ["Month end, forecast", exact(row.forecast_usd)],
        ["Imputed, beside", exact(row.imputed_usd)],
      ]}
    />
    <h3>What was set</h3>
    <ul class="log">
      ${stretches.map(({ amount_usd, first_month, end_month }) => html`
        <li>${usdExact(amount_usd)} a month, from ${monthOf(first_month)}${end_month && ` to before ${monthOf(end_month)}`}</li>
      `)}
    </ul>
    <h3>Change it</h3>
    <${Permitted} key=${placeOf(row)} permission=${EDIT} ...${who}>
      <${Change} ...${who} row=${row} />
      <${End} ...${who} row=${row} />
    <//>
  <//>
`;
