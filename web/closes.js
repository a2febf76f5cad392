// Months that are prepared, closed or reopened, what was posted of them since, and why.

import { html } from "./vendor/preact.js";
import * as api from "./api.js";
import { address, hrefWith, setQuery } from "./address.js";
import { Dash } from "./amount.js";
import { useAnswer } from "./answer.js";
import { Field, Said, SureButton, useChange } from "./change.js";
import { monthOf, shortDay, today, toTheSecond } from "./dates.js";
import { Drawer, Receipt } from "./drawer.js";
import { CsvButton } from "./figure.js";
import { Enter, Form, Permitted, useForm } from "./form.js";
import { usdExact, usdSigned } from "./money.js";
import { counted, providerName } from "./names.js";
import { Clip, number, words } from "./page.js";
import { Refused, Skeleton } from "./states.js";
import { Table } from "./table.js";

const DECIDE = "decide_finance";
const TONES = { prepared: "waiting", closed: "settled", reopened: "" };
const CAUSES = {
  arrival: "landed since",
  removal: "erased since",
  rate: "priced otherwise",
  allocation: "allocated otherwise",
  correction: "corrected",
};

const who = (name) => (name ? html`<${Clip} text=${name} />` : html`<${Dash} />`);
const signed = (cost) => html`<data value=${cost}>${usdSigned(cost)}</data>`;
const monthly = (key, label) => words(key, label, (row) => monthOf(row[key]));
const provider = words("provider", "Provider", ({ provider }) => providerName(provider));
const place = ({ provider, period_month }) => `${provider}/${period_month.slice(0, 7)}`;

const CLOSES = [
  { ...provider, cell: (row) => html`<a href=${hrefWith({ closed: place(row) })}>${providerName(row.provider)}</a>` },
  monthly("period_month", "Month"),
  words("state", "State", ({ state }) => html`<span class=${`chip ${TONES[state]}`}>${state}</span>`),
  number("request_count", "Requests"),
  number("unpriced_count", "Unpriced"),
  { key: "cost_usd", label: "Closed with", kind: "money", value: ({ cost_usd }) => cost_usd },
  words("prepared_by_email", "Prepared by", ({ prepared_by_email: name }) => who(name)),
  words("reviewed_by_email", "Closed by", ({ reviewed_by_email: name }) => who(name)),
  words("closed_at", "Since", ({ closed_at: at }) => (at ? shortDay(at.slice(0, 10)) : html`<${Dash} />`)),
  words("digest", "Digest", ({ digest }) => html`<code title=${digest}>${digest.slice(0, 12)}</code>`),
];

// What the table has no room for.
const FILED = [...CLOSES, words("reopened_at", "Reopened at"), words("reopen_reason", "Why reopened")];

const ADJUSTMENTS = [
  provider,
  monthly("period_month", "Belongs to"),
  monthly("posted_month", "Posted in"),
  number("request_count", "Requests"),
  number("unpriced_count", "Unpriced"),
  { key: "cost_usd", label: "Difference", kind: "money", value: ({ cost_usd }) => cost_usd, cell: ({ cost_usd }) => signed(cost_usd) },
  words("is_reversal", "Why", (row) => html`<a href=${hrefWith({ closed: place(row) })}>${row.is_reversal ? "reopened" : "what changed"}</a>`),
];

const Adjustment = ({ adjustment, causes }) => html`
  <h3>${signed(adjustment.cost_usd)}, posted in ${monthOf(adjustment.posted_month)}</h3>
  <p class="note">${toTheSecond(adjustment.posted_at)}. ${adjustment.is_reversal && "The month was reopened: what had been posted of it is taken back."}</p>
  ${causes.length > 0 && html`
    <ul class="log">
      ${causes.map((cause) => html`
        <li>${signed(cause.difference_usd)}: ${counted(cause.request_count, "request")} of ${cause.model} ${CAUSES[cause.cause] ?? cause.cause}</li>
      `)}
    </ul>
  `}
`;

const Holds = ({ again, close }) => {
  if (again === null) return html`<span class="quiet">its requests are not remembered any more</span>`;
  return again === close.digest ? "yes, made again from its requests" : html`<span class="chip exception">no</span>`;
};

const Told = ({ month }) => {
  const [close] = month.items;
  return html`
    <${Receipt}
      lines=${[
        ["State", close.state],
        ["Figure", usdExact(close.cost_usd)],
        ["Prepared", html`${close.prepared_by_email ?? "somebody who left"}, ${toTheSecond(close.prepared_at)}`],
        ["Closed", close.closed_at ? html`${close.reviewed_by_email ?? "somebody who left"}, ${toTheSecond(close.closed_at)}` : html`<${Dash} />`],
        ...(close.reopened_at ? [["Reopened", html`${close.reopened_by_email ?? "somebody who left"}, ${toTheSecond(close.reopened_at)}: ${close.reopen_reason}`]] : []),
        ["Figures of", toTheSecond(close.published_at)],
        ["Made by models", html`<code>${close.build}</code>`],
        ["Digest", html`<code class="clip" title=${close.digest}>${close.digest}</code>`],
        ["Does it hold?", html`<${Holds} again=${month.digest_again} close=${close} />`],
      ]}
    />
    ${month.adjustments.map((each) => html`<${Adjustment} ...${each} />`)}
  `;
};

