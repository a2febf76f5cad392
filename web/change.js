// One change as a page makes it: on its way, done, or refused in words.

import { h, html, useId, useState } from "./vendor/preact.js";
import { leaveForSignIn } from "./address.js";
import { Refusal } from "./api.js";
import { permissionName } from "./names.js";

/** Why a change was not made, in a sentence. */
export const inWords = (refusal, plans) => {
  const { permission, role, min_tier, retry_after } = refusal.details ?? {};
  if (refusal.kind === "offline") return "Nothing was changed: the server cannot be reached.";
  if (refusal.kind === "locked") return `That is part of the ${plans?.tiers[min_tier]?.display ?? min_tier} plan.`;
  if (permission && role) return `As ${role} you may not ${permissionName(permission)}.`;
  return refusal.message + (retry_after ? ` Try again in ${retry_after} seconds.` : "");
};

/** `change(how, done)`: run it and say how it went. Gives its answer; undefined when refused. */
export const useChange = (plans) => {
  const [said, setSaid] = useState({});
  const change = async (how, done) => {
    setSaid({ isBusy: true });
    try {
      const answer = await how();
      setSaid({ text: done });
      return answer ?? true;
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
      if (refusal.kind === "signed-out") return leaveForSignIn();
      setSaid({ text: inWords(refusal, plans), isRefused: true, wrong: refusal.details.fields });
    }
  };
  return { change, said };
};

export const Said = ({ said }) => html`
  <p class=${`said ${said.isRefused ? "exception" : ""}`} role="status">${said.text}</p>
`;

/** What cannot be undone asks twice: the first press only says so. */
export const SureButton = ({ label, sure, onSure, disabled, title }) => {
  const [isArmed, setArmed] = useState(false);
  const press = (click) => {
    setArmed(!isArmed);
    if (isArmed) onSure(click);
  };
  return html`
    <button type="button" class=${`button small ${isArmed ? "exception" : ""}`} disabled=${disabled} title=${title} onClick=${press} onBlur=${() => setArmed(false)}>
      ${isArmed ? sure : label}
    </button>
  `;
};

/** `wrong` is what the server said of what stands in it, shown beside it. */
export const Field = ({ label, wrong, children }) => {
  const id = useId();
  const [control, ...rest] = [children].flat();
  const marked = wrong ? h(control.type, { ...control.props, "aria-invalid": "true", "aria-describedby": id }) : control;
  return html`
    <div class="field">
      <label><span>${label}</span>${marked}${rest}</label>
      ${wrong && html`<span class="wrong" id=${id}>${wrong}</span>`}
    </div>
  `;
};

/** What was typed, trimmed; what was left empty is null. */
export const typedIn = (form) =>
  Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, value.trim() || null]));
