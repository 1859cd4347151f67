// docs/validation.md: which check enforces each rule of the RFC, and which test fails without that check. Generated
// from the list of rules, the core's sources and the results of the mutation run.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { allChecks, ROOT } from "./checks.mjs";
import { allRequirements, checkCoverage, excepted, requirementsOf } from "./coverage.mjs";
import { hasTest } from "./names.mjs";
import { RULES } from "./rules.mjs";

export const RESULTS = join(ROOT, "docs/validation.json");
const DOCUMENT = join(ROOT, "docs/validation.md");

/** @typedef {import("./checks.mjs").Check} Check */
/** @typedef {{ file: string, test: string }} Test `test` is its full name */
/** @typedef {{ id: string, digest: string, killedBy: Test[] }} Result */

/** @returns {{ tests: number, checks: Result[] }} */
export function readResults() {
  return JSON.parse(readFileSync(RESULTS, "utf8"));
}

/** The checks that the mutation run switches off: all that name a rule, and the guards that the list of rules names. */
export function mutants() {
  const listed = new Set(RULES.flatMap(({ checks }) => checks ?? []));
  return allChecks().filter(({ kind, name }) => kind === "ensure" || listed.has(name));
}

const cell = (text) => text.replaceAll("|", "\\|").replaceAll("\n", " ");
const short = (name) => (name.length > 90 ? `${name.slice(0, 88)}…` : name);
const shown = ({ file, test }) => `${cell(test)} (\`${file}\`)`;

const sources = new Map();

/** The text of a file; empty if there is no such file. */
function sourceOf(file) {
  if (!sources.has(file)) {
    const path = join(ROOT, file);
    sources.set(file, existsSync(path) ? readFileSync(path, "utf8") : "");
  }
  return sources.get(file);
}

/**
 * The tests that fail without a check, according to the last mutation run.
 * @param {Check} check
 * @param {Result | undefined} result
 * @param {string[]} problems what is wrong is added here
 * @returns {Test[]}
 */
function killersOf(check, result, problems) {
  if (result?.digest !== check.digest) {
    problems.push(
      `new or changed since it was last switched off (npm run test:mutation -- --changed): ${check.id}`,
    );
    return [];
  }
  if (result.killedBy.length === 0) problems.push(`no test fails without it: ${check.id}`);
  for (const { file, test } of result.killedBy) {
    if (!hasTest(sourceOf(file), test)) problems.push(`a test that is no longer there: ${file}: ${test}`);
  }
  return result.killedBy;
}

/**
 * The table row of a rule.
 * @param {import("./rules.mjs").RfcRule} rule
 * @param {number} number its number among the rules of its section
 * @param {{ checks: Check[], killers: Map<string, Test[]>, problems: string[] }} context
 */
function ruleRow(rule, number, { checks, killers, problems }) {
  const enforced = [];
  const tested = new Set();
  for (const name of rule.checks ?? []) {
    const found = checks.filter((check) => check.name === name);
    if (found.length === 0)
      problems.push(`a rule of §${rule.section} names a check that isn't there: ${name}`);
    enforced.push(`\`${cell(short(name))}\``);
    for (const { id } of found) for (const one of killers.get(id).slice(0, 1)) tested.add(shown(one));
  }
  if (rule.by !== undefined) enforced.push(cell(rule.by));
  for (const [file, test] of rule.tests ?? []) {
    if (!sourceOf(file).includes(test)) problems.push(`a test that isn't there: ${file}: ${test}`);
    tested.add(shown({ file, test }));
  }
  if (enforced.length === 0) problems.push(`a rule without a check: §${rule.section}: ${rule.text}`);
  if (tested.size === 0) problems.push(`a rule without a test: §${rule.section}: ${rule.text}`);
  const label = `${rule.section} (${number})`;
  const said = requirementsOf(rule).map((id) => id.replace(`${rule.section}#`, "#"));
  return `| ${label} | ${said.join(", ") || cell(rule.beyond ?? "")} | ${cell(rule.text)} | ${enforced.join("<br>")} | ${[...tested].join("<br>")} |`;
}

