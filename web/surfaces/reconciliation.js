// Reconciliation: why does the invoice differ?

import { html } from "../vendor/preact.js";
import { enterInvoiceTotal, reconciliation } from "../api.js";
import { address, hrefWith, setQuery } from "../address.js";
import { Amount, Dash } from "../amount.js";
import { useAnswer } from "../answer.js";
import { Field } from "../change.js";
import { Closes } from "../closes.js";
import { monthOf, today } from "../dates.js";
import { CsvButton } from "../figure.js";
import { Enter, Form, useForm } from "../form.js";
import { PageHead } from "../frame.js";
import { usd, usdSigned } from "../money.js";
import { bandOf, providerName } from "../names.js";
import { NothingMatches, OfflineBanner, Refused, Skeleton } from "../states.js";
import { Table, USAGE } from "../table.js";

const STATUSES = {
  missing_invoice: { name: "missing invoice", tone: "waiting" },
  matched: { name: "matched", tone: "settled" },
  within_tolerance: { name: "within tolerance", tone: "settled" },
  investigate: { name: "investigate", tone: "exception" },
  signed_off: { name: "signed off", tone: "settled" },
};

const StatusChip = ({ status }) => {
  const { name, tone } = STATUSES[status] ?? { name: status, tone: "waiting" };
  return html`<span class=${`chip ${tone}`}>${name}</span>`;
};

const WORDS = { "+": ["over", "billed above the log"], "\u2212": ["under", "billed below the log"] };

const Variance = ({ variance }) => {
  if (variance === null) return html`<${Dash} />`;
  const text = usdSigned(variance);
  const [tone, words] = WORDS[text[0]] ?? ["level", "the same"];
  return html`<data class=${tone} value=${variance} title=${words}>${text}<span class="unseen"> ${words}</span></data>`;
};

const amount = (key, label) => ({
  key,
  label,
  kind: "money",
  value: (row) => row[key],
  cell: (row) => (row[key] === null ? html`<${Dash} />` : html`<${Amount} cost=${row[key]} write=${usd} />`),
});

const COLUMNS = [
  {
    key: "provider",
    label: "Provider",
    kind: "text",
    value: ({ provider }) => provider,
    cell: ({ provider }) => html`<i class=${`swatch ${bandOf(provider)}`} aria-hidden="true"></i>${providerName(provider)}`,
  },
  {
    key: "account",
    label: "Account",
    kind: "text",
    value: ({ account }) => account,
    cell: ({ account }) => html`<span class="clip" title=${account}>${account}</span>`,
  },
  { key: "period_month", label: "Month", kind: "text", value: ({ period_month }) => period_month, cell: ({ period_month }) => monthOf(period_month) },
  { key: "status", label: "Status", kind: "text", value: ({ status }) => status, cell: ({ status }) => html`<${StatusChip} status=${status} />` },
  amount("logged_usd", "Logged"),
  amount("payable_usd", "Payable"),
  {
    key: "variance_usd",
    label: "Variance",
    kind: "money",
    value: ({ variance_usd }) => variance_usd,
    cell: ({ variance_usd }) => html`<${Variance} variance=${variance_usd} />`,
  },
  amount("tolerance_usd", "Tolerance"),
  amount("adjusted_usd", "Adjusted since"),
  amount("posted_usd", "Posted of earlier"),
  USAGE.unpriced,
  USAGE.requests,
];

const MonthControl = ({ query }) => {
  const choose = (edge) => ({ target }) => setQuery({ [edge]: target.value || null });
  const latest = today().slice(0, 7);
  return html`
    <div class="period">
      <div class="dates">
        <input type="month" aria-label="First month" placeholder="YYYY-MM" max=${query.to ?? latest} value=${query.from ?? ""} onChange=${choose("from")} />
        <span aria-hidden="true">–</span>
        <input type="month" aria-label="Last month" placeholder="YYYY-MM" min=${query.from} max=${latest} value=${query.to ?? ""} onChange=${choose("to")} />
      </div>
    </div>
  `;
};

