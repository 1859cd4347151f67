// A setup file of vitest's for runs whose core is instrumented: notes which checks failed in which test, and lets one
// of them pass whatever comes, the one that COPSE_RUN/mutant names.
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { expect } from "vitest";

const folder = process.env.COPSE_RUN as string;
const switched = join(folder, "mutant");
const mutant = existsSync(switched) ? readFileSync(switched, "utf8") : undefined;
const noted = new Set<string>();

Object.assign(globalThis, {
  copseCheck(id: string, passes: boolean): boolean {
    if (passes) return true;
    const { currentTestName = "", testPath = "" } = expect.getState();
    const line = JSON.stringify({ id, file: relative(process.cwd(), testPath), test: currentTestName });
    if (mutant === undefined && !noted.has(line)) {
      noted.add(line);
      appendFileSync(join(folder, "failures"), `${line}\n`);
    }
    return id === mutant;
  },
});