/** The tables of rules, one for each section of two numbers. */
function ruleTables(context) {
  const counts = new Map();
  const rows = new Map();
  const bySection = (a, b) => a.section.localeCompare(b.section, "en", { numeric: true });
  for (const rule of RULES.toSorted(bySection)) {
    const section = rule.section.split(".").slice(0, 2).join(".");
    const number = (counts.get(rule.section) ?? 0) + 1;
    counts.set(rule.section, number);
    rows.set(section, [...(rows.get(section) ?? []), ruleRow(rule, number, context)]);
  }
  return Array.from(rows, ([section, its]) =>
    [
      `## §${section}`,
      "",
      "| rule | RFC | what it asks for | check | test |",
      "|---|---|---|---|---|",
      ...its,
    ].join("\n"),
  );
}

/** The table row of a check. */
function checkRow({ id, file, name }, killers) {
  const [first] = killers.get(id);
  return `| \`${cell(short(name))}\` | \`${file}\` | ${first === undefined ? "**none**" : shown(first)} |`;
}

/** Makes the document. @returns {{ text: string, problems: string[] }} the problems that make it untrue */
function make() {
  const problems = [];
  const checks = mutants();
  const { tests, checks: list } = readResults();
  const results = new Map(list.map((one) => [one.id, one]));
  const killers = new Map(
    checks.map((check) => [check.id, killersOf(check, results.get(check.id), problems)]),
  );
  const listed = new Set(RULES.flatMap((rule) => rule.checks ?? []));
  for (const { name, id } of checks) {
    if (!listed.has(name)) problems.push(`a check that no rule lists: ${id}`);
  }
  problems.push(...checkCoverage());
  const tables = ruleTables({ checks, killers, problems });
  const killed = checks.filter(({ id }) => killers.get(id).length > 0).length;
  const killing = new Set([...killers.values()].flat().map(({ file, test }) => `${file} ${test}`)).size;

  const exceptions = excepted();
  const text = `# Validation: the rules of RFC 9420, their checks and their tests

Generated by \`npm run docs:validation\` from the core's sources, the list of rules in \`scripts/validation/rules\` and
the last mutation run (\`npm run test:mutation\`, whose result is \`docs/validation.json\`). Don't edit it: a test compares
it with all of these.

A check is \`ensure(condition, "section: rule")\`, whose rule is the \`rule\` of the ValidationError that it throws; or a
guard that throws an MlsError of another code, or a DecodeError, written here as \`code: message\`. The mutation run
switches off the checks, one at a time, and runs the tests in which that check has refused something.

The requirements of the RFC are its sentences with MUST, SHALL or REQUIRED, its steps "Verify ...", what else says when
something is invalid, and the items of lists that such sentences introduce. They are numbered in each section:
"#2" is the second one, and "7.2#3" the third one of §7.2. \`scripts/validation/musts.mjs\` has a digest of each, and
\`npm run docs:validation -- --rfc rfc9420.md\` compares them with the RFC's text.

| | |
|---|---|
| requirements of RFC 9420 | ${allRequirements().length} |
| of these, requirements that aren't for a client | ${exceptions.length} |
| of these, requirements with neither a rule nor a reason | ${problems.filter((one) => one.startsWith("a requirement without")).length} |
| rules | ${RULES.length} |
| of these without a check or a test | ${problems.filter((one) => /^a rule without a (check|test)/.test(one)).length} |
| checks that were switched off (all that name a rule, and the guards listed here) | ${checks.length} |
| of these, checks without which a test fails | ${killed} |
| of these, checks without which no test fails | ${checks.length - killed} |
| tests in the run | ${tests} |
| tests that failed without a check | ${killing} |

${tables.join("\n\n")}

## Requirements that aren't for a client

| requirement | whom or what it is for |
|---|---|
${exceptions.map(({ id, reason }) => `| ${id} | ${cell(reason)} |`).join("\n")}

## Each check switched off

| check | where, in \`packages/core/src\` | a test that fails without it |
|---|---|---|
${checks.map((check) => checkRow(check, killers)).join("\n")}
`;
  return { text, problems: [...new Set(problems)] };
}

/** Writes the document. @returns {string[]} the problems that make it untrue */
export function writeDocument() {
  const { text, problems } = make();
  writeFileSync(DOCUMENT, text);
  return problems;
}

/** Compares the document with its sources. @returns {string[]} the problems */
export function checkDocument() {
  const { text, problems } = make();
  if (!existsSync(DOCUMENT) || readFileSync(DOCUMENT, "utf8") !== text) {
    problems.push("docs/validation.md isn't what comes of the sources: npm run docs:validation");
  }
  return problems;
}
