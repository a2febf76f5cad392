// Every path that the pages fetch, and what a refusal means. The laptop's page
// brings its own module with the same functions; nothing else knows a path.

/** Why an answer did not come: `kind` is the page state that shows it. */
export class Refusal extends Error {
  constructor(kind, details = {}) {
    super(details.message ?? kind);
    this.kind = kind;
    this.details = details;
  }
}

const KINDS = { tier_locked: "locked", not_permitted: "forbidden", not_signed_in: "signed-out" };
const CHANGES_NOTHING = new Set(["GET", "HEAD"]);

const cookie = (name) =>
  document.cookie
    .split("; ")
    .find((pair) => pair.startsWith(`${name}=`))
    ?.slice(name.length + 1) ?? "";

const withQuery = (path, query = {}) => {
  const given = Object.entries(query).filter(([, value]) => value);
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
};

const refusalOf = async (response) => {
  const said = await response.json().catch(() => ({}));
  return new Refusal(KINDS[said.error] ?? "error", {
    status: response.status,
    message: `The server answered ${response.status}.`,
    request_id: response.headers.get("x-request-id"),
    retry_after: response.headers.get("retry-after"),
    ...said,
  });
};

const call = async (method, path, { query, body, signal } = {}) => {
  const headers = { accept: "application/json" };
  if (!CHANGES_NOTHING.has(method)) headers["x-hmc-csrf"] = cookie("hmc_csrf");
  if (body !== undefined) headers["content-type"] = "application/json";
  const sent = { method, headers, signal, credentials: "same-origin" };
  if (body !== undefined) sent.body = JSON.stringify(body);
  let response;
  try {
    response = await fetch(withQuery(path, query), sent);
  } catch (failure) {
    if (failure.name === "AbortError") throw failure;
    throw new Refusal("offline", { since: new Date() });
  }
  if (!response.ok) throw await refusalOf(response);
  if (response.status === 204) return null;
  return response.json().catch(() => {
    throw new Refusal("error", { message: "The answer could not be read." });
  });
};

const segment = encodeURIComponent;
const workspace = (slug) => `/v1/workspaces/${segment(slug)}`;
const pairing = (slug, code) => `${workspace(slug)}/pairings/${segment(code)}`;

export const signIn = (email, code) => call("POST", "/v1/sessions", { body: { email, code } });
export const signOut = () => call("DELETE", "/v1/sessions");

export const me = (options) => call("GET", "/v1/me", options);
export const plans = (options) => call("GET", "/v1/plans", options);

export const overview = (slug, query, options) =>
  call("GET", `${workspace(slug)}/overview`, { query, ...options });
export const projects = (slug, query, options) =>
  call("GET", `${workspace(slug)}/projects`, { query, ...options });
export const traces = (slug, query, options) =>
  call("GET", `${workspace(slug)}/traces`, { query, ...options });
export const reconciliation = (slug, query, options) =>
  call("GET", `${workspace(slug)}/reconciliation`, { query, ...options });

export const enterInvoiceTotal = (slug, provider, month, total) =>
  call("PUT", `${workspace(slug)}/reconciliation/${segment(provider)}/${segment(month)}`, {
    body: total,
  });

export const pairingAsked = (slug, code, options) => call("GET", pairing(slug, code), options);
export const approvePairing = (slug, code) => call("POST", `${pairing(slug, code)}/approve`);
export const denyPairing = (slug, code) => call("POST", `${pairing(slug, code)}/deny`);
