// Makes every file of this folder from npm packages; run by a maintainer, never by CI.
//
//   mkdir /tmp/vendor && cd /tmp/vendor && npm init -y
//   npm install preact htm @preact/signals @fontsource-variable/inter axe-core esbuild
//   node <repository>/web/vendor/refresh.mjs            write the files
//   node <repository>/web/vendor/refresh.mjs --check    say whether they would change
//
// Packages are read from node_modules of the folder that it is run in. Preact, its
// hooks, signals and htm become one module: one request instead of five.

import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, "../..");
const packages = resolve("node_modules");
const { build } = createRequire(join(packages, "x.js"))("esbuild");

const ENTRY = `
export { h, render, Fragment } from "preact";
export { useCallback, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
export { batch, computed, effect, signal, untracked } from "@preact/signals";
import htm from "htm";
import { h } from "preact";
export const html = htm.bind(h);
`;

const bundle = async () => {
  const made = await build({
    stdin: { contents: ENTRY, resolveDir: dirname(packages) },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    legalComments: "none",
    write: false,
  });
  return Buffer.from(made.outputFiles[0].contents);
};

const copy = (path) => readFile(join(packages, path));

const FILES = [
  ["web/vendor/preact.js", bundle, ["preact", "htm", "@preact/signals", "@preact/signals-core"]],
  [
    "web/vendor/inter.woff2",
    () => copy("@fontsource-variable/inter/files/inter-latin-wght-normal.woff2"),
    ["@fontsource-variable/inter"],
  ],
  ["tests/browser/vendor/axe.min.js", () => copy("axe-core/axe.min.js"), ["axe-core"]],
  ["web/vendor/licences/preact.txt", () => copy("preact/LICENSE"), ["preact"]],
  ["web/vendor/licences/htm.txt", () => copy("htm/LICENSE"), ["htm"]],
  ["web/vendor/licences/signals.txt", () => copy("@preact/signals/LICENSE"), ["@preact/signals"]],
  [
    "web/vendor/licences/inter.txt",
    () => copy("@fontsource-variable/inter/LICENSE"),
    ["@fontsource-variable/inter"],
  ],
  ["tests/browser/vendor/axe.LICENSE.txt", () => copy("axe-core/LICENSE"), ["axe-core"]],
];

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

const described = async (name) => {
  const { version, license } = JSON.parse(await copy(`${name}/package.json`));
  return { name, version, licence: license };
};

const checking = process.argv.includes("--check");
const record = [];
let changed = 0;

for (const [path, make, made_from] of FILES) {
  const bytes = await make();
  const target = join(root, path);
  const before = await readFile(target).catch(() => null);
  if (!before?.equals(bytes)) {
    changed += 1;
    console.log(`${checking ? "would change" : "wrote"} ${path}`);
    if (!checking) {
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, bytes);
    }
  }
  record.push({
    file: relative(here, target),
    sha256: sha256(bytes),
    bytes: bytes.length,
    made_from: await Promise.all(made_from.map(described)),
  });
}

const vendor = {
  made_by: "refresh.mjs",
  bundler: await described("esbuild"),
  files: record,
};
if (!checking) {
  await writeFile(join(here, "VENDOR.json"), `${JSON.stringify(vendor, null, 2)}\n`);
}
console.log(changed ? `${changed} of ${FILES.length} files differ` : "nothing to change");
process.exitCode = checking && changed ? 1 : 0;
