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
const within = (slug, ...path) => [workspace(slug), ...path.map(segment)].join("/");
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

export const closes = (slug, query, options) => call("GET", within(slug, "reconciliation", "closes"), { query, ...options });
export const closedMonth = (slug, provider, month, options) =>
  call("GET", within(slug, "reconciliation", provider, month, "close"), options);
export const prepareMonth = (slug, provider, month) => call("POST", within(slug, "reconciliation", provider, month, "prepare"));
export const closeMonth = (slug, provider, month) => call("POST", within(slug, "reconciliation", provider, month, "close"));
export const reopenMonth = (slug, provider, month, reason) =>
  call("POST", within(slug, "reconciliation", provider, month, "reopen"), { body: { reason } });

export const pairingAsked = (slug, code, options) => call("GET", pairing(slug, code), options);
export const approvePairing = (slug, code) => call("POST", `${pairing(slug, code)}/approve`);
export const denyPairing = (slug, code) => call("POST", `${pairing(slug, code)}/deny`);

export const settings = (slug, options) => call("GET", workspace(slug), options);
export const changeSettings = (slug, body) => call("PATCH", workspace(slug), { body });
export const chooseTier = (slug, tier) => call("PUT", within(slug, "tier"), { body: { tier } });
export const keepBodies = (slug, stores_bodies) => call("PUT", within(slug, "body-storage"), { body: { stores_bodies } });
export const keepFor = (slug, data_retention_days) => call("PUT", within(slug, "retention"), { body: { data_retention_days } });
export const leave = (slug) => call("DELETE", within(slug, "membership"));
export const deleteWorkspace = (slug) => call("DELETE", workspace(slug));
export const restoreWorkspace = (slug) => call("POST", within(slug, "restore"));

export const apiKeys = (slug, options) => call("GET", within(slug, "api-keys"), options);
export const makeApiKey = (slug, body) => call("POST", within(slug, "api-keys"), { body });
export const revokeApiKey = (slug, id) => call("DELETE", within(slug, "api-keys", id));

export const members = (slug, options) => call("GET", within(slug, "members"), options);
export const changeRole = (slug, id, role) => call("PATCH", within(slug, "members", id), { body: { role } });
export const removeMember = (slug, id) => call("DELETE", within(slug, "members", id));

export const invitations = (slug, options) => call("GET", within(slug, "invitations"), options);
export const invite = (slug, email, role) => call("POST", within(slug, "invitations"), { body: { email, role } });
export const resendInvitation = (slug, id) => call("POST", within(slug, "invitations", id, "resend"));
export const revokeInvitation = (slug, id) => call("DELETE", within(slug, "invitations", id));
export const lookAtInvitation = (token, options) => call("POST", "/v1/invitations/look", { body: { token }, ...options });
export const acceptInvitation = (token) => call("POST", "/v1/invitations/accept", { body: { token } });

export const machines = (slug, options) => call("GET", within(slug, "machines"), options);
export const machine = (slug, id, options) => call("GET", within(slug, "machines", id), options);
export const rejectedRecords = (slug, id, query, options) =>
  call("GET", within(slug, "machines", id, "rejected"), { query, ...options });
export const revokeMachine = (slug, id) => call("POST", within(slug, "machines", id, "revoke"));

export const rates = (slug, query, options) => call("GET", within(slug, "pricing", "rates"), { query, ...options });
export const unpricedModels = (slug, options) => call("GET", within(slug, "pricing", "unpriced"), options);
export const stateRate = (slug, body) => call("POST", within(slug, "pricing", "rates"), { body });
export const withdrawRate = (slug, id) => call("DELETE", within(slug, "pricing", "rates", id));

export const dataHealth = (slug, options) => call("GET", within(slug, "data-health"), options);
export const documentation = (slug) => within(slug, "data-health", "documentation");
export const howMade = (slug, question, options) => call("GET", within(slug, "how", question), options);

export const audit = (slug, query, options) => call("GET", within(slug, "audit"), { query, ...options });
/** Where the browser itself fetches the log as a file, with the filters of the page. */
export const auditFile = (slug, query) => withQuery(within(slug, "audit"), { ...query, format: "csv" });

export const budgets = (slug, options) => call("GET", within(slug, "budgets"), options);
export const setBudget = (slug, body) => call("PUT", within(slug, "budgets"), { body });
export const endBudget = (slug, id, month) => call("DELETE", within(slug, "budgets", id), { query: { month } });
export const anomalies = (slug, options) => call("GET", within(slug, "anomalies"), options);

export const departmentTree = (slug, options) => call("GET", within(slug, "departments", "tree"), options);
export const addDepartment = (slug, body) => call("POST", within(slug, "departments"), { body });
export const renameDepartment = (slug, id, name) => call("PATCH", within(slug, "departments", id), { body: { name } });
export const moveDepartment = (slug, id, body) => call("PUT", within(slug, "departments", id, "parent"), { body });
export const retireDepartment = (slug, id, on) => call("POST", within(slug, "departments", id, "retire"), { body: { on } });
export const addPool = (slug, body) => call("POST", within(slug, "departments", "pools"), { body });
export const splitPool = (slug, id, body) => call("PUT", within(slug, "departments", "pools", id, "split"), { body });
export const rules = (slug, options) => call("GET", within(slug, "departments", "rules"), options);
export const addRule = (slug, body) => call("POST", within(slug, "departments", "rules"), { body });
export const endRule = (slug, id, at) => call("DELETE", within(slug, "departments", "rules", id), { query: { at } });
export const tags = (slug, options) => call("GET", within(slug, "departments", "tags"), options);
export const tagProject = (slug, body) => call("POST", within(slug, "departments", "tags"), { body });
export const untagProject = (slug, body) => call("POST", within(slug, "departments", "tags", "end"), { body });

export const personalSummary = (slug, query, options) =>
  call("GET", within(slug, "reports", "personal-summary"), { query, ...options });
/** Where the browser itself fetches the summary as a file. */
export const personalSummaryFile = (slug, query) =>
  withQuery(within(slug, "reports", "personal-summary"), { ...query, format: "csv" });
export const executive = (slug, query, options) => call("GET", within(slug, "executive"), { query, ...options });
export const optimisation = (slug, query, options) => call("GET", within(slug, "optimisation"), { query, ...options });
export const findingRequests = (slug, id, query, options) =>
  call("GET", within(slug, "optimisation", id, "requests"), { query, ...options });
export const dismissFinding = (slug, id, reason) => call("PUT", within(slug, "optimisation", id, "dismissal"), { body: { reason } });
export const takeUpFinding = (slug, id) => call("DELETE", within(slug, "optimisation", id, "dismissal"));
