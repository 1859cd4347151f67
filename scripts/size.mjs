// `npm run size`: bundles the packages, minifies and gzips them, and compares the sizes with budgets. Also checks that
// the bundler drops code that an application doesn't use. `--json` prints JSON. Exits with 1 if a budget is exceeded.
import { readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { fileURLToPath } from "node:url";
import { bundleInPieces, FIRST_LOAD_BUDGET, FIVE_CALLS, gzipped } from "./first-load.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Packages by folder. `native` are dependencies that can't be bundled. */
const PACKAGES = {
  core: {},
  "provider-kit": {},
  "provider-select": {},
  extensions: {},
  "provider-webcrypto": {},
  "provider-hpke": {},
  "provider-libsodium": {},
  "provider-noble": {},
  "provider-node": { platform: "node" },
  "provider-sodium-native": { platform: "node", native: ["sodium-native"] },
  "provider-pkcs11": { platform: "node", native: ["pkcs11js"] },
};

/**
 * The budgets for a package's own code, gzipped, in bytes: for all of it, and for what is loaded at once. The core's are for
 * its main entry with all that it exports. What few clients need has entries of its own; docs/decisions/entries.md says what
 * the rest consists of, and what is loaded later.
 */
const BUDGETS = {
  core: { all: 63_400, atOnce: 63_400 },
  "provider-webcrypto": { all: 7_900, atOnce: 6_100 },
  "provider-hpke": { all: 5_000, atOnce: 5_000 },
};

/**
 * What is left of a package if an application imports only `name` from it. `entry` is the subpath to import from;
 * default: the main entry. `below` is the largest allowed share of the whole package, gzipped; `without` lists strings
 * of code that must be gone.
 */
const SHAKEN = [
  { name: "insecureAcceptAll", package: "core", below: 0.02, without: ["MLS 1.0 "] },
  { name: "padme", package: "core", below: 0.02, without: ["MLS 1.0 "] },
  { name: "CIPHER_SUITES", package: "core", entry: "/provider", below: 0.08, without: ["MLS 1.0 "] },
  { name: "importSigner", package: "core", entry: "/import", below: 0.1, without: ["MLS 1.0 "] },
  { name: "memoryStorage", package: "core", entry: "/storage", below: 0.02, without: ["MLS 1.0 "] },
  { name: "sealedStorage", package: "core", entry: "/storage", below: 0.1, without: ["MLS 1.0 "] },
  { name: "readMessage", package: "core", entry: "/message", below: 0.25, without: ["MLS 1.0 "] },
  // It verifies commits. It neither makes commits nor encrypts or decrypts messages.
  {
    name: "PublicGroup",
    package: "core",
    entry: "/public-group",
    below: 0.8,
    without: ["there is a pending commit"],
  },
  { name: "hkdf", package: "provider-kit", below: 0.15, without: ["HPKE-v1"] },
  {
    name: "instrumentProvider",
    package: "provider-select",
    below: 0.5,
    without: ["HPKE-v1", "no provider for"],
  },
];

const manifestOf = (folder) => JSON.parse(readFileSync(`${root}packages/${folder}/package.json`, "utf8"));

/** Maps a package's entry points to their sources, so that no build is needed before. */
const entriesOf = (folder) =>
  Object.entries(manifestOf(folder).exports).map(([subpath, { default: built }]) => [
    `@copse/${folder}${subpath.slice(1)}`,
    `${root}packages/${folder}/${built.replace("./dist/", "src/").replace(/\.js$/, ".ts")}`,
  ]);

/** Longer names first: esbuild takes an alias for all paths below it. */
const alias = Object.fromEntries(
  Object.keys(PACKAGES)
    .flatMap(entriesOf)
    .sort(([a], [b]) => b.length - a.length),
);

const BUILTIN = builtinModules.flatMap((name) => [name, `node:${name}`]);

async function bundle({ platform = "browser", native = [] }, contents, options) {
  const { files, first } = await bundleInPieces(contents, options.alias ?? {}, `${root}scripts`, {
    platform,
    external: [...BUILTIN, ...native, ...(options.external ?? [])],
  });
  const sum = (names, measure) => names.reduce((total, name) => total + measure(files[name]), 0);
  const names = Object.keys(files);
  return {
    minified: sum(names, (code) => code.length),
    gzipped: sum(names, gzipped),
    atOnce: sum(first, gzipped),
    text: names.map((name) => new TextDecoder().decode(files[name])).join(""),
  };
}

const dependenciesOf = (folder) => Object.keys(manifestOf(folder).dependencies ?? {});
const patterns = (names) => names.flatMap((name) => [name, `${name}/*`]);

async function measure(folder) {
  const how = PACKAGES[folder];
  const all = `export * from ${JSON.stringify(alias[`@copse/${folder}`])};`;
  const foreign = [...new Set(Object.keys(PACKAGES).flatMap(dependenciesOf))].filter(
    (name) => !name.startsWith("@copse/"),
  );
  const own = await bundle(how, all, { external: patterns(dependenciesOf(folder)) });
  const withOurs = await bundle(how, all, { alias, external: patterns(foreign) });
  const withAll = await bundle(how, all, { alias });
  const sizes = ({ minified, gzipped, atOnce }) => ({ minified, gzipped, atOnce });
  const budget = BUDGETS[folder];
  return {
    package: folder,
    own: sizes(own),
    withOurs: sizes(withOurs),
    withAll: sizes(withAll),
    ...(budget && { budget, met: own.gzipped < budget.all && own.atOnce < budget.atOnce }),
  };
}

async function shake({ name, package: folder, entry = "", below, without }, whole) {
  const contents = `import { ${name} } from "@copse/${folder}${entry}"; globalThis.kept = ${name};`;
  const { minified, gzipped, text } = await bundle(PACKAGES[folder], contents, { alias });
  const kept = without.filter((code) => text.includes(code));
  const share = gzipped / whole.gzipped;
  return {
    name,
    package: folder,
    minified,
    gzipped,
    share,
    below,
    kept,
    met: share < below && kept.length === 0,
  };
}

const sizes = [];
for (const folder of Object.keys(PACKAGES)) sizes.push(await measure(folder));
const shaken = [];
for (const one of SHAKEN) {
  const whole = sizes.find((each) => each.package === one.package);
  shaken.push(await shake(one, whole.withAll));
}

/** What a page with the five calls and WebCrypto loads, before its first message and for each library. */
async function loads() {
  const { files, first, later } = await bundleInPieces(FIVE_CALLS, alias, `${root}scripts`);
  const sum = (measure) => first.reduce((total, name) => total + measure(files[name]), 0);
  const size = { minified: sum((code) => code.length), gzipped: sum(gzipped) };
  return {
    ...size,
    budget: FIRST_LOAD_BUDGET,
    met: size.gzipped <= FIRST_LOAD_BUDGET,
    later: Object.values(later),
  };
}
const firstLoad = await loads();

if (process.argv.includes("--json")) {
  console.log(JSON.stringify({ sizes, shaken, firstLoad }, null, 2));
} else {
  const kilobytes = ({ minified, gzipped }) =>
    `${(minified / 1000).toFixed(1).padStart(7)} ${(gzipped / 1000).toFixed(1).padStart(7)}`;
  console.log(`KB, minified and gzipped            own code   with Copse's own   with everything`);
  for (const one of sizes) {
    const budget =
      one.budget === undefined
        ? ""
        : `   budget ${one.budget.all / 1000} gzipped, ${one.budget.atOnce / 1000} for the ` +
          `${(one.own.atOnce / 1000).toFixed(1)} loaded at once: ${one.met ? "met" : "EXCEEDED"}`;
    const columns = [one.own, one.withOurs, one.withAll].map((size) => kilobytes(size).padStart(17));
    console.log(`${one.package.padEnd(27)} ${columns.join(" ")}${budget}`);
  }
  console.log("\nWhat is left if only this is imported");
  for (const { name, package: folder, minified, gzipped, share, below, kept, met } of shaken) {
    const of = `${(100 * share).toFixed(1)} % of ${folder}, ${met ? "met" : "EXCEEDED"}: below ${100 * below} %`;
    const more = kept.length === 0 ? "" : `; keeps ${kept.map((code) => JSON.stringify(code)).join(", ")}`;
    console.log(`${name.padEnd(27)} ${kilobytes({ minified, gzipped }).padStart(17)}   ${of}${more}`);
  }
  console.log("\nFirst load of a page");
  console.log(
    `${"five calls, WebCrypto".padEnd(27)} ${kilobytes(firstLoad).padStart(17)}   budget ${firstLoad.budget / 1000} gzipped: ` +
      `${firstLoad.met ? "met" : "EXCEEDED"}; where needed: ${firstLoad.later.join(", ")}`,
  );
}
if ([...sizes, ...shaken, firstLoad].some(({ met }) => met === false)) process.exitCode = 1;
