// Checks the import arrows that docs/design.md draws: between packages, between the folders of the core, and between
// the rooms of its group folder. No file may take part in an import cycle; imports of types count too.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** What each package may import besides its own files. */
const PACKAGES = {
  core: [],
  extensions: ["@copse/core/extension"],
  "provider-kit": ["@copse/core/provider", "@noble/hashes/"],
  "provider-conformance": ["@copse/core/provider"],
  "storage-conformance": ["@copse/core/storage", "node:fs", "node:path"],
  "storage-indexeddb": ["@copse/core/provider", "@copse/core/storage", "idb"],
  "storage-sqlite": ["@copse/core/provider", "@copse/core/storage"],
  delivery: [
    "@copse/core",
    "@copse/core/external",
    "@copse/core/message",
    "@copse/core/provider",
    "@copse/core/public-group",
    "@copse/core/rewind",
    "@copse/core/storage",
    "@copse/extensions",
  ],
  "delivery-conformance": ["@copse/core/provider", "@copse/delivery/service"],
  "delivery-http": [
    "@copse/core",
    "@copse/core/extension",
    "@copse/core/message",
    "@copse/core/provider",
    "@copse/core/public-group",
    "@copse/delivery/rules",
    "@copse/delivery/service",
    "@copse/provider-node",
    "@copse/storage-sqlite/file",
    "@hono/",
    "hono",
    "hono/cors",
    "node:crypto",
    "node:fs",
    "node:http",
    "node:net",
    "node:path",
    "node:stream",
    "node:util",
    "ws",
  ],
  "delivery-nats": [
    "@copse/core",
    "@copse/core/provider",
    "@copse/delivery/rules",
    "@copse/delivery/service",
    "@nats-io/",
  ],
  // The ready-made candidates import each provider when it is tried; an application installs those that it wants.
  "provider-select": [
    "@copse/core/provider",
    "@copse/provider-kit",
    "@copse/provider-hpke",
    "@copse/provider-libsodium",
    "@copse/provider-noble",
    "@copse/provider-node",
    "@copse/provider-sodium-native",
    "@copse/provider-webcrypto",
  ],
  "provider-webcrypto": ["@copse/core/provider", "@copse/provider-kit", "@hpke/", "@noble/"],
  "provider-hpke": ["@copse/core/provider", "@copse/provider-kit", "@hpke/", "@noble/"],
  "provider-libsodium": ["@copse/core/provider", "@copse/provider-kit", "libsodium-wrappers"],
  "provider-sodium-native": [
    "@copse/core/provider",
    "@copse/provider-kit",
    "node:crypto",
    "node:module",
    "sodium-native",
  ],
  "provider-node": ["@copse/core/provider", "@copse/provider-kit", "node:crypto"],
  "provider-noble": ["@copse/core/provider", "@copse/provider-kit", "@noble/"],
  worker: [
    "@copse/core",
    "@copse/core/extension",
    "@copse/core/external",
    "@copse/core/import",
    "@copse/core/resumption",
    "@copse/core/storage",
  ],
  "provider-pkcs11": ["@copse/core/provider", "@copse/provider-kit", "pkcs11js"],
  interop: [
    "@copse/core",
    "@copse/core/external",
    "@copse/core/public-group",
    "@copse/core/resumption",
    "@copse/provider-libsodium",
    "@copse/provider-noble",
    "@copse/provider-node",
    "@copse/provider-webcrypto",
    "@grpc/",
    "node:crypto",
    "node:fs",
    "node:url",
    "node:util",
  ],
};

/** The entries of the core that are kept apart from what every client loads: they reach into its folders. */
const APART = [
  "public-group.ts",
  "resumption.ts",
  "rewind.ts",
  "external.ts",
  "import.ts",
  "message.ts",
  "storage.ts",
];

/** The folders of the core. Each may import from those before it; files at the top (bytes, errors) are free to all. */
const FOLDERS = [
  "codec",
  "wire",
  "provider",
  "crypto",
  "tree",
  "schedule",
  "framing",
  "key-package",
  "group",
  "operation",
  "client",
];

/** The rooms of the core's group folder, in the same way; "." stands for the files beside them. */
const ROOMS = ["extensions", ".", "proposals", "join", "commit", "messages", "storage", "rewind"];

const problems = [];

