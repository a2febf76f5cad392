// What a page shows when it has no figures to show, and why.

import { html } from "./vendor/preact.js";
import { restoreWorkspace } from "./api.js";
import { pageHref } from "./address.js";
import { Said, useChange } from "./change.js";
import { clock } from "./dates.js";
import { permissionName, SURFACES } from "./names.js";

// What to run on a machine so that it asks to be paired.
const PAIR_COMMAND = "halton-meter connect";

export const Notice = ({ title, tone = "calm", children }) => html`
  <section class=${`notice ${tone}`} aria-label=${title}>
    <h2>${title}</h2>
    ${children}
  </section>
`;

/** Held back for 150 ms by the style sheet, so that a quick answer shows no flicker. */
export const Skeleton = ({ lines = 6 }) => html`
  <div class="skeleton" role="status">
    <span class="unseen">Loading</span>
    ${Array.from({ length: lines }, () => html`<span aria-hidden="true"></span>`)}
  </div>
`;

export const NothingPaired = () => html`
  <${Notice} title="No machine is paired yet">
    <p>Figures appear here once a machine sends its usage. On that machine, run</p>
    <pre><code>${PAIR_COMMAND}</code></pre>
    <p>It prints a code and a link to <a href="/connect">Connect</a>, where you approve it.</p>
  <//>
`;

export const NothingMatches = ({ what, href }) => html`
  <${Notice} title=${`No ${what} in this period`}>
    <p>Machines are paired, but nothing matches the period and filters chosen.</p>
    ${href && html`<p><a class="button" href=${href}>Clear them</a></p>`}
  <//>
`;

const Failed = ({ refusal, retry }) => {
  const { message, request_id, retry_after } = refusal.details;
  return html`
    <${Notice} title="This page could not be loaded" tone="exception">
      <p>${message}</p>
      ${retry_after && html`<p>The server asks to wait ${retry_after} seconds.</p>`}
      ${request_id && html`<p class="quiet">Request <code>${request_id}</code></p>`}
      <p><button type="button" class="button" onClick=${retry}>Try again</button></p>
    <//>
  `;
};

const Locked = ({ refusal, session, slug }) => {
  const { feature, min_tier, current_tier } = refusal.details;
  const displayed = (tier) => session.plans?.tiers[tier]?.display ?? tier;
  const surface = SURFACES[feature] ?? { name: feature };
  return html`
    <${Notice} title=${`${surface.name} is part of the ${displayed(min_tier)} plan`} tone="locked">
      <dl class="pairs">
        <div><dt>Plan it needs</dt><dd>${displayed(min_tier)}</dd></div>
        <div><dt>Plan you have</dt><dd>${displayed(current_tier)}</dd></div>
      </dl>
      ${surface.holds && html`
        <h3>What it holds</h3>
        <ul>${surface.holds.map((line) => html`<li>${line}</li>`)}</ul>
      `}
      <p class="quiet">An owner or a billing member of the workspace can change its plan.</p>
      <p><a class="button" href=${pageHref(slug, "overview")}>Back to Overview</a></p>
    <//>
  `;
};

const Forbidden = ({ refusal, session }) => {
  const { permission, role, message } = refusal.details;
  const holders = Object.entries(session.plans?.roles ?? {})
    .filter(([, permissions]) => permissions.includes(permission))
    .map(([name]) => name);
  return html`
    <${Notice} title="Your role does not open this page">
      <p>${role ? `You are ${role} here; that role may not ${permissionName(permission)}.` : message}</p>
      ${holders.length > 0 && html`<p class="quiet">Roles that may: ${holders.join(", ")}.</p>`}
    <//>
  `;
};

const Deleted = ({ membership, slug }) => {
  const { change, said } = useChange();
  const restore = async () => (await change(() => restoreWorkspace(slug), "")) && window.location.reload();
  return html`
    <${Notice} title="This workspace was deleted">
      <p>It can be brought back until ${clock(membership.restorable_until)}.</p>
      ${membership.role === "owner"
        ? html`<p><button type="button" class="button" disabled=${said.isBusy} onClick=${restore}>Bring it back</button></p>`
        : html`<p class="quiet">Its owners can do that.</p>`}
      <${Said} said=${said} />
    <//>
  `;
};

const REFUSED = { locked: Locked, forbidden: Forbidden, error: Failed };

/** Nothing on the page can be chosen while its door is shut. */
export const isShut = (refusal) => ["locked", "forbidden"].includes(refusal?.kind);

/** The state in place of a page; null for offline, where the page shows dashes. */
export const Refused = (props) => {
  const { refusal, session, slug } = props;
  const membership = session.me?.workspaces?.find((each) => each.slug === slug);
  if (refusal && membership?.restorable_until) return html`<${Deleted} membership=${membership} slug=${slug} />`;
  const State = REFUSED[refusal?.kind];
  return State ? html`<${State} ...${props} />` : null;
};

export const OfflineBanner = ({ refusal, retry }) =>
  refusal?.kind === "offline" &&
  html`
    <div class="banner red" role="alert">
      <span>
        The server cannot be reached since ${clock(refusal.details.since)}. Figures show as dashes
        until it answers.
      </span>
      <button type="button" class="button" onClick=${retry}>Try again</button>
    </div>
  `;
