// What the tests' report says, for the end of a long log: the slowest files, each failed test with its error, and the count.
import { readFileSync } from "node:fs";
import { relative } from "node:path";

/** The lines of an error's text that are shown. */
const ERROR_LINES = 12;
const SLOWEST = 15;

const [reportPath, status] = process.argv.slice(2);
const { numPassedTests, numFailedTests, numFailedTestSuites, testResults } = JSON.parse(
  readFileSync(reportPath, "utf8"),
);
const nameOf = ({ name }) => relative(process.cwd(), name);
const secondsOf = ({ startTime, endTime }) => (endTime - startTime) / 1000;

const slowest = [...testResults].sort((a, b) => secondsOf(b) - secondsOf(a)).slice(0, SLOWEST);
console.log("slowest files, in seconds:");
for (const file of slowest) console.log(`  ${secondsOf(file).toFixed(0).padStart(4)}  ${nameOf(file)}`);

for (const file of testResults) {
  if (file.status !== "failed") continue;
  const failed = file.assertionResults.filter(({ status }) => status === "failed");
  console.log(`\nFAILED ${nameOf(file)} ${failed.length === 0 ? file.message : ""}`);
  for (const { fullName, failureMessages } of failed) {
    const lines = failureMessages.join("\n").split("\n").slice(0, ERROR_LINES);
    console.log(`  ${fullName}\n    ${lines.join("\n    ")}`);
  }
}

// A file that fails to load has no failed test of its own, but is a failure; so are a platform and a find.
const failed = Math.max(numFailedTests, numFailedTestSuites > 0 || status !== "0" ? 1 : 0);
console.log(`\n${numPassedTests} passed, ${failed} failed`);
