// docs/validation.md: which rule of the RFC is held by which check, and which test fails when that is switched off.
// Made of the list of rules, of the core's sources and of what the mutation run found.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { allChecks, ROOT } from "./checks.mjs";
import { hasTest } from "./names.mjs";
import { RULES } from "./rules.mjs";

export const RESULTS = join(ROOT, "docs/validation.json");
const DOCUMENT = join(ROOT, "docs/validation.md");
/** Sections whose checks must all be in the list of rules. */
const LISTED = /^(7\.3|7\.9(\.\d)?|10\.1|11\.1|12\.[1-4](\.\d+)*):/;

/** @typedef {{ id: string, digest: string, killedBy: { file: string, test: string }[] }} Result */

/** @returns {{ tests: number, checks: Result[] }} */
export function readResults() {
  return JSON.parse(readFileSync(RESULTS, "utf8"));
}

/** The checks to be switched off: all that name a rule, and the guards that the list of rules names. */
export function mutants() {
  const listed = new Set(RULES.flatMap(({ checks }) => checks ?? []));
  return allChecks().filter(({ kind, name }) => kind === "ensure" || listed.has(name));
}

const cell = (text) => text.replaceAll("|", "\\|").replaceAll("\n", " ");
const short = (name) => (name.length > 90 ? `${name.slice(0, 88)}…` : name);
const shown = ({ file, test }) => `${cell(test)} (\`${file}\`)`;

/** The document, and what keeps it from being true. */
function make() {
  const problems = [];
  const checks = mutants();
  const { tests, checks: list } = readResults();
  const results = new Map(list.map((one) => [one.id, one]));
  /** @type {Map<string, ReturnType<typeof mutants>>} */
  const byName = new Map();
  for (const check of checks) byName.set(check.name, [...(byName.get(check.name) ?? []), check]);
  const sources = new Map();
  const sourceOf = (file) => {
    if (!sources.has(file)) {
      const path = join(ROOT, file);
      sources.set(file, existsSync(path) ? readFileSync(path, "utf8") : "");
    }
    return sources.get(file);
  };

  const killersOf = (check) => {
    const result = results.get(check.id);
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
  };
  const killers = new Map(checks.map((check) => [check.id, killersOf(check)]));
  const listed = new Set(RULES.flatMap((rule) => rule.checks ?? []));
  for (const { name, id } of checks) {
    if (LISTED.test(name) && !listed.has(name)) problems.push(`a check that no rule lists: ${id}`);
  }

  const counts = new Map();
  const bodies = new Map();
  for (const rule of RULES) {
    const top = rule.section.split(".").slice(0, 2).join(".");
    const number = (counts.get(rule.section) ?? 0) + 1;
    counts.set(rule.section, number);
    const held = [];
    const tested = new Map();
    for (const name of rule.checks ?? []) {
      const found = byName.get(name) ?? [];
      if (found.length === 0)
        problems.push(`a rule of §${rule.section} names a check that isn't there: ${name}`);
      held.push(`\`${cell(short(name))}\``);
      for (const { id } of found)
        for (const one of (killers.get(id) ?? []).slice(0, 1)) tested.set(shown(one), one);
    }
    if (rule.by !== undefined) held.push(cell(rule.by));
    for (const [file, test] of rule.tests ?? []) {
      if (!sourceOf(file).includes(test)) problems.push(`a test that isn't there: ${file}: ${test}`);
      tested.set(shown({ file, test }), { file, test });
    }
    if (held.length === 0) problems.push(`a rule without a check: §${rule.section}: ${rule.text}`);
    if (tested.size === 0) problems.push(`a rule without a test: §${rule.section}: ${rule.text}`);
    const row = `| ${rule.section} (${number}) | ${cell(rule.text)} | ${held.join("<br>")} | ${[...tested.keys()].join("<br>")} |`;
    bodies.set(top, [...(bodies.get(top) ?? []), row]);
  }

  const killed = checks.filter(({ id }) => (killers.get(id) ?? []).length > 0).length;
  const killing = new Set([...killers.values()].flat().map(({ file, test }) => `${file} ${test}`)).size;
  const sections = [...bodies].map(([section, rows]) =>
    [`## §${section}`, "", "| rule | what it asks for | check | test |", "|---|---|---|---|", ...rows].join(
      "\n",
    ),
  );
  const mutationRows = checks.map(({ id, file, name }) => {
    const all = killers.get(id) ?? [];
    const verdict = all.length > 0 ? shown(all[0]) : "**none**";
    return `| \`${cell(short(name))}\` | \`${file}\` | ${verdict} |`;
  });
  const text = `# Validation: the rules of RFC 9420, their checks and their tests

Generated by \`npm run docs:validation\` from the core's sources, the list of rules in \`scripts/validation/rules.mjs\` and
the last mutation run (\`npm run test:mutation\`, whose result is \`docs/validation.json\`). Not to be edited: a test
compares it with all of these.

A check is \`ensure(condition, "section: rule")\`, whose rule is the \`rule\` of the ValidationError that it throws; or a
guard that throws an MlsError of another code, or a DecodeError, written here as \`code: message\`. The mutation run
switches off each of them, one at a time, and runs the tests in which it has refused something.

| | |
|---|---|
| rules of §7.3, §7.9, §10.1, §11.1, §12.1 to §12.4 | ${RULES.length} |
| of these without a check or a test | ${problems.filter((one) => one.startsWith("a rule without")).length} |
| checks that were switched off (all that name a rule, and the guards listed here) | ${checks.length} |
| of these whose absence makes a test fail | ${killed} |
| of these whose absence no test notices | ${checks.length - killed} |
| tests in the run | ${tests} |
| tests that failed for want of a check | ${killing} |

${sections.join("\n\n")}

## Each check switched off

| check | where, in \`packages/core/src\` | a test that fails without it |
|---|---|---|
${mutationRows.join("\n")}
`;
  return { text, problems: [...new Set(problems)] };
}

/** Writes the document. @returns {string[]} what keeps it from being true */
export function writeDocument() {
  const { text, problems } = make();
  writeFileSync(DOCUMENT, text);
  return problems;
}

/** @returns {string[]} what is wrong with the document as it stands */
export function checkDocument() {
  const { text, problems } = make();
  if (!existsSync(DOCUMENT) || readFileSync(DOCUMENT, "utf8") !== text) {
    problems.push("docs/validation.md isn't what comes of the sources: npm run docs:validation");
  }
  return problems;
}
