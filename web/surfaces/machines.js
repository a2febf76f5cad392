// Machines: which of them send, and what has come of it?

import { html } from "../vendor/preact.js";
import * as api from "../api.js";
import { address, hrefWith, setQuery } from "../address.js";
import { useAnswer } from "../answer.js";
import { Said, SureButton, useChange } from "../change.js";
import { ago, toTheSecond } from "../dates.js";
import { Drawer, Receipt } from "../drawer.js";
import { CsvButton } from "../figure.js";
import { count, counted } from "../names.js";
import { Clip, number, Page, words } from "../page.js";
import { NothingPaired, Refused, Skeleton } from "../states.js";
import { Table } from "../table.js";

const STATES = {
  active: ["sends", ""],
  degraded: ["silent for a day", "exception"],
  revoked: ["revoked", ""],
  imported: ["from a file", ""],
};

const StateChip = ({ state }) => {
  const [name, tone] = STATES[state] ?? [state, "waiting"];
  return html`<span class=${`chip ${tone}`}>${name}</span>`;
};

const since = (moment) => (moment ? ago(moment) : "never");

const COLUMNS = [
  words("hostname", "Machine", (row) => html`<a href=${hrefWith({ machine: row.machine_id })}><${Clip} text=${row.hostname} /></a>`),
  words("state", "State", ({ state }) => html`<${StateChip} state=${state} />`),
  words("last_batch_at", "Last batch", ({ last_batch_at }) => since(last_batch_at)),
  number("request_count", "Requests"),
  number("malformed_count", "Malformed"),
  number("conflicting_count", "Conflicting"),
  words("platform", "System"),
  words("daemon_version", "Daemon"),
  words("enforcement", "Enforcement", ({ enforcement }) => enforcement.replaceAll("_", " ")),
];

const Keys = ({ keys }) => html`
  <h3>Keys</h3>
  <ul class="log">
    ${keys.map((key) => html`
      <li>
        made ${toTheSecond(key.created_at)}, last used ${since(key.last_used_at)}
        ${key.revoked_at && html`<span class="quiet"> · ended ${toTheSecond(key.revoked_at)}: ${key.revoked_because}${key.revoked_by && ` by ${key.revoked_by}`}</span>`}
      </li>
    `)}
    ${keys.length === 0 && html`<li class="quiet">None: its rows came from a file.</li>`}
  </ul>
`;

const Rejected = ({ slug, id }) => {
  const { answer } = useAnswer((options) => api.rejectedRecords(slug, id, {}, options), `${slug} ${id}`);
  if (!answer || answer.items.length === 0) return null;
  return html`
    <h3>Records that were kept aside, newest first</h3>
    <ul class="log">
      ${answer.items.map((record) => html`
        <li>
          <details>
            <summary><span class="chip exception">${record.reason}</span> ${record.detail} <span class="quiet">${toTheSecond(record.received_at)}</span></summary>
            <pre><code>${record.record}</code></pre>
          </details>
        </li>
      `)}
    </ul>
  `;
};

const Machine = ({ slug, id, session, onRevoked }) => {
  const { answer, refusal, retry } = useAnswer((options) => api.machine(slug, id, options), `${slug} ${id}`);
  const { change, said } = useChange(session.plans);
  const revoke = async () => {
    await change(() => api.revokeMachine(slug, id), "Its key is dead; it will ask to be paired again.");
    retry();
    onRevoked();
  };
  if (refusal) return html`<${Refused} refusal=${refusal} retry=${retry} session=${session} slug=${slug} />`;
  if (!answer) return html`<${Skeleton} lines=${8} />`;
  return html`
    <${Receipt}
      lines=${[
        ["State", html`<${StateChip} state=${answer.state} />`],
        ["System", answer.platform],
        ["Daemon", answer.daemon_version],
        ["Enforcement", answer.enforcement.replaceAll("_", " ")],
        ["Connected", toTheSecond(answer.connected_at)],
        ["Last batch", since(answer.last_batch_at)],
        ["Requests", count(answer.request_count)],
        ["Kept aside", counted(answer.malformed_count + answer.conflicting_count, "record")],
        ["Machine", html`<code>${answer.machine_id}</code>`],
      ]}
    />
    <${Keys} keys=${answer.keys} />
    <${Rejected} slug=${slug} id=${id} />
    ${["active", "degraded"].includes(answer.state) && html`
      <p><${SureButton} label="Revoke its key" sure="It can send no more: revoke?" disabled=${said.isBusy} onSure=${revoke} /></p>
    `}
    <${Said} said=${said} />
  `;
};

export const Surface = ({ slug, session }) => {
  const { machine } = address.value.query;
  const asked = useAnswer((options) => api.machines(slug, options), slug);
  const { answer } = asked;
  const opened = answer?.items.find(({ machine_id }) => machine_id === machine);
  return html`
    <${Page} title="Machines" line="Paired daemons, and how they are" asked=${asked} session=${session} slug=${slug}>
      ${answer?.items.length === 0
        ? html`<${NothingPaired} />`
        : html`
            <section class="panel">
              <header>
                <h2>${counted(answer?.items.length, "machine")}</h2>
                <div class="tools"><${CsvButton} name="machines" columns=${COLUMNS} rows=${answer?.items ?? []} /></div>
              </header>
              <${Table} caption="Machines" columns=${COLUMNS} rows=${answer?.items ?? []} isStale=${asked.isStale} />
            </section>
          `}
      ${opened && html`
        <${Drawer} title=${opened.hostname} about=${machine} onClose=${() => setQuery({ machine: null })}>
          <${Machine} key=${machine} slug=${slug} id=${machine} session=${session} onRevoked=${asked.retry} />
        <//>
      `}
    <//>
  `;
};
