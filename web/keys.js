// Keyboard: `/` search, Ctrl-K palette, `g` and a letter to pages, `?` help, Esc.
// All of it can be switched off.

import { html, render, useLayoutEffect, useRef, useState } from "./vendor/preact.js";
import { address, goTo, pageHref } from "./address.js";
import { SURFACES } from "./names.js";

const OFF = "hmc-keys-off";
const remembered = () => {
  try {
    return localStorage.getItem(OFF) === "yes";
  } catch {
    return false;
  }
};

const G_WAITS_MS = 1_200;

let isOff = remembered();
let wentAt = -G_WAITS_MS;

const switchOff = (off) => {
  isOff = off;
  try {
    localStorage.setItem(OFF, off ? "yes" : "no");
  } catch {
    // Without storage the choice holds until the page is left.
  }
};

const isTyping = ({ target }) =>
  target.isContentEditable || /^(input|select|textarea)$/i.test(target.tagName);

const Dialog = ({ label, onClose, children }) => {
  const dialog = useRef();
  useLayoutEffect(() => dialog.current.showModal(), []);
  const onBackdrop = (click) => click.target === dialog.current && dialog.current.close();
  return html`
    <dialog ref=${dialog} aria-label=${label} onClose=${onClose} onClick=${onBackdrop}>${children}</dialog>
  `;
};

const Help = ({ onClose }) => html`
  <${Dialog} label="Keyboard shortcuts" onClose=${onClose}>
    <h2>Keyboard shortcuts</h2>
    <dl class="keys">
      <div><dt><kbd>/</kbd></dt><dd>Search on this page</dd></div>
      <div><dt><kbd>Ctrl</kbd> <kbd>K</kbd></dt><dd>Go to any page</dd></div>
      ${Object.values(SURFACES).map(({ name, letter }) => html`
        <div><dt><kbd>g</kbd> <kbd>${letter}</kbd></dt><dd>${name}</dd></div>
      `)}
      <div><dt><kbd>g</kbd> <kbd>c</kbd></dt><dd>Connect a machine</dd></div>
      <div><dt><kbd>←</kbd> <kbd>→</kbd></dt><dd>Day by day in a chart</dd></div>
      <div><dt><kbd>?</kbd></dt><dd>This list</dd></div>
      <div><dt><kbd>Esc</kbd></dt><dd>Close</dd></div>
    </dl>
    <label class="check">
      <input type="checkbox" defaultChecked=${!isOff} onChange=${(event) => switchOff(!event.target.checked)} />
      Shortcuts are on
    </label>
    <form method="dialog"><button class="button" autofocus>Close</button></form>
  <//>
`;

const destinations = () => {
  const { slug } = address.value;
  const pages = Object.entries(SURFACES).map(([page, { name }]) => [name, pageHref(slug, page)]);
  return slug ? [...pages, ["Connect a machine", "/connect"]] : [["Home", "/"]];
};

const Palette = ({ onClose }) => {
  const [typed, setTyped] = useState("");
  const matching = destinations().filter(([name]) => name.toLowerCase().includes(typed.toLowerCase()));
  const leave = (href) => {
    onClose();
    goTo(href);
  };
  const submit = (event) => {
    event.preventDefault();
    if (matching.length) leave(matching[0][1]);
  };
  return html`
    <${Dialog} label="Go to a page" onClose=${onClose}>
      <form onSubmit=${submit}>
        <input type="search" class="wide" aria-label="Page" placeholder="Go to…" autofocus value=${typed} onInput=${(event) => setTyped(event.target.value)} />
      </form>
      <ul class="choices">
        ${matching.map(([name, href]) => html`
          <li><button type="button" onClick=${() => leave(href)}>${name}</button></li>
        `)}
        ${matching.length === 0 && html`<li class="quiet">No such page</li>`}
      </ul>
    <//>
  `;
};

// Each dialog on a floor of its own: closing one, a moment later, never takes the next.
const open = (Floating) => {
  const floor = document.createElement("div");
  document.body.append(floor);
  const close = () => {
    render(null, floor);
    floor.remove();
  };
  render(html`<${Floating} onClose=${close} />`, floor);
};

export const openHelp = () => open(Help);

const search = () => {
  const field = document.querySelector("[data-search]");
  if (field) field.focus();
  else open(Palette);
};

const go = (letter) => {
  const { slug } = address.value;
  const page = Object.keys(SURFACES).find((name) => SURFACES[name].letter === letter);
  if (letter === "c") goTo("/connect");
  else if (slug && page) goTo(pageHref(slug, page));
};

const ACTIONS = { "/": search, "?": openHelp };

export const onKey = (event) => {
  if (isOff || event.defaultPrevented || document.querySelector("dialog[open]")) return;
  const { key } = event;
  if (key === "Escape" && isTyping(event)) return event.target.blur();
  if ((event.ctrlKey || event.metaKey) && key.toLowerCase() === "k") {
    event.preventDefault();
    return open(Palette);
  }
  if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
  const isGoing = event.timeStamp - wentAt < G_WAITS_MS;
  wentAt = key === "g" && !isGoing ? event.timeStamp : -G_WAITS_MS;
  if (isGoing) return go(key);
  if (ACTIONS[key]) {
    event.preventDefault();
    ACTIONS[key]();
  }
};
