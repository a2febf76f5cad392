// What stands around every workspace page: brand, workspace, navigation, person.

import { html, useState } from "./vendor/preact.js";
import { signOut } from "./api.js";
import { goTo, pageHref } from "./address.js";
import { clock } from "./dates.js";
import { openHelp } from "./keys.js";
import { SURFACES } from "./names.js";

const LAST_WORKSPACE = "hmc-workspace";

export const remember = (slug) => {
  try {
    localStorage.setItem(LAST_WORKSPACE, slug);
  } catch {
    // Without storage the first workspace is home.
  }
};

export const remembered = () => {
  try {
    return localStorage.getItem(LAST_WORKSPACE);
  } catch {
    return null;
  }
};

// The plan that a page needs, where the workspace has a lower one. Only a sign on the
// door: the API decides whether it opens.
const planNeeded = (page, membership, plans) => {
  if (!membership || !plans) return null;
  const tiers = Object.keys(plans.tiers);
  const needed = plans.surfaces[page];
  const isLocked = tiers.indexOf(membership.tier) < tiers.indexOf(needed);
  return isLocked ? plans.tiers[needed].display : null;
};

const NavEntry = ({ page, session, membership, slug, current }) => {
  const plan = planNeeded(page, membership, session.plans);
  return html`
    <li class=${SURFACES[page].isApart ? "apart" : undefined}>
      <a href=${pageHref(slug, page)} aria-current=${page === current ? "page" : undefined}>
        ${SURFACES[page].name}${plan && html`<span class="plan"><span class="unseen">needs </span>${plan}</span>`}
      </a>
    </li>
  `;
};

const WorkspaceChoice = ({ session, slug, membership, page }) => {
  const workspaces = session.me?.workspaces ?? [];
  const choose = ({ target }) => goTo(pageHref(target.value, page));
  return html`
    <div class="workspace">
      ${workspaces.length > 1
        ? html`
            <select aria-label="Workspace" value=${slug} onChange=${choose}>
              ${workspaces.map((each) => html`<option value=${each.slug}>${each.name}</option>`)}
            </select>
          `
        : html`<span class="name" title=${membership?.name}>${membership?.name ?? slug}</span>`}
      ${membership && html`<span class="plan">${membership.tier_display}</span>`}
    </div>
  `;
};

const THEMES = { system: "System", light: "Light", dark: "Dark" };

export const ThemeChoice = () => {
  const [theme, setTheme] = useState(document.documentElement.dataset.theme ?? "system");
  const choose = ({ target }) => {
    const chosen = target.value;
    if (chosen === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = chosen;
    setTheme(chosen);
    // A cookie, so that the shell itself comes in the theme and nothing flashes.
    document.cookie = `hmc_theme=${chosen}; path=/; max-age=31536000; samesite=lax`;
  };
  return html`
    <select class="theme" aria-label="Theme" value=${theme} onChange=${choose}>
      ${Object.entries(THEMES).map(([value, name]) => html`<option value=${value}>${name}</option>`)}
    </select>
  `;
};

const leave = async () => {
  await signOut().catch(() => null);
  window.location.assign("/sign-in");
};

export const Frame = ({ session, slug, page, membership, children }) => html`
  <a class="skip" href="#main">Skip to content</a>
  <div class="frame">
    <header class="side">
      <a class="brand" href=${pageHref(slug, "overview")}>Halton Meter</a>
      <${WorkspaceChoice} session=${session} slug=${slug} membership=${membership} page=${page} />
      <nav class="pages" aria-label="Pages">
        <ul>
          ${Object.keys(SURFACES).map((each) => html`
            <${NavEntry} page=${each} session=${session} membership=${membership} slug=${slug} current=${page} />
          `)}
          <li class="apart"><a href=${`/connect?${new URLSearchParams({ workspace: slug })}`}>Connect a machine</a></li>
        </ul>
      </nav>
      <div class="person">
        <span class="email" title=${session.me?.email}>${session.me?.email}</span>
        <div class="row">
          <${ThemeChoice} />
          <button type="button" class="plain" onClick=${openHelp} aria-label="Keyboard shortcuts">?</button>
          <button type="button" class="plain" onClick=${leave}>Sign out</button>
        </div>
      </div>
    </header>
    <main id="main" tabindex="-1">${children}</main>
  </div>
`;

export const PageHead = ({ title, line, asOf, children }) => html`
  <header class="page-head">
    <div>
      <h1 tabindex="-1">${title}</h1>
      <p class="quiet">${line}${asOf && html`<span class="as-of">Figures of ${clock(asOf)}</span>`}</p>
    </div>
    ${children}
  </header>
`;
