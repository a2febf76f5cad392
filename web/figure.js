// A chart with its sentence, its exact numbers as a table, and their CSV.

import { html, useId } from "./vendor/preact.js";
import { address, hrefWith } from "./address.js";
import { Table } from "./table.js";

export const downloadRows = async (name, columns, rows) => {
  const { download } = await import("./csv.js");
  download(name, columns, rows);
};

export const CsvButton = ({ name, columns, rows }) => html`
  <button type="button" class="button small" disabled=${rows.length === 0} onClick=${() => downloadRows(name, columns, rows)}>
    CSV<span class="unseen"> of ${name}</span>
  </button>
`;

/** `question` is the name of the one that a figure answers. */
export const HowMade = ({ question, of }) => html`
  <a class="how" href=${hrefWith({ how: question })}>How is this made?<span class="unseen"> (${of})</span></a>
`;

/** `children` is the chart; `view` names the query key that keeps Chart or Table. */
export const Figure = ({ title, summary, view, name, question, columns, rows, totals, isStale, children }) => {
  const id = useId();
  const isTable = address.value.query[view] === "table";
  return html`
    <figure class="panel" aria-labelledby=${id} aria-busy=${Boolean(isStale)}>
      <header>
        <h2 id=${id}>${title}</h2>
        <div class="tools">
          <nav class="segments" aria-label=${`${title}: view`}>
            <a href=${hrefWith({ [view]: null })} aria-current=${isTable ? undefined : "true"}>Chart</a>
            <a href=${hrefWith({ [view]: "table" })} aria-current=${isTable ? "true" : undefined}>Table</a>
          </nav>
          <${CsvButton} name=${name} columns=${columns} rows=${rows} />
        </div>
      </header>
      <figcaption>${summary}${question && html` <${HowMade} question=${question} of=${title} />`}</figcaption>
      ${isTable
        ? html`<div class="scroll"><${Table} caption=${title} columns=${columns} rows=${rows} totals=${totals} isStale=${isStale} /></div>`
        : children}
    </figure>
  `;
};
