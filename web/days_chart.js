// Spend by day, stacked by provider, each day's total of the period before as a dashed line.
// Amounts become floats here for pixels only; every figure shown is the API's text.

import { html, useEffect, useId, useMemo, useRef, useState } from "./vendor/preact.js";
import { Amount } from "./amount.js";
import { addDays, daysBetween, eachDay, longDay, shortDay, today } from "./dates.js";
import { usdExact } from "./money.js";
import { BANDS, bandName, bandOf, counted, providerName } from "./names.js";

const HEIGHT = 264;
const EDGE = { top: 12, right: 4, bottom: 26, left: 56 };
const STRIP = { height: 16, gap: 14 };
const MOST_BANDS = 6;
const WIDEST_BAR = 72;
const DENSE_PX = 6;
const TICK_PX = 64;

const height = (cost) => Number(cost ?? 0);

const sumsBy = (rows, keyOf, heightOf) => {
  const sums = new Map();
  for (const row of rows) sums.set(keyOf(row), (sums.get(keyOf(row)) ?? 0) + heightOf(row));
  return sums;
};

// The tallest six keep their colour; the rest share the band "Other".
const bandsOf = (days) => {
  const tall = sumsBy(days, ({ provider }) => bandOf(provider), ({ cost_usd }) => height(cost_usd));
  const kept = [...tall.keys()]
    .filter((band) => band !== "other")
    .sort((a, b) => tall.get(b) - tall.get(a))
    .slice(0, MOST_BANDS);
  const fold = (provider) => (kept.includes(bandOf(provider)) ? bandOf(provider) : "other");
  const present = new Set(days.map(({ provider }) => fold(provider)));
  return { fold, bands: BANDS.filter((band) => present.has(band)) };
};

const niceStep = (highest, ticks = 4) => {
  const rough = (highest || 1) / ticks;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((step) => step >= rough);
};

const UNITS = [[1e9, "B"], [1e6, "M"], [1e4, "k"]];
const tickText = (value, step) => {
  const [unit, letter] = UNITS.find(([from]) => step * 4 >= from) ?? [1, ""];
  const size = letter === "k" ? 1e3 : unit;
  const decimals = Math.max(0, Math.ceil(-Math.log10(step / size) - 1e-9));
  const needed = step / size < 1 || Number.isInteger(step / size) ? decimals : 1;
  return `$${(value / size).toLocaleString("en-US", { minimumFractionDigits: value ? needed : 0, maximumFractionDigits: 12 })}${value ? letter : ""}`;
};

const useWidth = (ref, assumed) => {
  const [width, setWidth] = useState(assumed);
  useEffect(() => {
    const observer = new ResizeObserver(([{ contentRect }]) => setWidth(Math.max(200, contentRect.width)));
    observer.observe(ref.current);
    return () => observer.disconnect();
  }, []);
  return width;
};

const layout = ({ period, previousPeriod, days, previousDays, width }) => {
  const dates = eachDay(period.since, period.until);
  const { bands, fold } = bandsOf(days);
  const shift = daysBetween(previousPeriod.since, period.since);
  const at = ({ usage_date }) => usage_date;
  const stacks = sumsBy(days, (row) => `${at(row)} ${fold(row.provider)}`, (row) => height(row.cost_usd));
  const totals = sumsBy(days, at, (row) => height(row.cost_usd));
  const before = sumsBy(previousDays, (row) => addDays(at(row), shift), (row) => height(row.cost_usd));
  const unpriced = sumsBy(days, at, (row) => row.unpriced_count);
  const step = niceStep(Math.max(...totals.values(), ...before.values(), 0));
  const tops = Math.max(1, Math.ceil(Math.max(...totals.values(), ...before.values(), 0) / step - 1e-9));
  const inner = { width: width - EDGE.left - EDGE.right, height: HEIGHT - EDGE.top - EDGE.bottom };
  const wide = inner.width / dates.length;
  const airy = dates.length <= 45 ? Math.min(4, wide * 0.2) : dates.length <= 150 ? 1 : 0;
  const gap = Math.max(airy, wide - WIDEST_BAR);
  return {
    dates, bands, stacks, before, unpriced, step, inner, wide, gap, shift,
    ticks: Array.from({ length: tops + 1 }, (_, index) => index * step),
    x: (index) => EDGE.left + index * wide,
    y: (value) => EDGE.top + inner.height * (1 - value / (tops * step)),
    mostUnpriced: Math.max(0, ...unpriced.values()),
  };
};

