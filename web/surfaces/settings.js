// Settings: how is this workspace set up, and what does its plan hold?

import { html, useState } from "../vendor/preact.js";
import * as api from "../api.js";
import { pageHref } from "../address.js";
import { useAnswer } from "../answer.js";
import { Field, Said, SureButton, typedIn, useChange } from "../change.js";
import { ago, clock } from "../dates.js";
import { Receipt } from "../drawer.js";
import { permissionName, SURFACES } from "../names.js";
import { acts, Clip, Page, words } from "../page.js";
import { Table } from "../table.js";

const ZONES = Intl.supportedValuesOf("timeZone");

const Panel = ({ title, children }) => html`<section class="panel"><header><h2>${title}</h2></header>${children}</section>`;

const Identity = ({ slug, session, answer, may }) => {
  const { change, said } = useChange(session.plans);
  const submit = async (event) => {
    event.preventDefault();
    const changed = await change(() => api.changeSettings(slug, typedIn(event.target)), "Kept.");
    // The frame around this page names the workspace as well.
    if (changed) window.location.assign(pageHref(changed.workspace.slug, "settings"));
  };
  if (!may("edit_workspace")) {
    const lines = [["Name", answer.workspace.name], ["Address", answer.workspace.slug], ["Days of pages begin in", answer.reporting_time_zone]];
    return html`<${Panel} title="Workspace"><div class="inset"><${Receipt} lines=${lines} /></div><//>`;
  }
  return html`
    <${Panel} title="Workspace">
      <form class="entry" onSubmit=${submit}>
        <${Field} label="Name"><input name="name" required maxlength="200" defaultValue=${answer.workspace.name} /><//>
        <${Field} label="Address"><input name="slug" required pattern="[a-z0-9][a-z0-9\\-]{0,62}" title="Lower-case letters, digits and hyphens" defaultValue=${answer.workspace.slug} /><//>
        <${Field} label="Reporting time zone">
          <input name="reporting_time_zone" list="zones" required defaultValue=${answer.reporting_time_zone} />
          <datalist id="zones">${ZONES.map((zone) => html`<option value=${zone} />`)}</datalist>
        <//>
        <button class="button primary" disabled=${said.isBusy}>Keep</button>
        <${Said} said=${said} />
      </form>
      <p class="line">Links with the address of before lead on to the new one; paired machines notice nothing. Finance pages stay on UTC days.</p>
    <//>
  `;
};

const titled = (key) => key[0].toUpperCase() + key.slice(1).replaceAll("_", " ");
const tierOf = (plans, tier) => plans.tiers[tier].display;

const Plan = ({ slug, plans, answer, may, retry }) => {
  const { change, said } = useChange(plans);
  const tiers = Object.keys(plans.tiers);
  const mine = answer.workspace.tier;
  const has = (tier, lowest) => tiers.indexOf(tier) >= tiers.indexOf(lowest);
  const windowOf = (surface, tier) => plans.windows[surface]?.[tier];
  const held = (surface, lowest, tier) => {
    if (!has(tier, lowest)) return html`<span class="quiet" title=${`Needs ${tierOf(plans, lowest)}`}>locked</span>`;
    const days = windowOf(surface, tier);
    return days ? `${days} days` : "yes";
  };
  const rows = Object.entries({ ...plans.surfaces, ...plans.features }).map(([key, lowest]) => ({ key, lowest, name: SURFACES[key]?.name ?? titled(key) }));
  const columns = [
    words("name", "What it holds"),
    ...tiers.map((tier) => words(tier, tierOf(plans, tier) + (tier === mine ? ", yours" : ""), ({ key, lowest }) => held(key, lowest, tier))),
  ];
  const choose = async (tier) => {
    await change(() => api.chooseTier(slug, tier), `${tierOf(plans, tier)} counts from now on.`);
    retry();
  };
  return html`
    <section class="panel">
      <header>
        <h2>Plan: ${tierOf(plans, mine)}</h2>
        <${Said} said=${said} />
        ${may("manage_billing") && html`
          <div class="tools">
            ${tiers.filter((tier) => tier !== mine).map((tier) => html`
              <${SureButton} label=${`Change to ${tierOf(plans, tier)}`} sure=${`${tierOf(plans, tier)}, from now on?`} disabled=${said.isBusy} onSure=${() => choose(tier)} />
            `)}
          </div>
        `}
      </header>
      <${Table} caption="What each plan holds" columns=${columns} rows=${rows} isSortable=${false} />
    </section>
  `;
};

const Roles = ({ plans, answer }) => {
  const roles = Object.keys(plans.roles);
  const permissions = [...new Set(Object.values(plans.roles).flat())].map((permission) => ({ permission, name: permissionName(permission) }));
  const columns = [
    words("name", "May"),
    ...roles.map((role) => words(role, role + (role === answer.role ? ", you" : ""), ({ permission }) => (plans.roles[role].includes(permission) ? "yes" : html`<span class="quiet">–</span>`))),
  ];
  return html`<${Panel} title="Roles"><${Table} caption="What each role may do" columns=${columns} rows=${permissions} isSortable=${false} /><//>`;
};