const Close = ({ slug, session, place: [provider, month], onDone }) => {
  const { change, said } = useChange(session.plans);
  const close = async () => (await change(() => api.closeMonth(slug, provider, month), "Closed.")) && onDone();
  return html`
    <p><${SureButton} label="Close this month" sure="On these figures?" disabled=${said.isBusy} onSure=${close} /></p>
    <${Said} said=${said} />
  `;
};

const Reopen = ({ slug, session, place: [provider, month], onDone }) => {
  const form = useForm(session, {
    send: ({ reason }) => api.reopenMonth(slug, provider, month, reason),
    done: () => "Reopened; what had been posted of it is taken back.",
    onDone,
  });
  return html`
    <${Form} form=${form} label="Reopen it" isSecondary>
      <${Field} label="Reason" wrong=${form.wrong.reason}><input name="reason" required maxlength="1000" autocomplete="off" /><//>
    <//>
  `;
};

// What may be done with a month, by what it is; one that was reopened is prepared again.
const NEXT = { prepared: ["Close it", Close], closed: ["Take it back", Reopen] };

const Opened = ({ slug, session, membership, closed, onDone }) => {
  const place = closed.split("/");
  const [provider, month] = place;
  const { answer, refusal, retry } = useAnswer((options) => api.closedMonth(slug, provider, month, options), JSON.stringify([slug, closed]));
  const [title, Next] = NEXT[answer?.items[0].state] ?? [];
  return html`
    <${Drawer} title=${`${providerName(provider)}, ${monthOf(`${month}-01`)}`} about=${closed} onClose=${() => setQuery({ closed: null })}>
      <${Refused} refusal=${refusal} retry=${retry} session=${session} slug=${slug} />
      ${answer ? html`<${Told} month=${answer} />` : !refusal && html`<${Skeleton} lines=${6} />`}
      ${Next && html`
        <h3>${title}</h3>
        <${Permitted} session=${session} membership=${membership} permission=${DECIDE}>
          <${Next} slug=${slug} session=${session} place=${place} onDone=${() => (retry(), onDone())} />
        <//>
      `}
    <//>
  `;
};

const Prepare = ({ slug, session, providers, onDone }) => {
  const form = useForm(session, {
    send: ({ provider, month }) => api.prepareMonth(slug, provider, month),
    done: ({ provider, month }) => `Prepared: ${providerName(provider)}, ${monthOf(month)}. Somebody else closes it.`,
    onDone,
  });
  return html`
    <${Form} form=${form} label="Prepare to close">
      <${Field} label="Provider" wrong=${form.wrong.provider}>
        <select name="provider" required>${providers.map((name) => html`<option value=${name}>${providerName(name)}</option>`)}</select>
      <//>
      <${Field} label="Month" wrong=${form.wrong.month}><input type="month" name="month" required max=${today().slice(0, 7)} pattern="\\d{4}-\\d{2}" placeholder="YYYY-MM" /><//>
    <//>
  `;
};

const Listed = ({ answer }) => html`
  <section class="panel">
    <header>
      <h2>Closed months</h2>
      <div class="tools"><${CsvButton} name="closes" columns=${FILED} rows=${answer.items} /></div>
    </header>
    <${Table} caption="Months that are prepared, closed or reopened" columns=${CLOSES} rows=${answer.items} isSortable=${false} />
  </section>
  ${answer.adjustments.length > 0 && html`
    <section class="panel">
      <header>
        <h2>Adjustments</h2>
        <div class="tools"><${CsvButton} name="adjustments" columns=${ADJUSTMENTS} rows=${answer.adjustments} /></div>
      </header>
      <${Table} caption="What closed months differ by since" columns=${ADJUSTMENTS} rows=${answer.adjustments} isSortable=${false} />
    </section>
  `}
`;

/** `onDone`: something was decided, so the months above may read otherwise. */
export const Closes = ({ query, providers, onDone, ...who }) => {
  const { slug, session } = who;
  const asked = { from: query.from, to: query.to };
  const { answer, retry } = useAnswer((options) => api.closes(slug, asked, options), JSON.stringify([slug, "closes", asked]));
  if (!answer) return null;
  const done = () => (retry(), onDone());
  return html`
    ${answer.items.length > 0 && html`<${Listed} answer=${answer} />`}
    ${providers.length > 0 && html`
      <${Enter} title="Prepare a month to close" permission=${DECIDE} line="One person prepares a month that has ended, another closes it. What changes later is posted in the month in which it changes." ...${who}>
        <${Prepare} slug=${slug} session=${session} providers=${providers} onDone=${done} />
      <//>
    `}
    ${address.value.query.closed && html`<${Opened} ...${who} closed=${address.value.query.closed} onDone=${done} />`}
  `;
};
