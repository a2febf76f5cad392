// Overview: what did we spend, is it normal?

import { html } from "../vendor/preact.js";
import { overview } from "../api.js";
import { address, hrefWith, pageHref } from "../address.js";
import { Amount, Change, costOf, Dash, Spend, UnpricedCount } from "../amount.js";
import { useAnswer } from "../answer.js";
import { addDays, ago, daysBetween, monthOf, span, today } from "../dates.js";
import { DaysChart } from "../days_chart.js";
import { CsvButton, Figure, HowMade } from "../figure.js";
import { PageHead } from "../frame.js";
import { change, usd } from "../money.js";
import { bandOf, count, counted, projectName, providerName } from "../names.js";
import { ClampedNote, periodAsked, PeriodControl, PeriodLine } from "../period.js";
import { isShut, NothingMatches, NothingPaired, OfflineBanner, Refused, Skeleton } from "../states.js";
import { Table, USAGE } from "../table.js";

const SyncBanner = ({ sync }) => {
  if (!sync || sync.status === "none") return null;
  const { active_count, degraded_count, revoked_count, last_batch_at, status } = sync;
  const told = {
    green: `${counted(active_count, "machine")} sending.`,
    amber: `${counted(degraded_count, "machine")} sent nothing for 24 hours; ${count(active_count)} sending.`,
    red: `${counted(revoked_count, "machine")} revoked or paused${degraded_count ? `, ${count(degraded_count)} silent for 24 hours` : ""}; ${count(active_count)} sending.`,
  };
  return html`
    <p class=${`sync ${status}`}>
      <i aria-hidden="true"></i>
      <span><span class="unseen">Sync ${status}: </span>${told[status]}</span>
      ${last_batch_at && html`<span class="quiet">Last batch ${ago(last_batch_at)}</span>`}
    </p>
  `;
};

const LONG = 12;
const figureClass = (cost) => (cost && usd(cost).length > LONG ? "figure long" : "figure");

const Tile = ({ label, usage, isKnown, children }) => html`
  <div class="tile">
    <dt>${label}</dt>
    <dd>
      <span class=${figureClass(usage?.cost_usd)}>${isKnown ? html`<${Amount} cost=${costOf(usage)} />` : html`<${Dash} />`}</span>
      <span class="under-figure">${isKnown ? children : " "}</span>
      ${isKnown && usage.unpriced_count > 0 && usage.cost_usd !== null && html`<${UnpricedCount} usage=${usage} />`}
    </dd>
  </div>
`;

const Tiles = ({ answer }) => {
  const { today: now, month_to_date: month, previous_month_to_date: monthBefore } = answer ?? {};
  const { last_month: last, period_total: total, previous_period_total: totalBefore } = answer ?? {};
  const thisMonth = today();
  const isKnown = Boolean(answer);
  return html`
    <dl class="tiles">
      <${Tile} label="Today" usage=${now} isKnown=${isKnown}>
        so far, ${counted(now?.request_count ?? 0, "request")}
      <//>
      <${Tile} label=${`${monthOf(thisMonth)} to date`} usage=${month} isKnown=${isKnown}>
        <${Change} now=${month} before=${monthBefore} />
        ${" "}<${Amount} cost=${costOf(monthBefore)} />${" by this day last month"}
      <//>
      <${Tile} label="Last month" usage=${last} isKnown=${isKnown}>
        ${monthOf(addDays(`${thisMonth.slice(0, 7)}-01`, -1))}, ${counted(last?.request_count ?? 0, "request")}
      <//>
      <${Tile} label=${answer ? span(answer.period) : "Period"} usage=${total} isKnown=${isKnown}>
        <${Change} now=${total} before=${totalBefore} />
        ${" "}<${Amount} cost=${costOf(totalBefore)} />${" the period before"}
      <//>
    </dl>
  `;
};

const daysTold = ({ since, until }) => counted(daysBetween(since, until) + 1, "day");

const sentence = ({ period, previous_period, period_total, previous_period_total }) => {
  const { cost_usd: now } = period_total;
  if (now === null) return `No request of these ${daysTold(period)} has a price yet.`;
  const moved = change(now, previous_period_total.cost_usd);
  const before = previous_period_total.cost_usd;
  const compared =
    moved === null
      ? `nothing to compare with in the ${daysTold(previous_period)} before`
      : `${moved} against ${usd(before)} in the ${daysTold(previous_period)} before`;
  const open = period.until === today() ? ", today so far" : "";
  return `${usd(now)} over ${daysTold(period)}${open}: ${compared}.`;
};

