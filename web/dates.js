// Days and times as the API writes them (UTC), as people read them.

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const WEEKDAYS = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split(" ");
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

const utc = (day) => new Date(`${day}T00:00:00Z`);
const isoDay = (date) => date.toISOString().slice(0, 10);
const twoDigits = (number) => String(number).padStart(2, "0");

export const today = () => isoDay(new Date());
export const addDays = (day, count) => isoDay(new Date(utc(day).getTime() + count * DAY_MS));
export const daysBetween = (since, until) => Math.round((utc(until) - utc(since)) / DAY_MS);
export const eachDay = (since, until) =>
  Array.from({ length: daysBetween(since, until) + 1 }, (_, step) => addDays(since, step));

/** `3 Nov` */
export const shortDay = (day) => `${utc(day).getUTCDate()} ${MONTHS[utc(day).getUTCMonth()]}`;

/** `3 Nov 2026`, from a day or a moment; a moment that is no midnight with its time. */
export const dated = (moment) => {
  const at = new Date(moment);
  const time = timeOf(at, "Hours", "Minutes");
  const day = `${shortDay(isoDay(at))} ${at.getUTCFullYear()}`;
  return time === "00:00" ? day : `${day} ${time}`;
};

/** The moment at which a UTC day begins, as the API writes it; null when none is given. */
export const midnightOf = (day) => day && `${day}T00:00:00Z`;

/** Is it in force now? Its end is the first day, or moment, on which it is not. */
export const stands = ({ valid_from, valid_to }) =>
  new Date(valid_from) <= Date.now() && (!valid_to || new Date(valid_to) > Date.now());

/** `Tuesday 3 Nov 2026` */
export const longDay = (day) =>
  `${WEEKDAYS[utc(day).getUTCDay()]} ${shortDay(day)} ${utc(day).getUTCFullYear()}`;

/** `25 Oct – 23 Nov 2026` */
export const span = ({ since, until }) => {
  const year = until.slice(0, 4);
  const start = since.slice(0, 4) === year ? shortDay(since) : `${shortDay(since)} ${since.slice(0, 4)}`;
  return since === until ? `${shortDay(until)} ${year}` : `${start} – ${shortDay(until)} ${year}`;
};

/** `Nov 2026`, from a day or a month. */
export const monthOf = (day) => `${MONTHS[Number(day.slice(5, 7)) - 1]} ${day.slice(0, 4)}`;

const timeOf = (at, ...parts) => parts.map((part) => twoDigits(at[`getUTC${part}`]())).join(":");

/** `14:02 UTC`, with the day where it is not today. */
export const clock = (moment) => {
  const at = new Date(moment);
  const time = `${timeOf(at, "Hours", "Minutes")} UTC`;
  return isoDay(at) === today() ? time : `${shortDay(isoDay(at))} ${time}`;
};

/** `23 Nov 14:02:59`, in UTC. */
export const toTheSecond = (moment) => {
  const at = new Date(moment);
  return `${shortDay(isoDay(at))} ${timeOf(at, "Hours", "Minutes", "Seconds")}`;
};

/** `4 minutes ago`, `2 days ago` */
export const ago = (moment, now = Date.now()) => {
  const minutes = Math.max(0, Math.floor((now - new Date(moment)) / MINUTE_MS));
  const told = (count, unit) => `${count} ${unit}${count === 1 ? "" : "s"} ago`;
  if (minutes < 1) return "just now";
  if (minutes < 60) return told(minutes, "minute");
  if (minutes < 48 * 60) return told(Math.floor(minutes / 60), "hour");
  return told(Math.floor(minutes / 1440), "day");
};
