// Data health: can the figures be trusted today?

import { html } from "../vendor/preact.js";
import * as api from "../api.js";
import { hrefWith, pageHref } from "../address.js";
import { useAnswer } from "../answer.js";
import { ago, clock, shortDay } from "../dates.js";
import { Receipt } from "../drawer.js";
import { count, counted, providerName } from "../names.js";
import { Clip, number, Page, words } from "../page.js";
import { Table } from "../table.js";

const when = (moment) => (moment ? html`<span title=${clock(moment)}>${ago(moment)}</span>` : html`<span class="quiet">never</span>`);

/** Millionths as a percentage, digit by digit: `12_345` is `1.2345 %`. */
const percent = (ppm) => {
  const digits = String(Math.abs(ppm)).padStart(5, "0");
  const decimals = digits.slice(-4).replace(/0+$/, "");
  return `${ppm < 0 ? "−" : ""}${digits.slice(0, -4)}${decimals && `.${decimals}`} %`;
};

const Tile = ({ label, figure, children }) => html`
  <div class="tile">
    <dt>${label}</dt>
    <dd><span class="figure">${figure}</span><span class="under-figure">${children}</span></dd>
  </div>
`;

const standing = (answer) => answer.expectations.flatMap(({ findings }) => findings.filter(({ resolved_at }) => !resolved_at));

const Tiles = ({ answer }) => {
  const { recent, test_counts: went, failing_tests: failing, last_build: build } = answer;
  const found = standing(answer);
  return html`
    <dl class="tiles">
      <${Tile} label="Unpriced, last 30 days" figure=${recent.unpriced_ppm === null ? "–" : percent(recent.unpriced_ppm)}>
        ${counted(recent.unpriced_count, "request")} of ${count(recent.request_count)}
      <//>
      <${Tile} label="Daemons differ by" figure=${recent.drift_ppm === null ? "–" : percent(recent.drift_ppm)}>
        submitted less recomputed, last 30 days
      <//>
      <${Tile} label="Not as expected" figure=${build?.looked_at ? count(found.length) : "–"}>
        of fresh rows; looked ${build?.looked_at ? ago(build.looked_at) : "at never"}
      <//>
      <${Tile} label="Tests that fail" figure=${went.pass || failing.length ? count(failing.length) : "–"}>
        ${went.pass ? `${counted(went.pass, "test")} passed` : "none has been run yet"}
      <//>
    </dl>
  `;
};