// Both periods as the API gave them: this one by provider, the one before in whole days.
const dayRows = ({ days, previous_days }) => [
  ...days.map((day) => ({ ...day, which: "this" })),
  ...previous_days.map((day) => ({ ...day, which: "before" })),
];

const DAY_COLUMNS = [
  { key: "usage_date", label: "Day", kind: "text", value: ({ usage_date }) => usage_date },
  { key: "period", label: "Period", kind: "text", value: ({ which }) => which },
  {
    key: "provider",
    label: "Provider",
    kind: "text",
    value: ({ provider }) => provider,
    cell: ({ provider }) => (provider === null ? "All" : providerName(provider)),
  },
  { ...USAGE.costAlone, isExact: true },
  USAGE.requests,
  USAGE.unpriced,
];

const SpendByDay = ({ answer, isStale }) => html`
  <${Figure}
    title="Spend by day" view="days" question="usage_day" name="spend-by-day" summary=${sentence(answer)}
    columns=${DAY_COLUMNS} rows=${dayRows(answer)} isStale=${isStale}
    totals=${{ label: "This period", row: answer.period_total }}
  >
    <${DaysChart}
      period=${answer.period} previousPeriod=${answer.previous_period}
      days=${answer.days} previousDays=${answer.previous_days}
    />
  <//>
`;

const PROJECT_COLUMNS = [
  {
    key: "project",
    label: "Project",
    kind: "text",
    value: ({ project }) => project,
    cell: ({ project }) => html`<span class="clip" title=${project}>${projectName(project)}</span>`,
  },
  USAGE.cost,
  USAGE.requests,
];

const modelCell = ({ provider, model }) => html`
  <span class="clip" title=${`${providerName(provider)} ${model}`}>
    <i class=${`swatch ${bandOf(provider)}`} aria-hidden="true"></i>${model}
    <span class="unseen"> of ${providerName(provider)}</span>
  </span>
`;

const MODEL_COLUMNS = [
  { key: "model", label: "Model", kind: "text", value: ({ model }) => model, cell: modelCell },
  USAGE.cost,
  USAGE.requests,
];

const providerColumn = {
  key: "provider",
  label: "Provider",
  kind: "text",
  value: ({ provider }) => provider,
  cell: ({ provider }) => providerName(provider),
};

const MODEL_CSV = [providerColumn, ...MODEL_COLUMNS];

const UNPRICED_COLUMNS = [
  { key: "model", label: "Model without a rate", kind: "text", value: ({ model }) => model, cell: modelCell },
  { ...USAGE.missingRate, hasTotal: false },
  { ...USAGE.unpricedTokens, hasTotal: false },
];

const Panel = ({ title, id, name, question, columns, csvColumns = columns, rows, more, children }) => html`
  <section class="panel" id=${id}>
    <header>
      <h2>${title}</h2>
      <div class="tools">${question && html`<${HowMade} question=${question} of=${title} />`}${more}${name && html`<${CsvButton} name=${name} columns=${csvColumns} rows=${rows} />`}</div>
    </header>
    ${children}
  </section>
`;

const Top = ({ title, name, rows, columns, csvColumns, total, more }) => html`
  <${Panel} title=${title} name=${name} question="usage_key" columns=${columns} csvColumns=${csvColumns} rows=${rows} more=${more}>
    <${Table} caption=${title} columns=${columns} rows=${rows} totals=${{ label: "All", row: total }} isSortable=${false} />
  <//>
`;

const Unpriced = ({ total, rows }) => html`
  <${Panel} title="Unpriced" id="unpriced" question="usage_key" name=${rows.length > 0 && "unpriced-models"} columns=${UNPRICED_COLUMNS} csvColumns=${[providerColumn, ...UNPRICED_COLUMNS]} rows=${rows}>
    <p class="line">
      ${total.unpriced_count > 0
        ? `${counted(total.unpriced_count, "request")} with ${counted(total.unpriced_tokens, "token")} have no price: they stand outside the spend above, and for ${count(total.missing_rate_count)} of them no rate is known.`
        : "Every metered request of this period has a price."}
    </p>
    ${rows.length > 0 && html`<${Table} caption="Models without a rate" columns=${UNPRICED_COLUMNS} rows=${rows} isSortable=${false} />`}
  <//>
`;

