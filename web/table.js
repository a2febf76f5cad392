// A real table: sticky head, sortable columns, one precision per column of money.

import { html } from "./vendor/preact.js";
import { Amount, costOf, Dash, Spend } from "./amount.js";
import { address, setQuery } from "./address.js";
import { columnPlaces, compare, exactColumn, usd } from "./money.js";
import { count } from "./names.js";

const isMissing = (value) => value === null || value === undefined;

const byColumn = ({ kind, value }, isDescending) => (a, b) => {
  const [left, right] = [value(a), value(b)];
  if (isMissing(left) || isMissing(right)) return isMissing(left) - isMissing(right);
  const order =
    kind === "money" ? compare(left, right) : kind === "count" ? left - right : left < right ? -1 : Number(left > right);
  return isDescending ? -order : order;
};

const sortChosen = (columns) => {
  const wanted = address.value.query.sort ?? "";
  const isDescending = wanted.startsWith("-");
  const column = columns.find(({ key }) => key === wanted.replace("-", ""));
  return column && { column, isDescending };
};

const HeadCell = ({ column, chosen, isSortable }) => {
  const isChosen = chosen?.column === column;
  const sorted = isChosen ? (chosen.isDescending ? "descending" : "ascending") : undefined;
  const startsDescending = column.kind === "money" || column.kind === "count";
  const isNextDescending = isChosen ? !chosen.isDescending : startsDescending;
  const sort = () => setQuery({ sort: `${isNextDescending ? "-" : ""}${column.key}`, cursor: null });
  return html`
    <th scope="col" class=${column.kind} aria-sort=${sorted}>
      ${isSortable && column.kind !== "acts"
        ? html`<button type="button" onClick=${sort}>${column.label}<i aria-hidden="true"></i></button>`
        : column.label}
    </th>
  `;
};

// How a column writes an amount: at its one precision, or padded with every digit.
const writerOf = ({ kind, value, isExact }, rows) => {
  if (kind !== "money") return undefined;
  const costs = rows.map(value).filter((cost) => !isMissing(cost));
  if (!isExact) {
    const places = columnPlaces(costs);
    return (cost) => usd(cost, places);
  }
  const written = new Map(exactColumn(costs).map((text, index) => [costs[index], text]));
  return (cost) => written.get(cost) ?? cost;
};

const Cell = ({ column, row, write }) => {
  if (column.cell) return column.cell(row, write);
  const value = column.value(row);
  if (column.kind === "money") {
    return column.isSpend
      ? html`<${Spend} usage=${row} write=${write} />`
      : html`<${Amount} cost=${value} write=${write} />`;
  }
  if (isMissing(value)) return html`<${Dash} />`;
  return column.kind === "count" ? count(value) : value;
};

// The first column names its row.
const Row = ({ columns, row, writers }) => html`
  <tr>
    ${columns.map((column, index) => {
      const content = html`<${Cell} column=${column} row=${row} write=${writers[index]} />`;
      return index === 0
        ? html`<th scope="row" class=${column.kind}>${content}</th>`
        : html`<td class=${column.kind}>${content}</td>`;
    })}
  </tr>
`;

/**
 * `columns`: `{ key, label, kind, value(row), cell?(row), isExact?, isSpend? }`, kind one of text,
 * money, count, acts. `totals` is a row that the API gave; sums are never made here.
 */
export const Table = ({ caption, columns, rows, totals, isSortable = true, isStale }) => {
  const chosen = isSortable && sortChosen(columns);
  const ordered = chosen ? rows.toSorted(byColumn(chosen.column, chosen.isDescending)) : rows;
  const measured = totals?.row ? [...rows, totals.row] : rows;
  const writers = columns.map((column) => writerOf(column, column.isExact ? measured : rows));
  return html`
    <div class="table" role="region" aria-label=${caption} tabindex="0" aria-busy=${Boolean(isStale)}>
      <table>
        <caption class="unseen">${caption}</caption>
        <thead>
          <tr>
            ${columns.map((column) => html`
              <${HeadCell} column=${column} chosen=${chosen} isSortable=${isSortable} />
            `)}
          </tr>
        </thead>
        <tbody>
          ${ordered.map((row) => html`<${Row} columns=${columns} row=${row} writers=${writers} />`)}
        </tbody>
        ${totals && html`
          <tfoot>
            <tr>
              <th scope="row">${totals.label}</th>
              ${columns.slice(1).map((column, index) => html`
                <td class=${column.kind}>
                  ${column.hasTotal && totals.row
                    ? html`<${Cell} column=${{ ...column, cell: column.totalCell }} row=${totals.row} write=${writers[index + 1]} />`
                    : column.hasTotal && html`<${Dash} />`}
                </td>
              `)}
            </tr>
          </tfoot>
        `}
      </table>
    </div>
  `;
};

const usageCount = (key, label) => ({ key, label, kind: "count", hasTotal: true, value: (row) => row[key] });

const cost = { key: "cost_usd", label: "Spend", kind: "money", hasTotal: true, value: (row) => costOf(row) };

/** The measures that every usage row carries, in the order in which they are read. */
export const USAGE = {
  cost: { ...cost, isSpend: true },
  // Where a column of unpriced counts stands beside it, the amount needs no chip.
  costAlone: cost,
  requests: usageCount("request_count", "Requests"),
  failed: usageCount("failed_count", "Failed"),
  unpriced: usageCount("unpriced_count", "Unpriced"),
  missingRate: usageCount("missing_rate_count", "Requests"),
  input: usageCount("input_tokens", "Input tokens"),
  output: usageCount("output_tokens", "Output tokens"),
  cached: usageCount("cached_tokens", "Cached tokens"),
  unpricedTokens: usageCount("unpriced_tokens", "Unpriced tokens"),
};
