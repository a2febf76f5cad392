// What the laptop's pages fetch: the loopback API on this machine, and nothing else.
// The rest of what pages import from here is the cloud's, and is never called.

import { Refusal } from "./shared/api.js";

export * from "./shared/api.js";

const base = document.documentElement.dataset.api;

const ask = async (path, query = {}, { signal } = {}) => {
  const given = Object.entries(query).filter(([, value]) => value);
  const address = `${base}${path}?${new URLSearchParams(given)}`;
  let response;
  try {
    response = await fetch(address, { signal, credentials: "omit" });
  } catch (failure) {
    if (failure.name === "AbortError") throw failure;
    throw new Refusal("offline", { since: new Date() });
  }
  if (response.ok) return response.json();
  const said = await response.json().catch(() => ({}));
  throw new Refusal("error", {
    status: response.status,
    message: said.detail ?? `The API answered ${response.status}.`,
  });
};

/** The file stands for its machine: nothing is paired, nothing waits to be sent. */
export const overview = async (_slug, query, options) => ({
  ...(await ask("/api/summary", query, options)),
  sync: { status: "none" },
});

export const projects = (options) => ask("/api/projects", {}, options);
export const calls = (query, options) => ask("/api/calls", query, options);
export const bodies = (call_id, options) => ask("/api/bodies", { call_id }, options);
export const pricing = (options) => ask("/api/pricing", {}, options);
