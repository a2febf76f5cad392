// Money on screen: decimal strings in, text out; no number is ever a float.
// Every rule has its examples in money_vectors.json, which Python tests as well.

const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?$/;
const MINUS = "\u2212";
const FIGURE_SPACE = "\u2007";
const TOTAL_PLACES = 2;
const REQUEST_PLACES = 4;
const MILLICENT_PLACES = 5;

const parse = (text) => {
  const match = DECIMAL.exec(text);
  if (!match) throw new TypeError(`not a decimal string: ${text}`);
  const [, minus, whole, decimals = ""] = match;
  const digits = BigInt(whole + decimals);
  return { isNegative: minus === "-" && digits > 0n, digits, places: decimals.length };
};

// Half away from zero, as people round on paper.
const rounded = ({ digits, places }, to) => {
  if (to >= places) return digits * 10n ** BigInt(to - places);
  const unit = 10n ** BigInt(places - to);
  return (digits + unit / 2n) / unit;
};

const grouped = (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ",");

const written = (digits, places) => {
  const text = digits.toString().padStart(places + 1, "0");
  const whole = grouped(text.slice(0, text.length - places));
  return places ? `${whole}.${text.slice(-places)}` : whole;
};

const scaled = (text, places) => {
  const { isNegative, digits, places: has } = parse(text);
  const value = digits * 10n ** BigInt(places - has);
  return isNegative ? -value : value;
};

const onOneScale = (a, b) => {
  const places = Math.max(parse(a).places, parse(b).places);
  return [scaled(a, places), scaled(b, places)];
};

/** Dollars at a fixed number of decimals. What would show as zero is `<$0.01`. */
export const usd = (text, places = TOTAL_PLACES) => {
  const value = parse(text);
  const sign = value.isNegative ? MINUS : "";
  const digits = rounded(value, places);
  const isHidden = digits === 0n && value.digits > 0n;
  return `${sign}${isHidden ? "<" : ""}$${written(isHidden ? 1n : digits, places)}`;
};

/** The same with a plus sign where one is due: for differences. */
export const usdSigned = (text, places = TOTAL_PLACES) => {
  const { isNegative, digits } = parse(text);
  return `${digits > 0n && !isNegative ? "+" : ""}${usd(text, places)}`;
};

/** One request, in a list. */
export const usdOfRequest = (text) => usd(text, REQUEST_PLACES);

/** Every digit that is there, at least two decimals. */
export const usdExact = (text) => {
  const decimals = (text.split(".")[1] ?? "").replace(/0+$/, "");
  return usd(text, Math.max(TOTAL_PLACES, decimals.length));
};

/** The one precision of a table column, from its largest value; nulls are skipped. */
export const columnPlaces = (texts) => {
  const known = texts.filter((text) => text !== null && parse(text).digits > 0n);
  const reaches = (bound) => known.some((text) => compare(text.replace("-", ""), bound) >= 0);
  if (known.length === 0 || reaches("1")) return 2;
  return reaches("0.01") ? 4 : 5;
};

/** All digits of a column, padded so that the decimal points stand in line. */
export const exactColumn = (texts) => {
  const shown = texts.map((text) => (text === null ? null : usdExact(text)));
  const decimalsOf = (text) => text.length - text.indexOf(".");
  const widest = Math.max(0, ...shown.filter((text) => text !== null).map(decimalsOf));
  return shown.map((text) =>
    text === null ? null : text + FIGURE_SPACE.repeat(widest - decimalsOf(text)),
  );
};

/** Order of two amounts: below, at or above zero. */
export const compare = (a, b) => {
  const [left, right] = onOneScale(a, b);
  return left < right ? -1 : Number(left > right);
};

/** How far an amount moved, in per cent; null where there is nothing to compare with. */
export const change = (now, before) => {
  if (now === null || before === null) return null;
  const [after, base] = onOneScale(now, before);
  if (base <= 0n) return null;
  const moved = after - base;
  if (moved === 0n) return "no change";
  const size = moved < 0n ? -moved : moved;
  const sign = moved < 0n ? MINUS : "+";
  const tenths = (size * 2000n + base) / (base * 2n);
  if (tenths === 0n) return `${sign}<0.1%`;
  if (tenths > 9_999n) return `${sign}>999%`;
  return `${sign}${written(tenths, 1)}%`;
};

/** Whole millicents, as the daemons submit them, as a decimal string of dollars. */
export const usdFromMillicents = (millicents) => {
  const whole = BigInt(millicents);
  const digits = (whole < 0n ? -whole : whole).toString().padStart(MILLICENT_PLACES + 1, "0");
  const point = digits.length - MILLICENT_PLACES;
  const decimals = digits.slice(point).replace(/0+$/, "").padEnd(TOTAL_PLACES, "0");
  return `${whole < 0n ? "-" : ""}${digits.slice(0, point)}.${decimals}`;
};
