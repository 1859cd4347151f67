// `npm run api` writes the public surface of each package into docs/api; with `--check` it compares instead, and exits
// with 1 if a page is out of date. Both refuse a surface that uses a type which no entry point exports.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { apiReports } from "./api-report.mjs";
import { PACKAGES, root } from "./packages.mjs";
import { installTools, toolPath } from "./tools.mjs";

installTools();
const ts = createRequire(import.meta.url)(toolPath("typescript-5.9"));
const folder = `${root}docs/api/`;
const check = process.argv.includes("--check");
const problems = [];

mkdirSync(folder, { recursive: true });
const pages = new Map();
for (const { name, report, hidden } of apiReports(
  ts,
  PACKAGES.filter(({ entries }) => entries.size > 0),
)) {
  pages.set(`${name.split("/")[1]}.md`, report);
  problems.push(...hidden.map((line) => `${name}: ${line}, which no entry point exports`));
}
for (const page of readdirSync(folder)) {
  if (pages.has(page)) continue;
  if (check) problems.push(`docs/api/${page} belongs to no package`);
  else rmSync(`${folder}${page}`);
}
for (const [page, report] of pages) {
  if (!check) writeFileSync(`${folder}${page}`, report);
  else if (readdirSync(folder).includes(page) && readFileSync(`${folder}${page}`, "utf8") === report)
    continue;
  else problems.push(`docs/api/${page} is out of date: run \`npm run api\`, and see what changed`);
}

for (const problem of problems) console.error(problem);
console.log(
  `${pages.size} packages: ${problems.length === 0 ? "their API is as docs/api says" : "see above"}`,
);
if (problems.length > 0) process.exitCode = 1;
