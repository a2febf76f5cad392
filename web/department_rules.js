// What goes to which department: rules in their order, one of them opened, and labels.

import { html, useState } from "./vendor/preact.js";
import * as api from "./api.js";
import { hrefWith, setQuery } from "./address.js";
import { Dash } from "./amount.js";
import { useAnswer } from "./answer.js";
import { Field } from "./change.js";
import { dated, midnightOf, stands, today } from "./dates.js";
import { namesOf, openOnes, Options } from "./departments.js";
import { Drawer, Receipt } from "./drawer.js";
import { CsvButton } from "./figure.js";
import { Enter, Form, Permitted, useForm } from "./form.js";
import { counted, providerName } from "./names.js";
import { Clip, number, words } from "./page.js";
import { Table } from "./table.js";

const EDIT = "edit_projects";
const ON = { project: "project", tag: "label", machine: "machine", member: "member's machines", provider: "provider" };
const AGAIN = "What it touches is allocated again within seconds.";

const valueOf = ({ match_on, match_value, match_name }) => match_name ?? (match_on === "provider" ? providerName(match_value) : match_value);
const isOver = ({ valid_to }) => valid_to && new Date(valid_to) <= Date.now();

/** Columns of what holds from a moment to another. */
export const STRETCH = [
  words("valid_from", "From", (row) => html`${dated(row.valid_from)}${!stands(row) && !isOver(row) && html` <span class="chip waiting">to come</span>`}`),
  words("valid_to", "Until", ({ valid_to }) => (valid_to ? dated(valid_to) : html`<${Dash} />`)),
];

const columnsOf = (names) => [
  { ...words("match_value", "Given", (row) => html`<a href=${hrefWith({ rule: row.rule_id })}><${Clip} text=${valueOf(row)} /></a>`), value: valueOf },
  words("match_on", "As a", ({ match_on }) => ON[match_on] ?? match_on),
  { ...words("department_id", "To", ({ department_id }) => html`<${Clip} text=${names.get(department_id)} />`), value: ({ department_id }) => names.get(department_id) },
  number("priority", "Order"),
  ...STRETCH,
];

// One of a list that the API gives to who may read it; for others, its id as typed.
const Chosen = ({ ask, what, text, label, wrong }) => {
  const { answer, refusal } = useAnswer(ask, what);
  const listed = answer?.items ?? answer ?? [];
  return html`
    <${Field} label=${label} wrong=${wrong}>
      ${refusal
        ? html`<input name="match_value" required placeholder=${`id of the ${what}`} title=${refusal.message} autocomplete="off" />`
        : html`<select name="match_value" required>${listed.map((each) => html`<option value=${each[`${what === "machine" ? "machine" : "user"}_id`]}>${text(each)}</option>`)}</select>`}
    <//>
  `;
};

const Value = ({ slug, on, wrong }) => {
  if (on === "machine") return html`<${Chosen} key=${on} what=${on} label="Machine" wrong=${wrong} ask=${(options) => api.machines(slug, options)} text=${({ hostname }) => hostname} />`;
  if (on === "member") return html`<${Chosen} key=${on} what=${on} label="Member" wrong=${wrong} ask=${(options) => api.members(slug, options)} text=${({ email }) => email} />`;
  const label = ON[on][0].toUpperCase() + ON[on].slice(1);
  return html`<${Field} key=${on} label=${label} wrong=${wrong}><input name="match_value" required maxlength="255" list=${`every-${on}`} autocomplete="off" /><//>`;
};

const NewRule = ({ slug, session, tree, onChanged }) => {
  const [on, setOn] = useState("project");
  const form = useForm(session, {
    send: ({ priority, valid_from, valid_to, replaces, ...typed }) =>
      api.addRule(slug, {
        ...typed,
        priority: Number(priority),
        valid_from: midnightOf(valid_from),
        valid_to: midnightOf(valid_to),
        replaces: replaces === "on",
      }),
    done: () => `The rule holds. ${AGAIN}`,
    onDone: () => (setOn("project"), onChanged()),
  });
  return html`
    <${Form} form=${form} label="Add the rule">
      <${Field} label="Given is a" wrong=${form.wrong.match_on}>
        <select name="match_on" onChange=${({ target }) => setOn(target.value)}>
          ${Object.entries(ON).map(([each, name]) => html`<option value=${each} selected=${each === on}>${name}</option>`)}
        </select>
      <//>
      <${Value} slug=${slug} on=${on} wrong=${form.wrong.match_value} />
      <${Field} label="To" wrong=${form.wrong.department_id}><select name="department_id" required><${Options} departments=${openOnes(tree)} /></select><//>
      <${Field} label="Order, lowest first" wrong=${form.wrong.priority}><input type="number" name="priority" required min="1" max="1000000" step="1" defaultValue="100" /><//>
      <${Field} label="From (UTC day)" wrong=${form.wrong.valid_from}><input type="date" name="valid_from" required defaultValue=${today()} /><//>
      <${Field} label="Until (not that day)" wrong=${form.wrong.valid_to}><input type="date" name="valid_to" /><//>
      <label class="tick"><input type="checkbox" name="replaces" /> in place of a rule on the same</label>
    <//>
  `;
};