/** The files that each file of a package imports, for the search for cycles. */
function checkPackage(folder) {
  const name = basename(folder);
  const source = `${root}${folder}/src`;
  const allowed = PACKAGES[name];
  const imports = new Map();
  if (allowed === undefined) {
    problems.push(`${folder}: no arrows are declared for this package`);
    return imports;
  }
  for (const entry of readdirSync(source, { recursive: true })) {
    const file = `${source}/${entry}`;
    if (statSync(file).isDirectory()) continue;
    const where = relative(root, file);
    if (!entry.endsWith(".ts")) {
      problems.push(`${where}: expected only .ts files here, whose imports are checked`);
      continue;
    }
    const targets = [];
    imports.set(where, targets);
    for (const specifier of specifiersIn(readFileSync(file, "utf8"))) {
      if (!specifier.startsWith(".")) {
        if (!isAllowed(specifier, allowed)) problems.push(`${where}: ${name} must not import ${specifier}`);
        continue;
      }
      const target = resolve(dirname(file), specifier).replace(/\.js$/, ".ts");
      targets.push(relative(root, target));
      const within = relative(source, target);
      if (within.startsWith("..")) problems.push(`${where}: ${specifier} leaves the package`);
      else if (name === "core") checkCore(where, entry, within);
    }
  }
  const { dependencies = {} } = JSON.parse(readFileSync(`${root}${folder}/package.json`, "utf8"));
  for (const dependency of Object.keys(dependencies)) {
    if (!allowed.some((a) => a.startsWith(dependency) || (a.endsWith("/") && dependency.startsWith(a)))) {
      problems.push(`${folder}/package.json: ${name} must not depend on ${dependency}`);
    }
  }
  return imports;
}

// Between an import's words there may be comments.
const GAP = String.raw`(?:\s|/\*[^]*?\*/)*`;
const IMPORT = new RegExp(`\\b(?:from|import)${GAP}(["'])([\\w@#./:-]+)\\1`, "g");
const CALL = new RegExp(`\\b(?:import|require)${GAP}\\(${GAP}(["'\`])([\\w@#./:-]+)\\1`, "g");
const REFERENCE = /^\s*\/\/\/\s*<reference\s+(?:path|types)\s*=\s*(["'])([^"']+)\1/gm;

/** All that a source imports, re-exports, requires or refers to, also by `import()` and by import types. */
function specifiersIn(text) {
  return [IMPORT, CALL, REFERENCE].flatMap((pattern) =>
    Array.from(text.matchAll(pattern), (match) => match[2]),
  );
}

function isAllowed(specifier, allowed) {
  const isPath = specifier.split("/").includes("..");
  return !isPath && allowed.some((a) => (a.endsWith("/") ? specifier.startsWith(a) : specifier === a));
}

/** Checks an import from one file of the core to another, both as paths below its src. */
function checkCore(where, from, to) {
  checkOrder(where, FOLDERS, folderOf(from), folderOf(to));
  const [fromRoom, toRoom] = [roomOf(from), roomOf(to)];
  if (from !== "group/index.ts" && fromRoom !== undefined && toRoom !== undefined) {
    checkOrder(where, ROOMS, fromRoom, toRoom);
  }
  const isAbove = !relative(dirname(to), dirname(from)).startsWith("..");
  if (!isAbove && basename(to) !== "index.ts" && !APART.includes(from)) {
    problems.push(`${where}: imports ${to}, which is not the index.ts of its folder`);
  }
}

function checkOrder(where, order, from, to) {
  if (from === undefined || to === undefined || from === to) return;
  if (!order.includes(from)) problems.push(`${where}: no arrows are declared for ${from}`);
  else if (order.indexOf(to) < 0 || order.indexOf(to) > order.indexOf(from)) {
    problems.push(`${where}: ${from} must not import from ${to}`);
  }
}

/** The folder of the core that a path below its src lies in; `undefined` for a file at the top. */
function folderOf(path) {
  return path.includes("/") ? path.split("/")[0] : undefined;
}

/** The room of the group folder that a path lies in; `undefined` outside of that folder. */
function roomOf(path) {
  const [folder, ...rest] = path.split("/");
  if (folder !== "group") return undefined;
  return rest.length > 1 ? rest[0] : ".";
}

/** Reports each file from which its own imports lead back to it, once for each cycle. */
function checkCycles(imports) {
  const done = new Set();
  const path = [];
  const visit = (file) => {
    const start = path.indexOf(file);
    if (start >= 0) problems.push(`an import cycle: ${[...path.slice(start), file].join(" → ")}`);
    if (start >= 0 || done.has(file)) return;
    path.push(file);
    for (const target of imports.get(file) ?? []) visit(target);
    path.pop();
    done.add(file);
  };
  for (const file of imports.keys()) visit(file);
}

const folders = [...readdirSync(`${root}packages`).map((name) => `packages/${name}`), "interop"];
for (const folder of folders) checkCycles(checkPackage(folder));
if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exit(1);
}
console.log("all import arrows hold");