const Build = ({ build, mayDocument, slug }) => html`
  <section class="panel">
    <header>
      <h2>The last build</h2>
      <div class="tools">
        ${mayDocument && build?.documented_at && html`<a class="button small" href=${api.documentation(slug)} target="_blank" rel="noopener">Documentation of the models</a>`}
      </div>
    </header>
    <div class="inset">
      ${build
        ? html`<${Receipt}
            lines=${[
              ["Published", when(build.published_at)],
              ["Waiting for the next", build.waiting_since ? html`since ${clock(build.waiting_since)}` : "nothing"],
              ["Made by the SQL named", html`<code>${build.build}</code>`],
              ["Looked at", html`${when(build.looked_at)}${build.looked_with && `, with ${build.looked_with} and dbt's tests`}`],
            ]}
          />`
        : html`<p class="note">Nothing has been published yet.</p>`}
    </div>
  </section>
`;

const SOURCES = [
  words("source", "Source", ({ source }) => html`<code>${source}</code>`),
  words("newest_at", "Newest", ({ newest_at }) => when(newest_at)),
  words("is_stale", "State", ({ is_stale, stale_after_hours: hours }) => html`
    <span class=${is_stale ? "chip exception" : "chip"}>${is_stale ? "stale" : "fresh"}</span>
    <span class="quiet">after ${hours > 48 ? counted(Math.floor(hours / 24), "day") : counted(hours, "hour")}</span>
  `),
  words("description", "What it is"),
];

const subjectOf = ({ subject: { provider, model, usage_date: day, machine_id: machine } }, slug) => {
  if (day) return shortDay(day);
  if (machine) return html`<a href=${pageHref(slug, "machines", { machine })}>machine ${machine.slice(0, 8)}</a>`;
  return html`<${Clip} text=${`${providerName(provider)} ${model}`} />`;
};

const expected = ({ least, most }) => [least !== null && `at least ${count(least)}`, most !== null && `at most ${count(most)}`].filter(Boolean).join(", ");

const findingColumns = (slug) => [
  words("subject", "Of", (row) => subjectOf(row, slug)),
  words("says", "Expected", (row) => html`<span title=${row.expectation}>${row.says}</span>`),
  words("observed", "Found", (row) => html`${count(row.observed)} <span class="quiet">${row.unit}; ${expected(row)}</span>`),
  number("request_count", "Requests"),
  words("first_seen_at", "Since", (row) => when(row.first_seen_at)),
  words("resolved_at", "Until", (row) => (row.resolved_at ? when(row.resolved_at) : html`<span class="chip exception">stands</span>`)),
];

const Findings = ({ answer, slug }) => {
  const rows = answer.expectations.flatMap(({ says, unit, findings }) => findings.map((each) => ({ ...each, says, unit })));
  return html`
    <section class="panel">
      <header><h2>Fresh rows, not as expected</h2></header>
      <p class="line">
        ${rows.length > 0
          ? "Nothing is refused for it, and no figure leaves it out: it is there to be looked at."
          : answer.last_build?.looked_at
            ? "Every expectation of what landed in the last day is met."
            : html`Nobody has looked yet; the worker does within the hour, or <code>hmc quality</code> at once.`}
      </p>
      ${rows.length > 0 && html`<${Table} caption="Findings" columns=${findingColumns(slug)} rows=${rows} isSortable=${false} />`}
    </section>
  `;
};

const MET = { true: ["met", ""], false: ["not met", "exception"], null: ["not looked at", "waiting"] };

const EXPECTATIONS = [
  words("says", "Expectation"),
  words("is_met", "State", ({ is_met }) => html`<span class=${`chip ${MET[is_met][1]}`}>${MET[is_met][0]}</span>`),
];

const FAILING = [
  words("says", "Test"),
  words("status", "State", ({ status }) => html`<span class="chip exception">${status === "error" ? "could not be run" : "fails"}</span>`),
  words("tested_at", "Run", ({ tested_at }) => when(tested_at)),
];

const MARTS = [
  words("mart", "Table", ({ mart }) => html`<code>${mart}</code>`),
  number("row_count", "Rows of this workspace"),
  words("counted_at", "Counted", ({ counted_at }) => when(counted_at)),
];

const Panel = ({ title, line, children }) => html`
  <section class="panel">
    <header><h2>${title}</h2></header>
    ${line && html`<p class="line">${line}</p>`}
    ${children}
  </section>
`;

const Body = ({ answer, slug, mayDocument }) => html`
  <div class="sheet">
    <${Tiles} answer=${answer} />
    <${Findings} answer=${answer} slug=${slug} />
    ${answer.failing_tests.length > 0 && html`
      <${Panel} title="Tests that fail" line="Of the whole warehouse. Figures that rest on what they test may be wrong.">
        <${Table} caption="Tests that fail" columns=${FAILING} rows=${answer.failing_tests} isSortable=${false} />
      <//>
    `}
    <${Panel} title="Sources" line="When each last brought this workspace something. A silent fleet looks like savings.">
      <${Table} caption="Sources" columns=${SOURCES} rows=${answer.sources} isSortable=${false} />
    <//>
    <div class="pair">
      <${Build} build=${answer.last_build} mayDocument=${mayDocument} slug=${slug} />
      <${Panel} title="Rows">
        ${answer.marts.length > 0
          ? html`<${Table} caption="Rows of each table" columns=${MARTS} rows=${answer.marts} isSortable=${false} />`
          : html`<p class="line">None has been counted yet.</p>`}
        <p class="line"><a href=${hrefWith({ how: "usage_day" })}>How is a figure made?</a></p>
      <//>
    </div>
    <${Panel} title="What is expected of fresh rows">
      <${Table} caption="Expectations" columns=${EXPECTATIONS} rows=${answer.expectations} isSortable=${false} />
    <//>
  </div>
`;

export const Surface = ({ slug, session, membership }) => {
  const asked = useAnswer((options) => api.dataHealth(slug, options), slug);
  const mayDocument = session.plans?.roles[membership?.role]?.includes("edit_workspace");
  return html`
    <${Page} title="Data health" line="Can the figures be trusted today?" asked=${asked} session=${session} slug=${slug}>
      ${asked.answer && html`<${Body} answer=${asked.answer} slug=${slug} mayDocument=${mayDocument} />`}
    <//>
  `;
};