const InvoiceTotal = ({ slug, session, providers, onEntered }) => {
  const form = useForm(session, {
    send: ({ provider, month, account, ...total }) => enterInvoiceTotal(slug, provider, month, { account: account ?? "default", ...total }),
    done: ({ provider, month }) => `Kept: ${providerName(provider)}, ${monthOf(month)}.`,
    onDone: onEntered,
  });
  return html`
    <${Form} form=${form} label="Keep this total">
      <${Field} label="Provider" wrong=${form.wrong.provider}>
        <input name="provider" list="providers" required autocomplete="off" />
        <datalist id="providers">${providers.map((name) => html`<option value=${name}>${providerName(name)}</option>`)}</datalist>
      <//>
      <${Field} label="Month" wrong=${form.wrong.month}><input type="month" name="month" required max=${today().slice(0, 7)} pattern="\\d{4}-\\d{2}" placeholder="YYYY-MM" /><//>
      <${Field} label="Account" wrong=${form.wrong.account}><input name="account" placeholder="default" autocomplete="off" /><//>
      <${Field} label="Payable, US dollars" wrong=${form.wrong.amount_usd}><input name="amount_usd" required inputmode="decimal" pattern="-?\\d+(\\.\\d{1,12})?" placeholder="1234.56" title="A decimal number, such as 1234.56" autocomplete="off" /><//>
      <${Field} label="Invoice number" wrong=${form.wrong.invoice_id}><input name="invoice_id" placeholder="optional" autocomplete="off" /><//>
    <//>
  `;
};

const providersOf = ({ items }) => [...new Set(items.map(({ provider }) => provider))];

const Body = ({ answer, isStale, query, ...entry }) => html`
  ${answer.items.length === 0
    ? html`<${NothingMatches} what="invoices or logged usage" href=${(query.from || query.to) && hrefWith({ from: null, to: null })} />`
    : html`
        <section class="panel">
          <header>
            <h2>Provider accounts by month</h2>
            <div class="tools"><${CsvButton} name="reconciliation" columns=${COLUMNS} rows=${answer.items} /></div>
          </header>
          <${Table} caption="Logged spend against what each provider charges" columns=${COLUMNS} rows=${answer.items} isStale=${isStale} />
        </section>
      `}
  <${Enter} title="Enter an invoice total" permission="decide_finance" ...${entry}><${InvoiceTotal} ...${entry} providers=${providersOf(answer)} /><//>
  <${Closes} ...${entry} query=${query} providers=${providersOf(answer)} onDone=${entry.onEntered} />
  <p class="note">
    Variance is payable minus logged; logged of a closed month is what it was closed with. What it differs by since is beside it, and in the
    month in which that was posted. Unpriced requests and imputed subscription traffic are in none of them.
  </p>
`;

export const Surface = ({ slug, session, membership }) => {
  const { query } = address.value;
  const asked = { from: query.from, to: query.to };
  const { answer, refusal, isStale, retry } = useAnswer(
    (options) => reconciliation(slug, asked, options),
    JSON.stringify([slug, asked]),
  );
  return html`
    <${OfflineBanner} refusal=${refusal} retry=${retry} />
    <${PageHead} title="Reconciliation" line=${html`<span class="quiet">UTC months, newest first</span>`} asOf=${answer?.as_of}>
      ${answer && html`<${MonthControl} query=${query} />`}
    <//>
    <${Refused} refusal=${refusal} retry=${retry} session=${session} slug=${slug} />
    ${answer && html`<${Body} answer=${answer} isStale=${isStale} query=${query} slug=${slug} session=${session} membership=${membership} onEntered=${retry} />`}
    ${!answer && !refusal && html`<div class="sheet"><${Skeleton} lines=${8} /></div>`}
  `;
};
