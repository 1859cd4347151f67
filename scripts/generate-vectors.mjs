// Generates test vectors in the working group's formats from a seed, by the project's own code: see
// test-vectors/README.md.
//
//   npm run vectors:generate                                        the small set that is checked in
//   npm run vectors:generate -- --seed X --out DIR [--full] [--suites 1,2] [--files treekem,welcome]
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";

const fromRoot = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "copse" },
    out: { type: "string" },
    suites: { type: "string" },
    files: { type: "string" },
    full: { type: "boolean", default: false },
  },
});
const { seed, full } = values;
const files = values.files?.split(",");
const suites = values.suites?.split(",").map(Number);
if (suites?.some((id) => !Number.isInteger(id) || id < 1 || id > 7)) {
  throw new Error(`--suites: expected numbers from 1 to 7, separated by commas, got ${values.suites}`);
}
if (values.out === undefined && (seed !== "copse" || full || suites || files)) {
  throw new Error(
    "--out is required with --seed, --full, --suites or --files: only the checked-in set has a default folder",
  );
}
const out = resolve(values.out ?? fromRoot("test-vectors/generated"));

// The generator imports internal files of the core, so it is bundled from the sources. No build is needed before.
const work = mkdtempSync(fromRoot("node_modules/.vectors-"));
let generator;
try {
  const bundle = join(work, "generate.mjs");
  await build({
    entryPoints: [fromRoot("test-vectors/generator/generate.ts")],
    outfile: bundle,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "es2022",
    // The longer name first: an alias in esbuild also applies to all paths below it.
    alias: {
      "@copse/core/provider": fromRoot("packages/core/src/provider/index.ts"),
      "@copse/core": fromRoot("packages/core/src/index.ts"),
      "@copse/provider-kit": fromRoot("packages/provider-kit/src/index.ts"),
      "@copse/provider-noble": fromRoot("packages/provider-noble/src/index.ts"),
    },
  });
  generator = await import(pathToFileURL(bundle).href);
} finally {
  rmSync(work, { recursive: true });
}

mkdirSync(out, { recursive: true });
let total = 0;
let start = performance.now();
for await (const { file, vectors } of generator.generate({ seed, full, suites, files })) {
  const text = generator.toJson(vectors);
  writeFileSync(join(out, `${file}.json`), text);
  total += text.length;
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${file}.json: ${vectors.length} vectors, ${(text.length / 1000).toFixed(0)} kB, ${seconds} s`);
  start = performance.now();
}
console.log(`${(total / 1000).toFixed(0)} kB in ${out}`);
