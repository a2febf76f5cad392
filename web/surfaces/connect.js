// Connect: see which machine asks, then approve or deny its pairing code.

import { html, render, useEffect, useState } from "../vendor/preact.js";
import { approvePairing, denyPairing, me, pairingAsked } from "../api.js";
import { pageHref } from "../address.js";
import { useAnswer } from "../answer.js";
import { ago } from "../dates.js";
import { remembered } from "../frame.js";
import { permissionName } from "../names.js";
import { Skeleton } from "../states.js";

const SYSTEMS = { Darwin: "macOS" };
const MINUTE_MS = 60_000;

const fromAddress = () => Object.fromEntries(new URLSearchParams(window.location.search));

const expiry = (expires_at) => {
  const left = new Date(expires_at) - Date.now();
  if (left <= 0) return `expired ${ago(expires_at)}`;
  const minutes = Math.ceil(left / MINUTE_MS);
  return `expires in ${minutes} minute${minutes === 1 ? "" : "s"}`;
};

const ENDED = {
  approved: ["Approved", "The machine finishes connecting by itself, within a few seconds. You can close this page."],
  denied: ["Denied", "Nothing was connected. The machine will say so."],
  expired: ["This code has expired", "Codes live ten minutes. Start again on the machine for a new one."],
  consumed: ["Already connected", "This code has done its work. Nothing is left to approve."],
};

const Machine = ({ pairing, workspace }) => html`
  <dl class="receipt">
    <div><dt>Host name</dt><dd class="breaks"><strong>${pairing.hostname}</strong></dd></div>
    <div><dt>System</dt><dd>${SYSTEMS[pairing.platform] ?? pairing.platform}</dd></div>
    <div><dt>Daemon</dt><dd>${pairing.daemon_version}</dd></div>
    <div><dt>Asked from</dt><dd class="breaks">${pairing.address}</dd></div>
    <div><dt>Workspace</dt><dd class="breaks">${workspace}</dd></div>
    <div><dt>Code</dt><dd><code>${pairing.pairing_code}</code>, ${expiry(pairing.expires_at)}</dd></div>
  </dl>
`;

const whyNot = (refusal) => {
  const { status, permission, role } = refusal.details ?? {};
  if (refusal.kind === "offline") return "The server cannot be reached.";
  if (permission) return `As ${role} you may not ${permissionName(permission)} in this workspace.`;
  if (status === 404) return "No machine is waiting under this code. Check it, or start again on the machine.";
  return refusal.message;
};

const Decision = ({ slug, code, workspace }) => {
  const asked = useAnswer((options) => pairingAsked(slug, code, options), `${slug} ${code}`);
  const [decided, setDecided] = useState(null);
  const [refused, setRefused] = useState(null);
  const [isBusy, setBusy] = useState(false);
  const decide = async (how) => {
    setBusy(true);
    setRefused(null);
    await how(slug, code).then(setDecided, setRefused);
    setBusy(false);
  };
  if (asked.refusal) {
    return html`
      <p class="said exception" role="alert">${whyNot(asked.refusal)}</p>
      <p><button type="button" class="button" onClick=${asked.retry}>Try again</button> <a class="button" href="/connect">Another code</a></p>
    `;
  }
  const pairing = decided ?? asked.answer;
  if (!pairing) return html`<${Skeleton} lines=${5} />`;
  const [title, line] = ENDED[pairing.status] ?? [];
  return html`
    <div role="status">${title && html`<h2>${title}</h2><p>${line}</p>`}</div>
    <${Machine} pairing=${pairing} workspace=${workspace} />
    ${!title && html`
      <p class="note">Approve only a machine that you know and that shows this very code.</p>
      <p class="said exception" role="alert">${refused && whyNot(refused)}</p>
      <div class="row decide">
        <button type="button" class="button primary" disabled=${isBusy} onClick=${() => decide(approvePairing)}>Approve</button>
        <button type="button" class="button" disabled=${isBusy} onClick=${() => decide(denyPairing)}>Deny</button>
      </div>
    `}
    ${title && html`<p><a class="button" href=${pageHref(slug, "overview")}>Go to Overview</a></p>`}
  `;
};

const Ask = ({ workspaces, given }) => html`
  <form method="get" action="/connect">
    <label class="field">
      <span>Pairing code</span>
      <input class="code" name="code" required autofocus autocomplete="off" autocapitalize="characters" spellcheck="false" placeholder="XXXX-XXXX" pattern="[0-9A-Za-z]{4}-?[0-9A-Za-z]{4}" title="Eight letters and digits, as the machine shows them" defaultValue=${given.code ?? ""} />
    </label>
    ${workspaces.length > 1 && html`
      <label class="field">
        <span>Workspace that it joins</span>
        <select name="workspace">
          ${workspaces.map(({ slug, name }) => html`<option value=${slug} selected=${slug === (given.workspace ?? remembered())}>${name}</option>`)}
        </select>
      </label>
    `}
    <button class="button primary wide">Show the machine</button>
  </form>
`;

const Connect = () => {
  const { answer, refusal, retry } = useAnswer(me, "me");
  const given = fromAddress();
  useEffect(() => {
    document.title = "Connect a machine · Halton Meter";
  }, []);
  if (refusal) {
    return html`
      <h1>Connect a machine</h1>
      <p class="said exception" role="alert">${whyNot(refusal)}</p>
      <button type="button" class="button" onClick=${retry}>Try again</button>
    `;
  }
  if (!answer) return html`<h1>Connect a machine</h1><${Skeleton} lines=${4} />`;
  const { workspaces } = answer;
  const chosen = workspaces.length === 1 ? workspaces[0] : workspaces.find(({ slug }) => slug === given.workspace);
  return html`
    <h1>Connect a machine</h1>
    ${workspaces.length === 0
      ? html`<p>You are in no workspace yet, so there is nothing to connect a machine to.</p>`
      : given.code && chosen
        ? html`<${Decision} slug=${chosen.slug} code=${given.code.toUpperCase()} workspace=${chosen.name} />`
        : html`<${Ask} workspaces=${workspaces} given=${given} />`}
  `;
};

const root = document.querySelector("#app");
root.replaceChildren();
render(html`<${Connect} />`, root);
