// Labels that projects carry, for rules to match on.

import { html } from "./vendor/preact.js";
import * as api from "./api.js";
import { Field, Said, SureButton, useChange } from "./change.js";
import { midnightOf, stands, today } from "./dates.js";
import { STRETCH } from "./department_rules.js";
import { Enter, Form, lockOf, useForm } from "./form.js";
import { counted } from "./names.js";
import { acts, Clip, words } from "./page.js";
import { Table } from "./table.js";

const EDIT = "edit_projects";
const TAGS = [
  words("project", "Project", ({ project }) => html`<${Clip} text=${project} />`),
  words("tag", "Label", ({ tag }) => html`<${Clip} text=${tag} />`),
  ...STRETCH,
];

const NewTag = ({ slug, session, onChanged }) => {
  const form = useForm(session, {
    send: ({ valid_from, valid_to, ...typed }) => api.tagProject(slug, { ...typed, valid_from: midnightOf(valid_from), valid_to: midnightOf(valid_to) }),
    done: ({ project, tag }) => `${project} carries ${tag}.`,
    onDone: onChanged,
  });
  return html`
    <${Form} form=${form} label="Label it">
      <${Field} label="Project" wrong=${form.wrong.project}><input name="project" required maxlength="255" list="every-project" autocomplete="off" /><//>
      <${Field} label="Label" wrong=${form.wrong.tag}><input name="tag" required maxlength="100" list="every-tag" autocomplete="off" /><//>
      <${Field} label="From (UTC day)" wrong=${form.wrong.valid_from}><input type="date" name="valid_from" required defaultValue=${today()} /><//>
      <${Field} label="Until (not that day)" wrong=${form.wrong.valid_to}><input type="date" name="valid_to" /><//>
    <//>
  `;
};

export const Tags = ({ tags, ...who }) => {
  const { slug, session, onChanged } = who;
  const { change, said } = useChange(session.plans);
  const lock = lockOf(who, EDIT);
  const takeOff = async ({ project, tag }) => {
    await change(() => api.untagProject(slug, { project, tag }), `${project} carries ${tag} no more; its past keeps it.`);
    onChanged();
  };
  const act = acts((row) => stands(row) && html`<${SureButton} label="Take off" sure="From now on?" disabled=${said.isBusy || lock} title=${lock} onSure=${() => takeOff(row)} />`);
  return html`
    ${tags.length > 0 && html`
      <section class="panel">
        <header><h2>${counted(tags.length, "label")}</h2><${Said} said=${said} /></header>
        <${Table} caption="Labels of projects" columns=${[...TAGS, act]} rows=${tags} isSortable=${false} />
      </section>
    `}
    <${Enter} title="Label a project" permission=${EDIT} line="A rule on a label holds for every project that carries it, for as long as it does." ...${who}><${NewTag} ...${who} /><//>
  `;
};
