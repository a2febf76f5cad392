// Departments and shared costs as a tree, one of them opened, and what is changed about it.

import { html } from "./vendor/preact.js";
import * as api from "./api.js";
import { hrefWith, setQuery } from "./address.js";
import { Dash } from "./amount.js";
import { Field } from "./change.js";
import { dated, stands, today } from "./dates.js";
import { Drawer, Receipt } from "./drawer.js";
import { CsvButton } from "./figure.js";
import { Enter, Form, Permitted, useForm } from "./form.js";
import { counted } from "./names.js";
import { Clip, words } from "./page.js";
import { NewPool, Resplit, splitName, Splits } from "./pools.js";
import { Table } from "./table.js";

const EDIT = "edit_projects";

/** The ids and names that a choice offers: what is not retired. */
export const openOnes = ({ departments }, kind) =>
  departments.filter((each) => !each.retired_on && (!kind || each.kind === kind));

export const namesOf = ({ departments }) => new Map(departments.map(({ department_id, name }) => [department_id, name]));

/** An option for each department; with `none` one more that names no department. */
export const Options = ({ departments, none, chosen }) => html`
  ${none && html`<option value="">${none}</option>`}
  ${departments.map(({ department_id, name, kind }) => html`
    <option value=${department_id} selected=${department_id === chosen}>${name}${kind === "pool" ? " (shared)" : ""}</option>
  `)}
`;

// Every department below the one that it is below today, and shared costs after them.
const inTree = ({ departments, parents }) => {
  const parentOf = new Map(parents.filter(stands).map(({ department_id, parent_id }) => [department_id, parent_id]));
  const below = (parent, depth) =>
    departments
      .filter(({ department_id, kind }) => kind === "department" && (parentOf.get(department_id) ?? null) === parent)
      .flatMap((each) => [{ ...each, depth, parent_id: parent }, ...below(each.department_id, depth + 1)]);
  return [...below(null, 0), ...departments.filter(({ kind }) => kind === "pool").map((each) => ({ ...each, depth: 0, parent_id: null }))];
};

const day = (key, label) => words(key, label, (row) => (row[key] ? dated(row[key]) : html`<${Dash} />`));

const columnsOf = (tree, names) => {
  const splits = new Map(tree.splits.filter(stands).map((each) => [each.pool_id, each]));
  return [
    words("name", "Name", ({ department_id, name, depth }) => html`
      ${"\u2003".repeat(depth)}<a href=${hrefWith({ department: department_id })}><${Clip} text=${name} /></a>
    `),
    { ...words("split", "Split", ({ department_id, kind }) => (kind === "pool" ? splitName(splits.get(department_id), tree, names) : html`<${Dash} />`)), value: ({ kind, department_id }) => (kind === "pool" ? splitName(splits.get(department_id), tree, names) : null) },
    { ...words("parent_id", "Below", ({ parent_id }) => names.get(parent_id) ?? html`<${Dash} />`), value: ({ parent_id }) => names.get(parent_id) ?? null },
    day("opened_on", "Open since"),
    day("retired_on", "Retired"),
  ];
};

const NewDepartment = ({ slug, session, tree, onChanged }) => {
  const form = useForm(session, {
    send: (typed) => api.addDepartment(slug, typed),
    done: ({ name }) => `${name} is there; rules give to it.`,
    onDone: onChanged,
  });
  return html`
    <${Form} form=${form} label="Add it">
      <${Field} label="Name" wrong=${form.wrong.name}><input name="name" required maxlength="200" autocomplete="off" /><//>
      <${Field} label="Below" wrong=${form.wrong.parent_id}><select name="parent_id"><${Options} departments=${openOnes(tree, "department")} none="nothing" /></select><//>
      <${Field} label="Open since (UTC day)" wrong=${form.wrong.opened_on}><input type="date" name="opened_on" required defaultValue=${today()} /><//>
    <//>
  `;
};

const Rename = ({ slug, session, row, onChanged }) => {
  const form = useForm(session, {
    send: ({ name }) => api.renameDepartment(slug, row.department_id, name),
    done: ({ name }) => `It is called ${name}, in its past too.`,
    onDone: onChanged,
  });
  return html`
    <${Form} form=${form} label="Rename" isSecondary>
      <${Field} label="Name" wrong=${form.wrong.name}><input name="name" required maxlength="200" defaultValue=${row.name} autocomplete="off" /><//>
    <//>
  `;
};

