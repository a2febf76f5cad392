// Members: who belongs here, and as what?

import { html, useState } from "../vendor/preact.js";
import * as api from "../api.js";
import { useAnswer } from "../answer.js";
import { Field, Said, SureButton, typedIn, useChange } from "../change.js";
import { ago, clock } from "../dates.js";
import { counted } from "../names.js";
import { acts, Clip, Page, words } from "../page.js";
import { Table } from "../table.js";

const joined = words("joined_at", "Joined", ({ joined_at }) => ago(joined_at));
const email = words("email", "E-mail", ({ email }) => html`<${Clip} text=${email} />`);

const RoleChoice = ({ label, name, roles, chosen, onChoose }) => html`
  <select class="role" aria-label=${label} name=${name} value=${chosen} onChange=${onChoose && (({ target }) => onChoose(target.value))}>
    ${roles.map((role) => html`<option value=${role} selected=${role === chosen}>${role}</option>`)}
  </select>
`;

const Members = ({ slug, session, answer, retry }) => {
  const { change, said } = useChange(session.plans);
  const roles = Object.keys(session.plans?.roles ?? {});
  const then = async (how, done) => {
    await change(how, done);
    retry();
  };
  const columns = [
    email,
    words("role", "Role", (row) => html`
      <${RoleChoice} label=${`Role of ${row.email}`} roles=${roles} chosen=${row.role} onChoose=${(role) => then(() => api.changeRole(slug, row.user_id, role), `${row.email} is ${role} from now on.`)} />
    `),
    joined,
    acts((row) => row.email !== session.me?.email && html`
      <${SureButton} label="Remove" sure=${"Remove for good?"} onSure=${() => then(() => api.removeMember(slug, row.user_id), `${row.email} is no member any more.`)} />
    `),
  ];
  return html`
    <section class="panel">
      <header><h2>${counted(answer.length, "member")}</h2><${Said} said=${said} /></header>
      <${Table} caption="Members" columns=${columns} rows=${answer} />
    </section>
  `;
};

const Link = ({ sent }) => html`
  <div class="notice" role="status">
    <p>${sent.is_mailed ? `Sent to ${sent.invitation.email}. The same link, to hand over yourself:` : `No mail server is set up: hand this link to ${sent.invitation.email} yourself.`}</p>
    <pre><code>${sent.link}</code></pre>
    <p class="quiet">It is shown this once, opens for that address only, and works until ${clock(sent.invitation.expires_at)}.</p>
  </div>
`;

const Invitations = ({ slug, session, membership }) => {
  const asked = useAnswer((options) => api.invitations(slug, options), slug);
  const { change, said } = useChange(session.plans);
  const [sent, setSent] = useState(null);
  const send = async (how) => {
    const answer = await change(how, "");
    if (answer) setSent(answer);
    asked.retry();
    return answer;
  };
  const submit = async (event) => {
    event.preventDefault();
    const form = event.target;
    const { email, role } = typedIn(form);
    if (await send(() => api.invite(slug, email, role))) form.reset();
  };
  const revoke = async (row) => {
    await change(() => api.revokeInvitation(slug, row.invitation_id), `The invitation of ${row.email} is revoked.`);
    asked.retry();
  };
  const columns = [
    email,
    words("role", "Role"),
    words("state", "State", ({ state }) => html`<span class=${`chip ${state === "open" ? "waiting" : ""}`}>${state}</span>`),
    words("invited_by", "Invited by", ({ invited_by }) => html`<${Clip} text=${invited_by ?? "–"} />`),
    words("expires_at", "Until", ({ state, expires_at }) => (state === "open" ? clock(expires_at) : "–")),
    acts((row) => ["open", "expired"].includes(row.state) && html`
      <button type="button" class="button small" disabled=${said.isBusy} onClick=${() => send(() => api.resendInvitation(slug, row.invitation_id))}>Send again</button>${" "}
      <${SureButton} label="Revoke" sure="Kill its link?" onSure=${() => revoke(row)} />
    `),
  ];
  const roles = Object.keys(session.plans?.roles ?? {}).filter((role) => role !== "owner" || membership?.role === "owner");
  return html`
    <section class="panel">
      <header><h2>Invitations</h2></header>
      <form class="entry" onSubmit=${submit}>
        <${Field} label="E-mail"><input type="email" name="email" required autocomplete="off" /><//>
        <${Field} label="Role"><${RoleChoice} label="Role" name="role" roles=${roles} chosen="member" /><//>
        <button class="button primary" disabled=${said.isBusy}>Invite</button>
        <${Said} said=${said} />
      </form>
      ${sent && html`<${Link} sent=${sent} />`}
      ${asked.answer?.length > 0 && html`<${Table} caption="Invitations" columns=${columns} rows=${asked.answer} isSortable=${false} />`}
    </section>
  `;
};

export const Surface = ({ slug, session, membership }) => {
  const asked = useAnswer((options) => api.members(slug, options), slug);
  return html`
    <${Page} title="Members" line="A change of role counts from the next request on" asked=${asked} session=${session} slug=${slug}>
      <${Members} slug=${slug} session=${session} answer=${asked.answer} retry=${asked.retry} />
      <${Invitations} slug=${slug} session=${session} membership=${membership} />
    <//>
  `;
};
