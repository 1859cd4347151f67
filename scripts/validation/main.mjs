// `npm run docs:validation`: writes docs/validation.md. With `--check` it only compares the file, for the tests.
import { checkDocument, writeDocument } from "./document.mjs";

const problems = process.argv.includes("--check") ? checkDocument() : writeDocument();
for (const problem of problems) console.error(problem);
if (problems.length === 0) console.log("docs/validation.md is what the sources, the rules and the tests say");
process.exit(problems.length === 0 ? 0 : 1);
