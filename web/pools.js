// Shared costs: how each is split over departments, from which day on.

import { html } from "./vendor/preact.js";
import * as api from "./api.js";
import { Field } from "./change.js";
import { dated, stands, today } from "./dates.js";
import { Form, useForm } from "./form.js";

const SHARE = "share:";
const SPLITS = {
  proportional: "by own spend",
  even: "evenly",
  fixed: "by fixed weights",
};

const sharesOf = (split, { shares }) => shares.filter(({ pool_id, valid_from }) => pool_id === split.pool_id && valid_from === split.valid_from);

/** How a pool is split over a stretch of days, in words. */
export const splitName = (split, tree, names) => {
  if (!split) return "not split yet";
  const over = sharesOf(split, tree);
  const listed = over.map(({ department_id, weight }) => names.get(department_id) + (split.split === "fixed" ? ` ${weight}` : ""));
  return `split ${SPLITS[split.split] ?? split.split} over ${listed.join(", ") || "all that are open"}`;
};

export const Splits = ({ tree, names, pool }) => html`
  <h3>How it is split</h3>
  <ul class="log">
    ${tree.splits.filter(({ pool_id }) => pool_id === pool).map((each) => html`
      <li>from ${dated(each.valid_from)}${each.valid_to && ` to ${dated(each.valid_to)}`}: ${splitName(each, tree, names)}</li>
    `)}
  </ul>
`;

const splitOf = ({ split, since, ...typed }) => ({
  split,
  since,
  shares: Object.entries(typed)
    .filter(([name, weight]) => name.startsWith(SHARE) && weight)
    .map(([name, weight]) => ({ department_id: name.slice(SHARE.length), weight: Number(weight) })),
});

// `standing` is the split of now, to begin from.
const SplitFields = ({ departments, wrong, standing, weights }) => html`
  <${Field} label="Split" wrong=${wrong.split}>
    <select name="split">${Object.entries(SPLITS).map(([split, name]) => html`<option value=${split} selected=${split === standing?.split}>${name}</option>`)}</select>
  <//>
  <${Field} label="From (UTC day)" wrong=${wrong.since}><input type="date" name="since" required defaultValue=${today()} /><//>
  ${departments.length > 0 && html`
    <fieldset class="shares">
      <legend>Over the departments with a weight; over all that are open when none has one</legend>
      ${departments.map(({ department_id, name }) => html`
        <${Field} label=${name}><input type="number" name=${SHARE + department_id} min="1" max="1000000000" step="1" inputmode="numeric" placeholder="no share" defaultValue=${weights?.get(department_id)} /><//>
      `)}
    </fieldset>
  `}
`;

export const NewPool = ({ slug, session, departments, onChanged }) => {
  const form = useForm(session, {
    send: ({ name, ...typed }) => api.addPool(slug, { name, ...splitOf(typed) }),
    done: ({ name }) => `${name} is there; rules give to it.`,
    onDone: onChanged,
  });
  return html`
    <${Form} form=${form} label="Add it">
      <${Field} label="Name" wrong=${form.wrong.name}><input name="name" required maxlength="200" autocomplete="off" /><//>
      <${SplitFields} departments=${departments} wrong=${form.wrong} />
    <//>
  `;
};

export const Resplit = ({ slug, session, tree, row, departments, onChanged }) => {
  const standing = tree.splits.filter(stands).find(({ pool_id }) => pool_id === row.department_id);
  const weights = new Map((standing ? sharesOf(standing, tree) : []).map(({ department_id, weight }) => [department_id, weight]));
  const form = useForm(session, {
    send: (typed) => api.splitPool(slug, row.department_id, splitOf(typed)),
    done: ({ since }) => `Split so from ${dated(since)} on; earlier days stay as they were.`,
    onDone: onChanged,
  });
  return html`<${Form} form=${form} label="Split so" isSecondary><${SplitFields} departments=${departments} wrong=${form.wrong} standing=${standing} weights=${weights} /><//>`;
};
