// What wire words are called on screen, and the fixed colour of each provider.

const PROVIDERS = {
  anthropic: "Anthropic",
  openai: "OpenAI",
  google: "Google",
  gemini: "Google",
  xai: "xAI",
  groq: "Groq",
  mistral: "Mistral",
  bedrock: "Bedrock",
};

/** Bands in the one order that charts and legends keep. */
export const BANDS = ["anthropic", "openai", "google", "xai", "groq", "mistral", "bedrock", "other"];

export const bandOf = (provider) => {
  if (provider === "gemini") return "google";
  return BANDS.includes(provider) ? provider : "other";
};

export const bandName = (band) => PROVIDERS[band] ?? "Other";
export const providerName = (provider) => PROVIDERS[provider] ?? provider ?? "No provider";
export const projectName = (project) => project ?? "No project";

/** What each page is called, the letter that `g` goes to it by, and what it holds. */
export const SURFACES = {
  overview: { name: "Overview", letter: "o" },
  projects: { name: "Projects", letter: "p" },
  traces: {
    name: "Traces",
    letter: "t",
    holds: [
      "One receipt for every request, newest first, searchable by project, model, machine and status",
      "The exact cost of each call, beside what the daemon submitted",
      "The rate that priced it, its latency, and every token count",
    ],
  },
  optimisation: { name: "Optimisation", letter: "z" },
  budgets: { name: "Budgets", letter: "b" },
  reports: { name: "Reports", letter: "w" },
  executive: {
    name: "Executive",
    letter: "x",
    holds: [
      "From list usage to what is payable, as far as anybody has told",
      "Departments with their shares of pools, against their budgets",
      "Twelve months: spend, unit costs, what is nobody's, how far bills agree",
    ],
  },
  reconciliation: {
    name: "Reconciliation",
    letter: "r",
    holds: [
      "Logged spend against what each provider charged, by account and month",
      "Which differences are within tolerance and which to investigate",
      "Invoice totals, entered once and kept",
    ],
  },
  audit: {
    name: "Audit",
    letter: "a",
    holds: [
      "Every change of state: who, what, when, from where, before and after",
      "A chain that shows when somebody edited the log",
      "The whole log as a file, and receipts older than Traces shows",
    ],
  },
  pricing: { name: "Pricing", letter: "i", isApart: true },
  machines: { name: "Machines", letter: "m" },
  health: { name: "Data health", letter: "d" },
  members: { name: "Members", letter: "e" },
  settings: { name: "Settings", letter: "s" },
};

const PERMISSIONS = {
  read_usage: "read usage",
  make_reports: "make reports",
  read_finance: "read finance pages",
  decide_finance: "enter invoice totals and decide on variances",
  edit_projects: "edit projects",
  change_rates: "change rates",
  approve_pairings: "approve or deny a pairing",
  manage_members: "manage members and machines",
  read_prices: "read prices",
  edit_workspace: "change how the workspace is set up",
  read_audit: "read the audit log",
  manage_billing: "manage billing",
  own_workspace: "do what only an owner may",
};

export const permissionName = (permission) => PERMISSIONS[permission] ?? permission;

const COUNT = new Intl.NumberFormat("en-US");
export const count = (number) => COUNT.format(number);
export const counted = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