const Move = ({ slug, session, tree, row, onChanged }) => {
  const form = useForm(session, {
    send: (typed) => api.moveDepartment(slug, row.department_id, typed),
    done: ({ since }) => `Moved from ${dated(since)} on; earlier days stay where they were.`,
    onDone: onChanged,
  });
  const others = openOnes(tree, "department").filter(({ department_id }) => department_id !== row.department_id);
  return html`
    <${Form} form=${form} label="Move" isSecondary>
      <${Field} label="Below" wrong=${form.wrong.parent_id}><select name="parent_id"><${Options} departments=${others} none="nothing" chosen=${row.parent_id} /></select><//>
      <${Field} label="From (UTC day)" wrong=${form.wrong.since}><input type="date" name="since" required defaultValue=${today()} /><//>
    <//>
  `;
};

const Retire = ({ slug, session, row, onChanged }) => {
  const form = useForm(session, {
    send: ({ on }) => api.retireDepartment(slug, row.department_id, on),
    done: ({ on }) => `Retired on ${dated(on)}, with the rules that gave to it.`,
    onDone: onChanged,
  });
  return html`
    <${Form} form=${form} label="Retire" sure="For good, with its rules?">
      <${Field} label="No more from (UTC day)" wrong=${form.wrong.on}><input type="date" name="on" required min=${row.opened_on} defaultValue=${today()} /><//>
    <//>
  `;
};

const Below = ({ parents, names }) => parents.length > 1 && html`
  <h3>Below what, when</h3>
  <ul class="log">
    ${parents.map(({ parent_id, valid_from, valid_to }) => html`<li>${names.get(parent_id)}, from ${dated(valid_from)}${valid_to && ` to ${dated(valid_to)}`}</li>`)}
  </ul>
`;

const Told = ({ tree, names, row, ...who }) => {
  const isPool = row.kind === "pool";
  const shown = { ...who, tree, row };
  return html`
    <${Receipt}
      lines=${[
        ["What it is", isPool ? "a shared cost, split over departments" : "a department"],
        ...(isPool ? [] : [["Below", names.get(row.parent_id) ?? "nothing"]]),
        ["Open since", dated(row.opened_on)],
        ...(row.retired_on ? [["Retired", dated(row.retired_on)]] : []),
      ]}
    />
    ${isPool
      ? html`<${Splits} tree=${tree} names=${names} pool=${row.department_id} />`
      : html`<${Below} parents=${tree.parents.filter(({ department_id }) => department_id === row.department_id)} names=${names} />`}
    ${!row.retired_on && html`
      <h3>Change it</h3>
      <${Permitted} permission=${EDIT} ...${who}>
        ${isPool ? html`<${Resplit} ...${shown} departments=${openOnes(tree, "department")} />` : html`<${Move} ...${shown} />`}
        <${Rename} ...${shown} />
        <${Retire} ...${shown} />
      <//>
    `}
  `;
};

/** `onChanged`: a department is another, so whatever names one may read otherwise. */
export const Departments = ({ tree, opened, ...who }) => {
  const names = namesOf(tree);
  const rows = inTree(tree);
  const columns = columnsOf(tree, names);
  const row = rows.find(({ department_id }) => department_id === opened);
  const isEmpty = rows.length === 0;
  return html`
    <section class="panel">
      <header>
        <h2>${isEmpty ? "No departments" : counted(openOnes(tree, "department").length, "department")}</h2>
        ${!isEmpty && html`<div class="tools"><${CsvButton} name="departments" columns=${columns} rows=${rows} /></div>`}
      </header>
      ${isEmpty
        ? html`<p class="line">A department has a place in a tree, which may change from a day on. Rules say what is given to it; what no rule gives is unallocated.</p>`
        : html`<${Table} caption="Departments and shared costs" columns=${columns} rows=${rows} isSortable=${false} />`}
    </section>
    <${Enter} title="Add a department" permission=${EDIT} ...${who}><${NewDepartment} ...${who} tree=${tree} /><//>
    <${Enter} title="Add a shared cost" permission=${EDIT} line="Rules give to it as to a department; each day of it is split over departments: by what each spent itself that day, evenly, or by weights." ...${who}>
      <${NewPool} ...${who} departments=${openOnes(tree, "department")} />
    <//>
    ${row && html`
      <${Drawer} title=${row.name} about=${opened} onClose=${() => setQuery({ department: null })}>
        <${Told} key=${opened} tree=${tree} names=${names} row=${row} ...${who} />
      <//>
    `}
  `;
};