const Data = ({ slug, session, plans, answer, may, retry }) => {
  const { change, said } = useChange(session.plans);
  const then = async (how, done) => {
    await change(how, done);
    retry();
  };
  const keep = (event) => {
    event.preventDefault();
    const { days } = typedIn(event.target);
    then(() => api.keepFor(slug, days && Number(days)), "Kept. What is older goes with the next clearing, for good.");
  };
  const most = plans.retention.data_retention_days;
  const bodies = answer.stores_bodies ? "kept, sealed under a key of this workspace" : "not kept";
  if (!may("own_workspace")) {
    const lines = [["Requests are kept for", `${answer.data_retention_days} days`], ["Captured bodies", bodies]];
    return html`<${Panel} title="Data"><div class="inset"><${Receipt} lines=${lines} /></div><//>`;
  }
  return html`
    <${Panel} title="Data">
      <form class="entry" onSubmit=${keep}>
        <${Field} label="Keep requests for, days"><input type="number" name="days" min="1" max=${most} placeholder=${most} defaultValue=${answer.data_retention_days} /><//>
        <button class="button" disabled=${said.isBusy}>Keep</button>
        <${Field} label="Captured bodies"><output>${bodies}</output><//>
        <button type="button" class="button" disabled=${said.isBusy} onClick=${() => then(() => api.keepBodies(slug, !answer.stores_bodies), "Kept.")}>
          ${answer.stores_bodies ? "Keep none from now on" : "Keep them from now on"}
        </button>
        <${Said} said=${said} />
      </form>
    <//>
  `;
};

const Secret = ({ made }) => html`
  <div class="notice" role="status">
    <p>The key of ${made.key.name}. It is shown this once:</p>
    <pre><code>${made.api_key}</code></pre>
  </div>
`;

const ApiKeys = ({ slug, session, plans, may }) => {
  const asked = useAnswer((options) => api.apiKeys(slug, options), slug);
  const { change, said } = useChange(session.plans);
  const [made, setMade] = useState(null);
  const scopes = plans.keys.scopes.filter(may);
  const submit = async (event) => {
    event.preventDefault();
    const form = event.target;
    const chosen = new FormData(form).getAll("scopes");
    const { name, days } = typedIn(form);
    const answer = await change(() => api.makeApiKey(slug, { name, scopes: chosen, expires_in_days: Number(days) }), "");
    if (!answer) return;
    setMade(answer);
    form.reset();
    asked.retry();
  };
  const revoke = async (key) => {
    await change(() => api.revokeApiKey(slug, key.api_key_id), `${key.name} is dead from its next request on.`);
    asked.retry();
  };
  const columns = [
    words("name", "Name", ({ name }) => html`<${Clip} text=${name} />`),
    words("state", "State", ({ state }) => html`<span class=${`chip ${state === "active" ? "" : "waiting"}`}>${state}</span>`),
    words("scopes", "May", ({ scopes }) => html`<${Clip} text=${scopes.map(permissionName).join(", ")} />`),
    words("created_by", "Made by", ({ created_by }) => html`<${Clip} text=${created_by ?? "somebody who left"} />`),
    words("expires_at", "Until", ({ expires_at }) => clock(expires_at)),
    words("last_used_at", "Last used", ({ last_used_at }) => (last_used_at ? ago(last_used_at) : "never")),
    acts((key) => key.state === "active" && html`<${SureButton} label="Revoke" sure="End it?" onSure=${() => revoke(key)} />`),
  ];
  return html`
    <${Panel} title="API keys">
      <form class="entry" onSubmit=${submit}>
        <${Field} label="What it is for"><input name="name" required maxlength="200" autocomplete="off" /><//>
        <${Field} label="Days until it ends"><input type="number" name="days" min="1" max="366" required defaultValue="90" /><//>
        <fieldset class="scopes">
          <legend>What it may do, never more than you may</legend>
          ${scopes.map((scope) => html`<label><input type="checkbox" name="scopes" value=${scope} defaultChecked=${scope === "read_usage"} /> ${permissionName(scope)}</label>`)}
        </fieldset>
        <button class="button primary" disabled=${said.isBusy}>Make a key</button>
        <${Said} said=${said} />
      </form>
      ${made && html`<${Secret} made=${made} />`}
      ${asked.answer?.length > 0 && html`<${Table} caption="API keys" columns=${columns} rows=${asked.answer} isSortable=${false} />`}
    <//>
  `;
};

const Leaving = ({ slug, session, plans, answer, may }) => {
  const { change, said } = useChange(session.plans);
  const home = () => window.location.assign("/");
  const go = async (how) => (await change(how, "")) && home();
  return html`
    <${Panel} title="Leaving">
      <p class="line">
        <${SureButton} label="Leave this workspace" sure="Leave? Only an invitation brings you back" onSure=${() => go(() => api.leave(slug))} />${" "}
        ${may("own_workspace") && html`
          <${SureButton} label="Delete this workspace" sure=${`Delete ${answer.workspace.name}?`} onSure=${() => go(() => api.deleteWorkspace(slug))} />
        `}
      </p>
      ${may("own_workspace") && html`<p class="line">Deleted, it is shut to people and machines at once, and can be brought back for ${plans.retention.deleted_workspace_days} days.</p>`}
      <div class="line"><${Said} said=${said} /></div>
    <//>
  `;
};

export const Surface = ({ slug, session }) => {
  const asked = useAnswer((options) => api.settings(slug, options), slug);
  const { answer, retry } = asked;
  const { plans } = session;
  const may = (permission) => answer?.permissions.includes(permission);
  const parts = { slug, session, plans, answer, may, retry };
  return html`
    <${Page} title="Settings" line="How this workspace is set up" asked=${asked} session=${session} slug=${slug}>
      <${Identity} key=${answer?.workspace.slug} ...${parts} />
      ${plans && html`
        <${Plan} ...${parts} />
        <${Data} ...${parts} />
        ${may("manage_members") && html`<${ApiKeys} ...${parts} />`}
        <${Roles} ...${parts} />
        <${Leaving} ...${parts} />
      `}
    <//>
  `;
};
