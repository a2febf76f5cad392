// What a page shows when it has no figures: the cloud's states, in the laptop's words.

import { html } from "./vendor/preact.js";
import { clock } from "./dates.js";
import { Notice } from "./shared/states.js";

export * from "./shared/states.js";

export const NothingPaired = () => html`
  <${Notice} title="No calls in this period">
    <p>They appear here once the daemon on this machine has captured one. Is it running?</p>
    <pre><code>halton-meter status</code></pre>
    <p>For another period, choose it above.</p>
  <//>
`;

export const NothingMatches = ({ what, href }) => html`
  <${Notice} title=${`No ${what} match`}>
    <p>The daemon's file holds none for the period and filters chosen.</p>
    ${href && html`<p><a class="button" href=${href}>Clear them</a></p>`}
  <//>
`;

export const OfflineBanner = ({ refusal, retry }) =>
  refusal?.kind === "offline" &&
  html`
    <div class="banner red" role="alert">
      <span>
        The API on this machine does not answer since ${clock(refusal.details.since)}. Run
        ${" "}<code>hmc local</code>${" "}again; until then figures show as dashes.
      </span>
      <button type="button" class="button" onClick=${retry}>Try again</button>
    </div>
  `;
