// Holds the arrows between packages, and between the chapters of the core, as docs/design.md draws them.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** What each package may import besides its own files. */
const PACKAGES = {
  core: [],
  extensions: ["@copse/core/extension"],
  "provider-kit": ["@copse/core/provider", "@noble/hashes/"],
  "provider-conformance": ["@copse/core/provider"],
  "provider-select": ["@copse/core/provider", "@copse/provider-kit"],
  "provider-webcrypto": ["@copse/core/provider", "@copse/provider-kit", "@hpke/", "@noble/"],
  "provider-libsodium": ["@copse/core/provider", "@copse/provider-kit", "libsodium-wrappers"],
  "provider-node": ["@copse/core/provider", "@copse/provider-kit", "node:crypto"],
  "provider-noble": ["@copse/core/provider", "@copse/provider-kit", "@noble/"],
  worker: ["@copse/core", "@copse/core/extension"],
  "provider-pkcs11": ["@copse/core/provider", "@copse/provider-kit", "pkcs11js"],
  interop: [
    "@copse/core",
    "@copse/core/observer",
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

/** What each folder of the core may import besides itself; files at the top (errors, bytes) are free to all. */
const STRUCTURES = ["tree", "framing", "schedule", "key-package"];
const CHAPTERS = {
  codec: [],
  provider: [],
  crypto: ["codec", "provider"],
  tree: ["codec", "provider", "crypto", ...STRUCTURES],
  framing: ["codec", "provider", "crypto", ...STRUCTURES],
  schedule: ["codec", "provider", "crypto", ...STRUCTURES],
  "key-package": ["codec", "provider", "crypto", ...STRUCTURES],
  group: ["codec", "provider", "crypto", ...STRUCTURES],
  client: ["codec", "provider", "crypto", ...STRUCTURES, "group"],
};

const problems = [];
for (const name of readdirSync(`${root}packages`)) {
  const source = `${root}packages/${name}/src`;
  const allowed = PACKAGES[name];
  if (allowed === undefined) {
    problems.push(`packages/${name}: no arrows are declared for this package`);
    continue;
  }
  for (const entry of readdirSync(source, { recursive: true })) {
    if (!/\.[mc]?[jt]s$/.test(entry)) continue;
    const file = `${source}/${entry}`;
    const text = readFileSync(file, "utf8");
    for (const [, specifier] of text.matchAll(/\b(?:from|import)\s*\(?\s*["']([^"']+)["']/g)) {
      const where = relative(root, file);
      if (!specifier.startsWith(".")) {
        if (!allowed.some((a) => (a.endsWith("/") ? specifier.startsWith(a) : specifier === a))) {
          problems.push(`${where}: ${name} must not import ${specifier}`);
        }
        continue;
      }
      const target = relative(source, resolve(dirname(file), specifier));
      if (target.startsWith("..")) problems.push(`${where}: ${specifier} leaves the package`);
      if (name !== "core") continue;
      const [from, to] = [chapter(entry), chapter(target)];
      if (from !== undefined && to !== undefined && from !== to && !CHAPTERS[from]?.includes(to)) {
        problems.push(`${where}: the chapter ${from} must not import from ${to}`);
      }
    }
  }
  const { dependencies = {} } = JSON.parse(readFileSync(`${root}packages/${name}/package.json`, "utf8"));
  for (const dependency of Object.keys(dependencies)) {
    if (!allowed.some((a) => a.startsWith(dependency) || (a.endsWith("/") && dependency.startsWith(a)))) {
      problems.push(`packages/${name}/package.json: ${name} must not depend on ${dependency}`);
    }
  }
}

/** The folder of the core that a path below src lies in. */
function chapter(path) {
  return path.includes("/") ? path.split("/")[0] : undefined;
}

if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exit(1);
}
console.log("all import arrows hold");