const Bars = ({ plot, date, index }) => {
  const { bands, stacks, x, y, wide, gap } = plot;
  let reached = 0;
  return bands.map((band) => {
    const value = stacks.get(`${date} ${band}`) ?? 0;
    if (value <= 0) return null;
    const base = y(reached);
    reached += value;
    const top = Math.min(y(reached), base - 0.5);
    return html`<rect class=${`band ${band}`} x=${x(index) + gap / 2} y=${top} width=${wide - gap} height=${base - top} />`;
  });
};

const previousPath = ({ dates, before, x, y, wide }) => {
  if (dates.length === 1) return `M${x(0)} ${y(before.get(dates[0]) ?? 0)}H${x(1)}`;
  return dates
    .map((date, index) => {
      const along = x(index) + wide / 2;
      return `${index ? "L" : "M"}${along.toFixed(1)} ${y(before.get(date) ?? 0).toFixed(1)}`;
    })
    .join("");
};

const DayTicks = ({ dates, x, wide }) => {
  const every = Math.max(1, Math.ceil(TICK_PX / wide));
  const last = dates.length - 1;
  return dates.map((date, index) => {
    const middle = x(index) + wide / 2;
    if ((last - index) % every !== 0 || middle < EDGE.left + 16) return null;
    const isAtEdge = index === last && wide < TICK_PX / 2;
    return html`
      <text class="tick" x=${isAtEdge ? x(last) + wide : middle} y=${HEIGHT - 8} text-anchor=${isAtEdge ? "end" : "middle"}>
        ${shortDay(date)}
      </text>
    `;
  });
};

const UnpricedStrip = ({ plot }) => {
  const { dates, unpriced, mostUnpriced, x, wide, gap } = plot;
  const floor = HEIGHT + STRIP.gap + STRIP.height;
  return html`
    <line class="rule" x1=${EDGE.left} x2=${x(dates.length)} y1=${floor + 0.5} y2=${floor + 0.5} />
    <text class="tick" x=${EDGE.left - 8} y=${floor - 2} text-anchor="end">${mostUnpriced}</text>
    ${dates.map((date, index) => {
      const tall = ((unpriced.get(date) ?? 0) / mostUnpriced) * STRIP.height;
      return tall > 0 && html`<rect class="unpriced" x=${x(index) + gap / 2} y=${floor - tall} width=${wide - gap} height=${tall} />`;
    })}
  `;
};

const onDay = (rows, date) =>
  rows
    .filter((row) => row.usage_date === date)
    .sort((a, b) => BANDS.indexOf(bandOf(a.provider)) - BANDS.indexOf(bandOf(b.provider)));

const told = (cost) => (cost === null ? "unpriced" : usdExact(cost));

const spoken = (date, now, earlier, then) => {
  const parts = now.map((row) => {
    const unpriced = row.unpriced_count ? `, ${counted(row.unpriced_count, "request")} unpriced` : "";
    return `${providerName(row.provider)} ${told(row.cost_usd)}${unpriced}`;
  });
  const before = then.length ? `. ${shortDay(earlier)}: ${then.map(({ cost_usd }) => told(cost_usd)).join(", ")}` : "";
  return `${longDay(date)}${date === today() ? ", so far" : ""}: ${parts.join("; ") || "no requests"}${before}`;
};

const DayCard = ({ date, now, earlier, then, left, isFlipped }) => html`
  <div class=${`day-card ${isFlipped ? "flipped" : ""}`} style=${{ left: `${left}px` }} aria-hidden="true">
    <strong>${longDay(date)}</strong>${date === today() && html` <span class="quiet">so far</span>`}
    ${now.length === 0 && html`<p class="quiet">No requests</p>`}
    <table>
      <tbody>
        ${now.map((row) => html`
          <tr>
            <td><i class=${`swatch ${bandOf(row.provider)}`}></i>${providerName(row.provider)}</td>
            <td>
              ${row.unpriced_count > 0 && row.cost_usd !== null && html`<span class="chip">+${row.unpriced_count} unpriced</span> `}
              <${Amount} cost=${row.cost_usd} write=${usdExact} />
            </td>
          </tr>
        `)}
      </tbody>
      ${then.length > 0 && html`
        <tfoot>
          ${then.map(({ cost_usd }) => html`
            <tr>
              <td><i class="swatch dashed"></i>${shortDay(earlier)}, all</td>
              <td><${Amount} cost=${cost_usd} write=${usdExact} /></td>
            </tr>
          `)}
        </tfoot>
      `}
    </table>
  </div>
`;

