// An amount of money as an element: exact on hover, a chip where it is unpriced.

import { html } from "./vendor/preact.js";
import { change, usd, usdExact } from "./money.js";
import { count } from "./names.js";

export const Dash = () => html`<span class="dash" aria-label="not known">–</span>`;

/** `cost` is a decimal string, null where it is unpriced, undefined where not known. */
export const Amount = ({ cost, write = usd }) => {
  if (cost === undefined) return html`<${Dash} />`;
  if (cost === null) return html`<span class="chip">unpriced</span>`;
  return html`<data value=${cost} title=${usdExact(cost)}>${write(cost)}</data>`;
};

/** Spend of a set of requests; what has no price is told before it, so digits line up. */
export const Spend = ({ usage, write }) => html`
  ${usage?.unpriced_count > 0 && usage.cost_usd !== null && html`<${UnpricedCount} usage=${usage} /> `}
  <${Amount} cost=${costOf(usage)} write=${write} />
`;

/** Nothing was priced where nothing was asked: that is no unpriced spend. */
export const costOf = (usage) =>
  usage?.cost_usd === null && usage.unpriced_count === 0 ? undefined : usage?.cost_usd;

export const UnpricedCount = ({ usage }) => html`
  <a class="chip" href="#unpriced">+${count(usage.unpriced_count)} unpriced</a>
`;

/** How spend moved: rust for more, blue for less, always with its sign. */
export const Change = ({ now, before }) => {
  const moved = now && before ? change(now.cost_usd, before.cost_usd) : null;
  if (moved === null) return null;
  const way = { "+": "over", "\u2212": "under" }[moved[0]] ?? "level";
  return html`<span class=${`change ${way}`}>${moved}</span>`;
};
