// Optimisation: what should I change, and what is it worth?

import { html, useState } from "../vendor/preact.js";
import * as api from "../api.js";
import { address } from "../address.js";
import { Amount } from "../amount.js";
import { useAnswer } from "../answer.js";
import { Field, Said, typedIn, useChange } from "../change.js";
import { shortDay, toTheSecond } from "../dates.js";
import { usdOfRequest } from "../money.js";
import { count, counted, projectName } from "../names.js";
import { number, Page, words } from "../page.js";
import { ClampedNote, periodAsked, PeriodControl } from "../period.js";
import { Notice } from "../states.js";
import { Table } from "../table.js";

const TITLES = {
  cheaper_sibling: ({ model, sibling }) => `${sibling} instead of ${model}`,
  cache_never_read: ({ model }) => `${model}: written to the cache and never read`,
  repeated_prompt: ({ model }) => `${model}: asked again what was answered that day`,
  failed_call: ({ model }) => `${model}: failed and charged`,
  retried_call: ({ model }) => `${model}: failed, tried again, paid twice`,
  long_context_surcharge: ({ model }) => `${model}: prompts at the long-context price`,
};

const REQUESTS = [
  words("request_id", "Request", ({ request_id }) => html`<code>${request_id.slice(0, 8)}</code>`),
  words("requested_at", "When", ({ requested_at }) => toTheSecond(requested_at)),
  number("total_tokens", "Tokens"),
  { key: "cost_usd", label: "Cost", kind: "money", value: (row) => row.cost_usd, cell: ({ cost_usd }) => usdOfRequest(cost_usd) },
  { key: "saving_usd", label: "Less by", kind: "money", value: (row) => row.saving_usd, cell: ({ saving_usd }) => usdOfRequest(saving_usd) },
];

const Evidence = ({ slug, finding, period }) => {
  const { answer } = useAnswer((options) => api.findingRequests(slug, finding.finding_id, period, options), `${finding.finding_id} ${period.from} ${period.to}`);
  if (!answer) return html`<p class="line" role="status">Loading</p>`;
  return html`<${Table} caption="The dearest requests behind it" columns=${REQUESTS} rows=${answer.items} isSortable=${false} />`;
};

const Dismiss = ({ slug, session, finding, onChanged }) => {
  const { change, said } = useChange(session.plans);
  const submit = async (event) => {
    event.preventDefault();
    const { reason } = typedIn(event.target);
    if (await change(() => api.dismissFinding(slug, finding.finding_id, reason), "Put aside.")) onChanged();
  };
  return html`
    <form class="entry" onSubmit=${submit}>
      <${Field} label="Why it is put aside"><input name="reason" required maxlength="1000" autocomplete="off" /><//>
      <button class="button" disabled=${said.isBusy}>Dismiss</button>
      <${Said} said=${said} />
    </form>
  `;
};

const Finding = ({ slug, session, finding, period, mayEdit, onChanged }) => {
  const [isOpen, setOpen] = useState(false);
  const { change } = useChange(session.plans);
  const { dismissal } = finding;
  const takeUp = async () => (await change(() => api.takeUpFinding(slug, finding.finding_id), "")) && onChanged();
  return html`
    <section class="panel">
      <header>
        <h2>${(TITLES[finding.reason] ?? (({ reason }) => reason))(finding)}</h2>
        ${dismissal && html`<span class="chip waiting">put aside: ${dismissal.reason}</span>`}
      </header>
      <p class="line">
        <span class="figure"><${Amount} cost=${finding.saving_usd} /></span> less, of <${Amount} cost=${finding.cost_usd} />
        ${" "}for ${counted(finding.request_count, "request")} and ${count(finding.total_tokens)} tokens of ${projectName(finding.project)},
        ${" "}${shortDay(finding.first_date)} – ${shortDay(finding.last_date)}.
      </p>
      <p class="line quiet">${finding.how}</p>
      <details class="enter" onToggle=${({ target }) => setOpen(target.open)}>
        <summary>Requests behind it<span class="unseen"> (${finding.finding_id.slice(0, 8)})</span></summary>
        ${isOpen && html`<${Evidence} slug=${slug} finding=${finding} period=${period} />`}
        ${isOpen && mayEdit && (dismissal
          ? html`<p class="line"><button type="button" class="button" onClick=${takeUp}>Take it up again</button></p>`
          : html`<${Dismiss} slug=${slug} session=${session} finding=${finding} onChanged=${onChanged} />`)}
      </details>
    </section>
  `;
};

const IDLE = [
  words("machine_id", "Machine", ({ machine_id }) => html`<code>${machine_id.slice(0, 8)}</code>`),
  words("last_date", "Last used", ({ last_date }) => shortDay(last_date)),
  number("request_count", "Requests"),
  { key: "imputed_usd", label: "Worth at list price", kind: "money", value: (row) => row.imputed_usd },
];

const MOST_SHOWN = 15;

export const Surface = ({ slug, session, membership }) => {
  const { query } = address.value;
  const period = periodAsked(query);
  const asked = useAnswer((options) => api.optimisation(slug, period, options), JSON.stringify([slug, period]));
  const { answer } = asked;
  const mayEdit = session.plans?.roles[membership?.role]?.includes("edit_projects");
  const shown = answer?.findings.toSorted((a, b) => Boolean(a.dismissal) - Boolean(b.dismissal)).slice(0, MOST_SHOWN) ?? [];
  const each = (finding) => html`<${Finding} key=${finding.finding_id} slug=${slug} session=${session} finding=${finding} period=${period} mayEdit=${mayEdit} onChanged=${asked.retry} />`;
  return html`
    <${Page} title="Optimisation" line="Only from what was used. Savings overlap: do not add them." asked=${asked} session=${session} slug=${slug} tools=${html`<${PeriodControl} period=${answer?.period} />`}>
      ${answer && html`
        <${ClampedNote} period=${answer.period} />
        ${shown.length === 0 && html`<${Notice} title="Nothing could have cost less"><p>No repeated prompt, unread cache, failed call, surcharge or cheaper sibling in this period.</p><//>`}
        ${shown.map(each)}
        ${answer.findings.length > shown.length && html`<p class="note">The first ${shown.length} of ${count(answer.findings.length)} findings.</p>`}
        ${answer.idle_subscriptions.length > 0 && html`
          <section class="panel">
            <header><h2>Subscriptions that nobody uses</h2></header>
            <p class="line">Flat-fee traffic of these machines stopped more than ${answer.idle_after_days} days ago. What the plan costs is not known here.</p>
            <${Table} caption="Idle subscriptions" columns=${IDLE} rows=${answer.idle_subscriptions} isSortable=${false} />
          </section>
        `}
        ${answer.imputed.length > 0 && html`
          <details class="panel enter">
            <summary>${counted(answer.imputed.length, "finding")} in flat-fee traffic, at list price: nobody pays for it by the call</summary>
            ${answer.imputed.slice(0, MOST_SHOWN).map((finding) => html`<p class="line">${(TITLES[finding.reason] ?? (() => finding.reason))(finding)}: <${Amount} cost=${finding.saving_usd} /> of list value, ${counted(finding.request_count, "request")}</p>`)}
          </details>
        `}
      `}
    <//>
  `;
};
