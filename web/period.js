// The period of a page: chosen with presets or two dates, kept in the URL.

import { html } from "./vendor/preact.js";
import { address, hrefWith, setQuery } from "./address.js";
import { addDays, shortDay, span, today } from "./dates.js";

const RANGES = {
  "7d": { label: "7 days", since: (day) => addDays(day, -6) },
  "30d": { label: "30 days", since: (day) => addDays(day, -29) },
  "90d": { label: "90 days", since: (day) => addDays(day, -89) },
  month: { label: "This month", since: (day) => `${day.slice(0, 7)}-01` },
};

/** What to ask the API for; nothing chosen leaves the period to the API. */
export const periodAsked = ({ from, to, range }) => {
  if (from || to) return { from, to };
  const chosen = RANGES[range];
  return chosen ? { from: chosen.since(today()), to: today() } : {};
};

const isChosen = (name, query) =>
  !query.from && !query.to && (query.range === name || (!query.range && name === "30d"));

export const PeriodControl = ({ period, ranges = Object.keys(RANGES) }) => {
  const { query } = address.value;
  const choose = (changes) => setQuery({ range: null, cursor: null, ...changes });
  const since = query.from ?? period?.since ?? "";
  const until = query.to ?? period?.until ?? "";
  const picked = ({ target }, edge) =>
    target.value && choose({ from: since, to: until, [edge]: target.value });
  return html`
    <div class="period">
      <nav class="segments" aria-label="Period">
        ${ranges.map((name) => html`
          <a
            href=${hrefWith({ range: name === "30d" ? null : name, from: null, to: null, cursor: null })}
            aria-current=${isChosen(name, query) ? "true" : undefined}
          >${RANGES[name].label}</a>
        `)}
      </nav>
      <div class="dates">
        <input type="date" aria-label="First day" value=${since} max=${until} onChange=${(event) => picked(event, "from")} />
        <span aria-hidden="true">–</span>
        <input type="date" aria-label="Last day" value=${until} min=${since} max=${today()} onChange=${(event) => picked(event, "to")} />
      </div>
    </div>
  `;
};

export const PeriodLine = ({ period }) =>
  period && html`<span class="quiet">${span(period)} · UTC days</span>`;

export const ClampedNote = ({ period }) =>
  period?.is_clamped &&
  html`<p class="note">Your plan keeps figures from ${shortDay(period.since)} ${period.since.slice(0, 4)} on, so the period starts there.</p>`;