const GiveElsewhere = ({ slug, session, tree, row, onChanged }) => {
  const { match_on, match_value, priority, valid_to } = row;
  const form = useForm(session, {
    send: ({ department_id, since }) =>
      api.addRule(slug, { match_on, match_value, priority, valid_to, department_id, valid_from: midnightOf(since), replaces: true }),
    done: ({ since }) => `Given there from ${dated(since)} on; earlier days stay where they were. ${AGAIN}`,
    onDone: onChanged,
  });
  return html`
    <${Form} form=${form} label="Give it there" isSecondary>
      <${Field} label="To" wrong=${form.wrong.department_id}><select name="department_id" required><${Options} departments=${openOnes(tree)} chosen=${row.department_id} /></select><//>
      <${Field} label="From (UTC day)" wrong=${form.wrong.valid_from}><input type="date" name="since" required defaultValue=${today()} /><//>
    <//>
  `;
};

const End = ({ slug, session, row, onChanged }) => {
  const form = useForm(session, {
    send: ({ at }) => api.endRule(slug, row.rule_id, midnightOf(at)),
    done: ({ at }) => `It gives nothing from ${dated(at)} on. ${AGAIN}`,
    onDone: onChanged,
  });
  return html`
    <${Form} form=${form} label="End it" sure="From that day on?">
      <${Field} label="No more from (UTC day)" wrong=${form.wrong.at}><input type="date" name="at" required defaultValue=${today()} /><//>
    <//>
  `;
};

const Told = ({ names, row, ...shown }) => html`
  <${Receipt}
    lines=${[
      ["Given", valueOf(row)],
      ["As a", ON[row.match_on] ?? row.match_on],
      ["To", names.get(row.department_id)],
      ["Order", row.priority],
      ["From", dated(row.valid_from)],
      ["Until", row.valid_to ? dated(row.valid_to) : html`<${Dash} />`],
      ...(row.match_name ? [["Its id", html`<code>${row.match_value}</code>`]] : []),
    ]}
  />
  ${!isOver(row) && html`
    <h3>Change it</h3>
    <${Permitted} permission=${EDIT} ...${shown}>
      <${GiveElsewhere} ...${shown} row=${row} />
      <${End} ...${shown} row=${row} />
    <//>
  `}
`;

export const Rules = ({ tree, rules, opened, ...who }) => {
  const names = namesOf(tree);
  const columns = columnsOf(names);
  const [over, standing] = [rules.filter(isOver), rules.filter((row) => !isOver(row))];
  const row = rules.find(({ rule_id }) => rule_id === opened);
  return html`
    <section class="panel">
      <header>
        <h2>${counted(standing.length, "rule")}</h2>
        ${rules.length > 0 && html`<div class="tools"><${CsvButton} name="department-rules" columns=${columns} rows=${rules} /></div>`}
      </header>
      <p class="line">Tried from the top; the first that matches gives a request to its department. At one order a project goes before its labels, then the machine, its member, the provider. What none matches is unallocated.</p>
      ${standing.length > 0 && html`<${Table} caption="Rules in their order" columns=${columns} rows=${standing} isSortable=${false} />`}
    </section>
    ${over.length > 0 && html`
      <details class="panel enter">
        <summary>${counted(over.length, "rule")} that ended</summary>
        <${Table} caption="Rules that ended" columns=${columns} rows=${over} isSortable=${false} />
      </details>
    `}
    <${Enter} title="Add a rule" permission=${EDIT} line="Its past counts as well: from an earlier day on, that day's spend is given again." ...${who}>
      ${openOnes(tree).length > 0
        ? html`<${NewRule} ...${who} tree=${tree} />`
        : html`<p class="line">There is no department to give to yet.</p>`}
    <//>
    ${row && html`
      <${Drawer} title=${valueOf(row)} about=${opened} onClose=${() => setQuery({ rule: null })}>
        <${Told} key=${opened} ...${who} tree=${tree} names=${names} row=${row} />
      <//>
    `}
  `;
};
