// RFC 4180 of the rows that are shown, and its download.

const STARTS_A_FORMULA = /^[=+\-@\t\r]/;

const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

const field = ({ kind, value }, row) => {
  const raw = value(row);
  if (raw === null || raw === undefined) return "";
  const text = String(raw);
  const isOurs = kind === "money" || kind === "count";
  return quoted(!isOurs && STARTS_A_FORMULA.test(text) ? `'${text}` : text);
};

/** Money with every digit, unpriced as an empty field, what people named kept harmless. */
export const csvOf = (columns, rows) =>
  [columns.map(({ key }) => key), ...rows.map((row) => columns.map((column) => field(column, row)))]
    .map((fields) => `${fields.join(",")}\r\n`)
    .join("");

export const download = (name, columns, rows) => {
  const file = new Blob([csvOf(columns, rows)], { type: "text/csv;charset=utf-8" });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = `${name}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1_000);
};