const ofMonths = ({ imputed_today, imputed_month_to_date, imputed_last_month }) =>
  imputed_today && html`
    <p class="line">
      Imputed today <${Amount} cost=${costOf(imputed_today)} />, this month <${Amount} cost=${costOf(imputed_month_to_date)} />,
      last month <${Amount} cost=${costOf(imputed_last_month)} />.
    </p>
  `;

const Apart = ({ answer, imputed, imported }) => html`
  <${Panel} title="Apart from spend">
    <p class="line figure-line">
      <span class="figure"><${Amount} cost=${costOf(imputed)} /></span> imputed
      ${imputed.unpriced_count > 0 && html` <${UnpricedCount} usage=${imputed} />`}
    </p>
    <p class="line">
      ${imputed.request_count > 0
        ? `${counted(imputed.request_count, "request")} of flat-fee subscriptions, at list price. Nobody is billed for it: it is in no total on this page, no invoice and no variance.`
        : "No flat-fee subscription traffic in this period."}
    </p>
    ${ofMonths(answer)}
    ${imported.request_count > 0 && html`
      <p class="line">
        <${Spend} usage=${imported} /> for ${counted(imported.request_count, "request")} that
        daemons imported rather than metered; in no total either.
      </p>
    `}
  <//>
`;

const Figures = ({ answer, isStale, slug, query }) => html`
  <${SpendByDay} answer=${answer} isStale=${isStale} />
  <div class="pair">
    <${Top}
      title="Top projects" name="top-projects" columns=${PROJECT_COLUMNS} rows=${answer.top_projects} total=${answer.period_total}
      more=${html`<a href=${pageHref(slug, "projects", periodAsked(query))}>All projects</a>`}
    />
    <${Top} title="Top models" name="top-models" columns=${MODEL_COLUMNS} csvColumns=${MODEL_CSV} rows=${answer.top_models} total=${answer.period_total} />
  </div>
  <div class="pair">
    <${Unpriced} total=${answer.period_total} rows=${answer.unpriced_models} />
    <${Apart} answer=${answer} imputed=${answer.imputed} imported=${answer.imported} />
  </div>
`;

const Body = ({ answer, isStale, slug }) => {
  const { query } = address.value;
  const isEmpty = [answer.period_total, answer.imputed, answer.imported].every(
    ({ request_count }) => request_count === 0,
  );
  if (isEmpty && answer.sync.status === "none") return html`<${NothingPaired} />`;
  return html`
    <${SyncBanner} sync=${answer.sync} />
    <div class="sheet" aria-busy=${isStale}>
      <${ClampedNote} period=${answer.period} />
      <${Tiles} answer=${answer} />
      ${isEmpty
        ? html`<${NothingMatches} what="requests" href=${(query.from || query.range) && hrefWith({ from: null, to: null, range: null })} />`
        : html`<${Figures} answer=${answer} isStale=${isStale} slug=${slug} query=${query} />`}
    </div>
  `;
};

export const Surface = ({ slug, session }) => {
  const asked = periodAsked(address.value.query);
  const { answer, refusal, isStale, retry } = useAnswer(
    (options) => overview(slug, asked, options),
    JSON.stringify([slug, asked]),
  );
  return html`
    <${OfflineBanner} refusal=${refusal} retry=${retry} />
    <${PageHead} title="Overview" line=${html`<${PeriodLine} period=${answer?.period} />`} asOf=${answer?.as_of}>
      ${!isShut(refusal) && html`<${PeriodControl} period=${answer?.period} />`}
    <//>
    <${Refused} refusal=${refusal} retry=${retry} session=${session} slug=${slug} />
    ${refusal?.kind === "offline" && html`<${Tiles} />`}
    ${answer && html`<${Body} answer=${answer} isStale=${isStale} slug=${slug} />`}
    ${!answer && !refusal && html`<div class="sheet"><${Skeleton} lines=${8} /></div>`}
    ${answer && answer.as_of === null && html`<p class="note">Figures have not been published yet; they appear after the first build, usually within a minute.</p>`}
  `;
};
