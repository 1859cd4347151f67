// `npm run docs:validation`: writes docs/validation.md.
//   --check     only compares the file with what it is made of, for the tests
//   --rfc FILE  compares musts.mjs with the text of RFC 9420, rfc9420.md of https://github.com/mlswg/mls-protocol
//   --list      with --rfc: prints each requirement, its number, and the rules about it
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { requirementsOf } from "./coverage.mjs";
import { checkDocument, writeDocument } from "./document.mjs";
import { compareWithText, requirementsIn } from "./rfc.mjs";
import { RULES } from "./rules.mjs";

const { values } = parseArgs({
  options: { check: { type: "boolean" }, rfc: { type: "string" }, list: { type: "boolean" } },
});

function list(text) {
  for (const [section, sentences] of requirementsIn(text)) {
    for (const [i, sentence] of sentences.entries()) {
      const id = `${section}#${i + 1}`;
      const rules = RULES.filter((rule) => requirementsOf(rule).includes(id));
      console.log(
        [`${id} ${sentence}`, ...rules.map((rule) => `    ${rule.section}: ${rule.text}`)].join("\n"),
      );
    }
  }
}

const problems = values.check ? checkDocument() : writeDocument();
if (values.rfc !== undefined) {
  const text = readFileSync(values.rfc, "utf8");
  if (values.list) list(text);
  problems.push(...compareWithText(text));
}
for (const problem of problems) console.error(problem);
if (problems.length === 0) console.log("docs/validation.md is what the sources, the rules and the tests say");
process.exit(problems.length === 0 ? 0 : 1);
