// Join: see which workspace asks, then become a member of it.

import { html, render } from "../vendor/preact.js";
import { acceptInvitation, lookAtInvitation } from "../api.js";
import { pageHref } from "../address.js";
import { useAnswer } from "../answer.js";
import { inWords, Said, useChange } from "../change.js";
import { clock } from "../dates.js";
import { Receipt } from "../drawer.js";
import { Skeleton } from "../states.js";

// After the #, which no server is ever sent.
const token = window.location.hash.slice(1);

const Join = () => {
  const { answer, refusal, retry } = useAnswer((options) => lookAtInvitation(token, options), token);
  const { change, said } = useChange();
  const accept = async () => {
    const joined = await change(() => acceptInvitation(token), "");
    if (joined) window.location.assign(pageHref(joined.slug, "overview"));
  };
  if (refusal) {
    return html`
      <h1>Join a workspace</h1>
      <p class="said exception" role="alert">${inWords(refusal)}</p>
      <p class="note">An invitation opens once, for the address that it was sent to, and for a week.</p>
      <div class="row">
        <button type="button" class="button" onClick=${retry}>Try again</button>
        <a class="button" href="/">Go to your workspace</a>
      </div>
    `;
  }
  if (!answer) return html`<h1>Join a workspace</h1><${Skeleton} lines=${4} />`;
  return html`
    <h1 class="breaks">Join ${answer.workspace_name}</h1>
    <${Receipt} lines=${[["As", answer.role], ["Signed in as", answer.email], ["Until", clock(answer.expires_at)]]} />
    <${Said} said=${said} />
    <button type="button" class="button primary wide" disabled=${said.isBusy} onClick=${accept}>Join</button>
  `;
};

const root = document.querySelector("#app");
root.replaceChildren();
render(html`<${Join} />`, root);
