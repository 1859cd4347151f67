// `npm run test:mutation`: switches off each check of the core, one at a time, and reports whether a test fails. It
// writes the results to docs/validation.json, and docs/validation.md from them (`npm run docs:validation`).
//
// First it runs all tests once and records in which tests each check refuses something: only these can fail without
// the check. `--changed` tries only checks that are new, have changed, or survived before.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./checks.mjs";
import { mutants, RESULTS, readResults, writeDocument } from "./document.mjs";
import { exactly, openRuns } from "./runs.mjs";
import { TESTS } from "./tests.mjs";

/** How many tests of one file are run at once for a check. */
const AT_ONCE = 4;

const onlyChanged = process.argv.includes("--changed");
const known = new Map(existsSync(RESULTS) ? readResults().checks.map((one) => [one.id, one]) : []);
const isKnown = ({ id, digest }) => known.get(id)?.digest === digest && known.get(id).killedBy.length > 0;
const tried = mutants().filter((check) => !(onlyChanged && isKnown(check)));
if (tried.length === 0) {
  console.log("no check has changed since the last run");
  process.exit(0);
}

const start = Date.now();
const seconds = () => `${Math.round((Date.now() - start) / 1000)} s`;
const runs = await openRuns();

/** The rank of each test that ran. Tests of a lower rank are tried first. */
const rank = new Map();
let failed = 0;
for (const file of TESTS) {
  const { outcomes, broken } = await runs.run([file]);
  for (const { test, state } of outcomes) {
    if (state === "passed") rank.set(`${file} | ${test}`, rank.size);
    else console.error(`fails with no check switched off: ${file} | ${test}`);
    if (state !== "passed") failed++;
  }
  for (const one of broken) console.error(`fails with no check switched off: ${one}`);
  failed += broken.length;
  console.log(`${seconds()}: ${outcomes.length} tests in ${file}`);
}
if (failed > 0) process.exit(1);

const failures = runs.failures();
const results = new Map(known);
let survivors = 0;
for (const { id, digest } of tried) {
  const candidates = failures
    .filter((one) => one.id === id && rank.has(`${one.file} | ${one.test}`))
    .sort((a, b) => rank.get(`${a.file} | ${a.test}`) - rank.get(`${b.file} | ${b.test}`));
  const killedBy = [];
  while (candidates.length > 0 && killedBy.length === 0) {
    const { file } = candidates[0];
    const tests = candidates.filter((one) => one.file === file).slice(0, AT_ONCE);
    for (const one of tests) candidates.splice(candidates.indexOf(one), 1);
    const pattern = new RegExp(tests.map(({ test }) => exactly(test).source).join("|"));
    const { outcomes } = await runs.run([file], { mutant: id, pattern });
    for (const { test, state } of outcomes) if (state === "failed") killedBy.push({ file, test });
  }
  if (killedBy.length === 0) survivors++;
  results.set(id, { id, digest, killedBy });
  console.log(`${seconds()}: ${killedBy.length > 0 ? "killed  " : "SURVIVED"} ${id}`);
}
await runs.close();

const current = new Set(mutants().map(({ id }) => id));
const checks = [...results.values()]
  .filter(({ id }) => current.has(id))
  .sort((a, b) => (a.id < b.id ? -1 : 1));
writeFileSync(RESULTS, `${JSON.stringify({ tests: rank.size, checks }, undefined, 2)}\n`);
console.log(
  `switched off ${tried.length} checks: a test fails without ${tried.length - survivors} of them, and no test without ${survivors}`,
);
const problems = writeDocument();
for (const problem of problems) console.error(problem);
console.log(
  `wrote ${RESULTS.slice(ROOT.length)}, and docs/validation.md (${readFileSync(join(ROOT, "docs/validation.md")).length} bytes)`,
);
process.exit(survivors > 0 ? 1 : 0);
