// What stands around every page of the laptop: nobody signs in, and there is one file.

import { html } from "./vendor/preact.js";
import { pageHref } from "./address.js";
import { openHelp } from "./keys.js";
import { SURFACES } from "./names.js";
import { ThemeChoice } from "./shared/frame.js";

export * from "./shared/frame.js";

export const Frame = ({ slug, page, children }) => html`
  <a class="skip" href="#main">Skip to content</a>
  <div class="frame">
    <header class="side">
      <a class="brand" href=${pageHref(slug, "overview")}>Halton Meter</a>
      <div class="workspace"><span class="name">This machine</span></div>
      <nav class="pages" aria-label="Pages">
        <ul>
          ${Object.entries(SURFACES).map(([each, { name }]) => html`
            <li><a href=${pageHref(slug, each)} aria-current=${each === page ? "page" : undefined}>${name}</a></li>
          `)}
        </ul>
      </nav>
      <div class="person">
        <span class="quiet">Nothing leaves this machine.</span>
        <div class="row">
          <${ThemeChoice} />
          <button type="button" class="plain" onClick=${openHelp} aria-label="Keyboard shortcuts">?</button>
        </div>
      </div>
    </header>
    <main id="main" tabindex="-1">${children}</main>
  </div>
`;
