// What opens over a page from the right: one thing of a list, whole.

import { html, useLayoutEffect, useRef } from "./vendor/preact.js";

/** `about` says what is shown; when it changes, what is shown is another thing. `isWide`
 * makes room for two things side by side. */
export const Drawer = ({ title, about, isWide, onClose, children }) => {
  const dialog = useRef();
  useLayoutEffect(() => {
    if (!dialog.current.open) dialog.current.showModal();
  }, [about]);
  const onBackdrop = (click) => click.target === dialog.current && dialog.current.close();
  return html`
    <dialog class=${isWide ? "drawer wide" : "drawer"} ref=${dialog} aria-label=${title} onClose=${onClose} onClick=${onBackdrop}>
      <header>
        <h2>${title}</h2>
        <form method="dialog"><button class="button small">Close</button></form>
      </header>
      ${children}
    </dialog>
  `;
};

/** `lines`: `[name, shown]`. */
export const Receipt = ({ lines }) => html`
  <dl class="receipt">
    ${lines.map(([name, shown]) => html`<div><dt>${name}</dt><dd>${shown}</dd></div>`)}
  </dl>
`;
