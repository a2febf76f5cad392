// A page that asks once: its head, and below it the answer, a refusal, or waiting.

import { html } from "./vendor/preact.js";
import { PageHead } from "./frame.js";
import { isShut, OfflineBanner, Refused, Skeleton } from "./states.js";

/** `asked` is what `useAnswer` gave; `children` is shown once there is an answer. */
export const Page = ({ title, line, asked, tools, session, slug, children }) => {
  const { answer, refusal, retry } = asked;
  return html`
    <${OfflineBanner} refusal=${refusal} retry=${retry} />
    <${PageHead} title=${title} line=${html`<span class="quiet">${line}</span>`} asOf=${answer?.as_of}>
      ${!isShut(refusal) && tools}
    <//>
    <${Refused} refusal=${refusal} retry=${retry} session=${session} slug=${slug} />
    ${answer && children}
    ${!answer && !refusal && html`<div class="sheet"><${Skeleton} lines=${8} /></div>`}
  `;
};

/** `columns` as `table.js` has them, for words alone. */
export const words = (key, label, cell) => ({ key, label, kind: "text", value: (row) => row[key], cell });
export const number = (key, label) => ({ key, label, kind: "count", value: (row) => row[key] });
/** A column of buttons: nothing to sort by. */
export const acts = (cell) => ({ key: "acts", label: html`<span class="unseen">Actions</span>`, kind: "acts", value: () => null, cell });

export const Clip = ({ text }) => html`<span class="clip" title=${text}>${text}</span>`;
