// The laptop's pages; whatever else has a name is called as in the cloud.

export * from "./shared/names.js";

export const SURFACES = {
  overview: { name: "Overview", letter: "o" },
  projects: { name: "Projects", letter: "p" },
  calls: { name: "Calls", letter: "c" },
  pricing: { name: "Pricing", letter: "i" },
};