const stepped = (key, index, last) =>
  ({ ArrowLeft: index - 1, ArrowRight: index + 1, ArrowDown: index - 1, ArrowUp: index + 1, PageDown: index - 7, PageUp: index + 7, Home: 0, End: last })[key];

export const DaysChart = (props) => {
  const { period, previousPeriod, days, previousDays } = props;
  const frame = useRef();
  const hatch = useId();
  const width = useWidth(frame, 720);
  const [chosen, setChosen] = useState(null);
  const plot = useMemo(
    () => layout({ period, previousPeriod, days, previousDays, width }),
    [period, previousPeriod, days, previousDays, width],
  );
  const { dates, x, y, wide, inner, ticks, step, shift, bands, mostUnpriced } = plot;
  const last = dates.length - 1;
  const index = Math.min(chosen ?? last, last);
  const earlier = addDays(dates[index], -shift);
  const [now, then] = [onDay(days, dates[index]), onDay(previousDays, earlier)];
  const partial = dates.indexOf(today());
  const whole = HEIGHT + (mostUnpriced ? STRIP.gap + STRIP.height + 4 : 0);

  const point = (event) => {
    const along = event.clientX - event.currentTarget.getBoundingClientRect().left;
    setChosen(Math.min(last, Math.max(0, Math.floor(along / wide))));
  };
  const key = (event) => {
    if (event.key === "Escape") return setChosen(null);
    const next = stepped(event.key, index, last);
    if (next === undefined) return;
    event.preventDefault();
    setChosen(Math.min(last, Math.max(0, next)));
  };

  return html`
    <div class="chart" ref=${frame}>
      <svg class=${wide < DENSE_PX ? "dense" : undefined} width=${width} height=${whole} viewBox=${`0 0 ${width} ${whole}`} aria-hidden="true">
        <defs>
          <pattern id=${hatch} width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
            <rect class="hatch" width="2" height="5" />
          </pattern>
        </defs>
        ${ticks.map((value) => html`
          <line class=${value ? "grid" : "rule"} x1=${EDGE.left} x2=${x(dates.length)} y1=${Math.round(y(value)) + 0.5} y2=${Math.round(y(value)) + 0.5} />
          <text class="tick" x=${EDGE.left - 8} y=${y(value) + 4} text-anchor="end">${tickText(value, step)}</text>
        `)}
        ${chosen !== null && html`<rect class="cursor-band" x=${x(index)} y=${EDGE.top} width=${wide} height=${inner.height} />`}
        ${dates.map((date, at) => html`<${Bars} key=${date} plot=${plot} date=${date} index=${at} />`)}
        ${partial >= 0 && html`<rect fill=${`url(#${hatch})`} x=${x(partial)} y=${EDGE.top} width=${wide} height=${inner.height} />`}
        <path class="previous halo" d=${previousPath(plot)} />
        <path class="previous" d=${previousPath(plot)} />
        <${DayTicks} ...${plot} />
        ${mostUnpriced > 0 && html`<${UnpricedStrip} plot=${plot} />`}
      </svg>
      <div
        class="cursor" role="slider" tabindex="0" aria-label="Day"
        aria-valuemin="1" aria-valuemax=${dates.length} aria-valuenow=${index + 1} aria-valuetext=${spoken(dates[index], now, earlier, then)}
        style=${{ left: `${EDGE.left}px`, top: `${EDGE.top}px`, width: `${inner.width}px`, height: `${inner.height}px` }}
        onPointerMove=${point} onPointerLeave=${() => setChosen(null)} onKeyDown=${key}
        onFocus=${() => setChosen((at) => at ?? last)} onBlur=${() => setChosen(null)}
      ></div>
      ${chosen !== null && html`
        <${DayCard} date=${dates[index]} now=${now} earlier=${earlier} then=${then} left=${x(index) + wide / 2} isFlipped=${index > last / 2} />
      `}
    </div>
    <ul class="legend" aria-label="Legend">
      ${bands.map((band) => html`<li><i class=${`swatch ${band}`}></i>${bandName(band)}</li>`)}
      <li><i class="swatch dashed"></i>The period before</li>
      ${partial >= 0 && html`<li><i class="swatch hatched"></i>So far today</li>`}
      ${mostUnpriced > 0 && html`<li><i class="swatch none"></i>Unpriced requests, by count</li>`}
    </ul>
  `;
};
