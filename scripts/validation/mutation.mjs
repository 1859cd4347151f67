// `npm run test:mutation`: switches off each check of the core, one at a time, and sees that a test fails. What comes
// of it stands in docs/validation.json, and from there in docs/validation.md (`npm run docs:validation`).
//
// First the tests are run once, and each check's failures noted by test: these are the tests that may fail without it.
// `--changed` tries only checks that are new, were changed, or survived before.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./checks.mjs";
import { mutants, RESULTS, readResults, writeDocument } from "./document.mjs";
import { exactly, openRuns } from "./runs.mjs";
import { TESTS } from "./tests.mjs";

/** How many tests are tried at once that a check has failed in. */
const AT_ONCE = 4;

const onlyChanged = process.argv.includes("--changed");
const known = new Map(existsSync(RESULTS) ? readResults().checks.map((one) => [one.id, one]) : []);
const isKnown = ({ id, digest }) => known.get(id)?.digest === digest && known.get(id).killedBy.length > 0;
const tried = mutants().filter((check) => !(onlyChanged && isKnown(check)));
if (tried.length === 0) {
  console.log("no check has changed");
  process.exit(0);
}

const start = Date.now();
const seconds = () => `${Math.round((Date.now() - start) / 1000)} s`;
const runs = await openRuns();

/** Where each test that ran stands in the order in which they are preferred. */
const rank = new Map();
let failed = 0;
for (const file of TESTS) {
  const { outcomes, broken } = await runs.run([file]);
  for (const { test, state } of outcomes) {
    if (state === "passed") rank.set(`${file} | ${test}`, rank.size);
    else console.error(`fails though nothing is switched off: ${file} | ${test}`);
    if (state !== "passed") failed++;
  }
  for (const one of broken) console.error(`fails though nothing is switched off: ${one}`);
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
  `${tried.length} checks switched off: without ${tried.length - survivors} a test fails, without ${survivors} none does`,
);
const problems = writeDocument();
for (const problem of problems) console.error(problem);
console.log(
  `written to ${RESULTS.slice(ROOT.length)}; ${readFileSync(join(ROOT, "docs/validation.md")).length} bytes of docs/validation.md`,
);
process.exit(survivors > 0 ? 1 : 0);
