// How is this made? The question behind a figure, and all that it rests on.

import { html } from "./vendor/preact.js";
import * as api from "./api.js";
import { address, setQuery } from "./address.js";
import { useAnswer } from "./answer.js";
import { ago } from "./dates.js";
import { Drawer, Receipt } from "./drawer.js";
import { count, counted } from "./names.js";
import { Refused, Skeleton } from "./states.js";

const LAYERS = { marts: "table", intermediate: "step", staging: "reading", raw: "raw rows" };

const WENT = { pass: ["passes", ""], warn: ["warns", "waiting"], fail: ["fails", "exception"], error: ["could not be run", "exception"] };

const Test = ({ test }) => {
  const [name, tone] = WENT[test.status] ?? ["not run yet", "waiting"];
  return html`<li><span class=${`chip ${tone}`}>${name}</span> ${test.says}</li>`;
};

const testsTold = (tests) => {
  const failing = tests.filter(({ status }) => status === "fail" || status === "error").length;
  return `${counted(tests.length, "test")}${failing ? `, ${count(failing)} of which fail` : ""}`;
};

const Step = ({ step }) => html`
  <li>
    <details>
      <summary>
        <code>${step.name}</code> <span class="quiet">${LAYERS[step.layer]}${step.row_count !== null && `, ${counted(step.row_count, "row")}`}</span>
        <br />${step.description}
      </summary>
      ${step.reads.length > 0 && html`<p class="note">Made from ${step.reads.map((name, index) => html`${index > 0 && ", "}<code>${name}</code>`)}.</p>`}
      ${step.held_to.length > 0 && html`
        <p class="note">${testsTold(step.held_to)}:</p>
        <ul class="log">${step.held_to.map((test) => html`<${Test} test=${test} />`)}</ul>
      `}
    </details>
  </li>
`;

const Told = ({ how }) => html`
  <${Receipt}
    lines=${[
      ["Question", html`<code>${how.question}</code>`],
      ["Asked by", how.asked_by.join(", ")],
      ["Last build", how.last_build ? ago(how.last_build.published_at) : "none yet"],
      ["Tests last run", how.last_build?.looked_at ? ago(how.last_build.looked_at) : "not yet"],
    ]}
  />
  ${how.steps.length > 0 && html`
    <h3>What it rests on, nearest first</h3>
    <ul class="log">${how.steps.map((step) => html`<${Step} step=${step} />`)}</ul>
  `}
  <h3>What is asked</h3>
  <div class="log"><pre tabindex="0" aria-label="The question's SQL"><code>${how.sql}</code></pre></div>
`;

export const How = ({ slug, session }) => {
  const question = address.value.query.how;
  const { answer, refusal, retry } = useAnswer((options) => api.howMade(slug, question, options), `${slug} ${question}`);
  const close = () => setQuery({ how: null });
  return html`
    <${Drawer} title="How is this made?" about=${question} onClose=${close}>
      <${Refused} refusal=${refusal} retry=${retry} session=${session} slug=${slug} />
      ${answer ? html`<${Told} how=${answer} />` : !refusal && html`<${Skeleton} lines=${8} />`}
    <//>
  `;
};
