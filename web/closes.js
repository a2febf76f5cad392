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
import { Enter, Form, lockOf, useForm } from "./form.js";
import { usdExact, usdSigned } from "./money.js";
import { counted, providerName } from "./names.js";
import { acts, Clip, number, words } from "./page.js";
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
  provider,
  monthly("period_month", "Month"),
  words("state", "State", ({ state }) => html`<span class=${`chip ${TONES[state]}`}>${state}</span>`),
  number("request_count", "Requests"),
  number("unpriced_count", "Unpriced"),
  { key: "cost_usd", label: "Closed with", kind: "money", value: ({ cost_usd }) => cost_usd },
  words("prepared_by_email", "Prepared by", ({ prepared_by_email: name }) => who(name)),
  words("reviewed_by_email", "Closed by", ({ reviewed_by_email: name }) => who(name)),
  words("closed_at", "Since", ({ closed_at: at }) => (at ? shortDay(at.slice(0, 10)) : html`<${Dash} />`)),
  words("digest", "Digest", (row) => html`<a href=${hrefWith({ closed: place(row) })} title=${row.digest}><code>${row.digest.slice(0, 12)}</code></a>`),
];

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

const Opened = ({ slug, session, closed }) => {
  const [provider, month] = closed.split("/");
  const { answer, refusal, retry } = useAnswer((options) => api.closedMonth(slug, provider, month, options), JSON.stringify([slug, closed]));
  return html`
    <${Drawer} title=${`${providerName(provider)}, ${monthOf(`${month}-01`)}`} about=${closed} onClose=${() => setQuery({ closed: null })}>
      <${Refused} refusal=${refusal} retry=${retry} session=${session} slug=${slug} />
      ${answer ? html`<${Told} month=${answer} />` : !refusal && html`<${Skeleton} lines=${6} />`}
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

const Reopen = ({ slug, session, closed, onDone }) => {
  const form = useForm(session, {
    send: ({ which, reason }) => api.reopenMonth(slug, ...which.split("/"), reason),
    done: () => "Reopened; what had been posted of it is taken back.",
    onDone,
  });
  return html`
    <${Form} form=${form} label="Reopen" isSecondary>
      <${Field} label="Closed month">
        <select name="which" required>${closed.map((row) => html`<option value=${place(row)}>${providerName(row.provider)}, ${monthOf(row.period_month)}</option>`)}</select>
      <//>
      <${Field} label="Reason" wrong=${form.wrong.reason}><input name="reason" required maxlength="1000" autocomplete="off" /><//>
    <//>
  `;
};

const Listed = ({ answer, onDone, ...who }) => {
  const { slug, session } = who;
  const { change, said } = useChange(session.plans);
  const lock = lockOf(who, DECIDE);
  const close = async ({ provider, period_month: month }) => {
    if (await change(() => api.closeMonth(slug, provider, month.slice(0, 7)), `Closed: ${providerName(provider)}, ${monthOf(month)}.`)) onDone();
  };
  const act = acts((row) => row.state === "prepared" && html`<${SureButton} label="Close" sure="On these figures?" disabled=${said.isBusy || lock} title=${lock} onSure=${() => close(row)} />`);
  return html`
    <section class="panel">
      <header>
        <h2>Closed months</h2>
        <${Said} said=${said} />
        <div class="tools"><${CsvButton} name="closes" columns=${CLOSES} rows=${answer.items} /></div>
      </header>
      <${Table} caption="Months that are prepared, closed or reopened" columns=${[...CLOSES, act]} rows=${answer.items} isSortable=${false} />
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
};

/** `onDone`: something was decided, so the months above may read otherwise. */
export const Closes = ({ query, providers, onDone, ...who }) => {
  const { slug, session } = who;
  const asked = { from: query.from, to: query.to };
  const { answer, retry } = useAnswer((options) => api.closes(slug, asked, options), JSON.stringify([slug, "closes", asked]));
  if (!answer) return null;
  const closed = answer.items.filter(({ state }) => state === "closed");
  const then = { slug, session, onDone: () => (retry(), onDone()) };
  return html`
    ${answer.items.length > 0 && html`<${Listed} ...${who} ...${then} answer=${answer} />`}
    ${providers.length > 0 && html`
      <${Enter} title="Prepare or reopen a month" permission=${DECIDE} line="One person prepares a month that has ended, another closes it. What changes later is posted in the month in which it changes." ...${who}>
        <${Prepare} ...${then} providers=${providers} />
        ${closed.length > 0 && html`<${Reopen} ...${then} closed=${closed} />`}
      <//>
    `}
    ${address.value.query.closed && html`<${Opened} slug=${slug} session=${session} closed=${address.value.query.closed} />`}
  `;
};
