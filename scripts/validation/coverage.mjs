// Whether each requirement of RFC 9420 has a rule, or a reason why it needs none, and each rule a requirement.
import { MUSTS } from "./musts.mjs";
import { RULES } from "./rules.mjs";

/** The requirements that a rule is about, as "section#number". @param {import("./rules.mjs").RfcRule} rule */
export function requirementsOf({ section, musts = [] }) {
  return musts.map((must) => (typeof must === "number" ? `${section}#${must}` : must));
}

/** The requirements that are no rules for a client. @returns {{ id: string, reason: string }[]} */
export function excepted() {
  return Object.entries(MUSTS)
    .flatMap(([section, entries]) =>
      entries.flatMap((entry, i) =>
        typeof entry === "string" ? [] : [{ id: `${section}#${i + 1}`, reason: entry[1] }],
      ),
    )
    .sort((a, b) => a.id.localeCompare(b.id, "en", { numeric: true }));
}

/** All requirements, as "section#number". */
export function allRequirements() {
  return Object.entries(MUSTS).flatMap(([section, entries]) => entries.map((_, i) => `${section}#${i + 1}`));
}

/** Compares the rules with the requirements. @returns {string[]} what is missing */
export function checkCoverage(rules = RULES) {
  const problems = [];
  const known = new Set(allRequirements());
  const cited = new Set(rules.flatMap(requirementsOf));
  const reasons = new Map(excepted().map(({ id, reason }) => [id, reason]));
  for (const id of known) {
    if (cited.has(id) === reasons.has(id)) {
      problems.push(
        cited.has(id)
          ? `a requirement with a rule, and with a reason to have none: §${id}`
          : `a requirement without a rule: §${id} (npm run docs:validation -- --rfc FILE --list shows it)`,
      );
    }
  }
  for (const rule of rules) {
    const name = `§${rule.section}: ${rule.text}`;
    for (const id of requirementsOf(rule)) {
      if (!known.has(id)) problems.push(`a rule about a requirement that isn't there, §${id}: ${name}`);
    }
    if (rule.musts === undefined && rule.beyond === undefined && MUSTS[rule.section] !== undefined) {
      problems.push(`a rule without a requirement (\`musts\`, or \`beyond\` with a reason): ${name}`);
    }
  }
  return problems;
}
