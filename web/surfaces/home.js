// Home: on to the workspace that was open last, or to the only one.

import { html, render } from "../vendor/preact.js";
import { me } from "../api.js";
import { pageHref } from "../address.js";
import { useAnswer } from "../answer.js";
import { remembered } from "../frame.js";
import { Refused, Skeleton } from "../states.js";

const Home = () => {
  const { answer, refusal, retry } = useAnswer(me, "me");
  if (refusal?.kind === "offline") {
    return html`
      <p class="said exception" role="alert">The server cannot be reached.</p>
      <button type="button" class="button" onClick=${retry}>Try again</button>
    `;
  }
  if (refusal) return html`<${Refused} refusal=${refusal} retry=${retry} session=${{}} />`;
  if (!answer) return html`<${Skeleton} lines=${3} />`;
  const { workspaces, email } = answer;
  const last = workspaces.find(({ slug }) => slug === remembered()) ?? workspaces[0];
  if (last) {
    window.location.replace(pageHref(last.slug, "overview"));
    return html`<${Skeleton} lines=${3} />`;
  }
  return html`
    <h1>No workspace yet</h1>
    <p>You are signed in as ${email}, but no workspace has you as a member. Ask its owner for an invitation.</p>
  `;
};

const root = document.querySelector("#app");
root.replaceChildren();
render(html`<${Home} />`, root);
