// Generates the known answers and the edge cases of signatures that the conformance kit has: see test-vectors/README.md.
//
//   npm run vectors:verdicts
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const fromRoot = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const work = mkdtempSync(fromRoot("node_modules/.verdicts-"));
try {
  const outfile = join(work, "verdicts.mjs");
  const entryPoints = [fromRoot("test-vectors/generator/verdicts/index.ts")];
  await build({ entryPoints, outfile, bundle: true, platform: "node", format: "esm", target: "es2022" });
  const { verdictModules } = await import(pathToFileURL(outfile).href);
  for (const [name, text] of Object.entries(await verdictModules())) {
    writeFileSync(fromRoot(`packages/provider-conformance/src/known/${name}`), text);
    console.log(`${name}: ${text.split("\n").length} lines, ${text.length} bytes`);
  }
} finally {
  rmSync(work, { recursive: true });
}
