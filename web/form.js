// A form of a page: opened on demand, locked for who may not use it, refused at its field.

import { html, useState } from "./vendor/preact.js";
import { Said, SureButton, typedIn, useChange } from "./change.js";
import { permissionName } from "./names.js";

/** Why somebody may not, and which roles may; null for who may. */
export const lockOf = ({ session, membership }, permission) => {
  const roles = session.plans?.roles;
  if (!roles || !membership || roles[membership.role]?.includes(permission)) return null;
  const holders = Object.keys(roles).filter((role) => roles[role].includes(permission));
  return `As ${membership.role} you may not ${permissionName(permission)}. Roles that may: ${holders.join(", ")}.`;
};

/** What may be changed, or in its place why not. */
export const Permitted = ({ permission, children, ...who }) => {
  const lock = lockOf(who, permission);
  return lock ? html`<p class="line">${lock}</p>` : children;
};

/** A panel that opens to what may be changed. `line` says what it does. */
export const Enter = ({ title, line, isOpen, children, ...who }) => html`
  <details class="panel enter" open=${isOpen}>
    <summary>${title}</summary>
    ${line && html`<p class="line">${line}</p>`}
    <${Permitted} ...${who}>${children}<//>
  </details>
`;

/**
 * `send` asks for what was typed, `done` says that it happened. What was refused for
 * one field is in `wrong` under its name; the form empties itself when it was kept.
 */
export const useForm = (session, { send, done, onDone }) => {
  const { change, said } = useChange(session.plans);
  const [names, setNames] = useState([]);
  const submit = async (event) => {
    event.preventDefault();
    const form = event.target;
    const typed = typedIn(form);
    setNames(Object.keys(typed));
    if (!(await change(() => send(typed), done(typed)))) return;
    form.reset();
    onDone();
  };
  const wrong = said.wrong ?? {};
  const refused = Object.keys(wrong);
  const isMarked = refused.length > 0 && refused.every((name) => names.includes(name));
  return { submit, wrong, said: isMarked ? { ...said, text: "Nothing was changed: see what is marked." } : said };
};

/** `form` is what `useForm` gave; with `sure` its button asks twice. */
export const Form = ({ form, label, sure, isSecondary, children }) => html`
  <form class="entry" onSubmit=${form.submit}>
    ${children}
    ${sure
      ? html`<${SureButton} label=${label} sure=${sure} disabled=${form.said.isBusy} onSure=${({ currentTarget }) => currentTarget.form.requestSubmit()} />`
      : html`<button class=${isSecondary ? "button" : "button primary"} disabled=${form.said.isBusy}>${label}</button>`}
    <${Said} said=${form.said} />
  </form>
`;
