// Runs tests against the instrumented core: many runs, one after the other, in one process.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createVitest } from "vitest/node";
import { checksPlugin, ROOT } from "./checks.mjs";

/** @typedef {{ file: string, test: string, state: string }} Outcome `test` is its full name */

/** Opens the runner. Call `close` at the end. */
export async function openRuns() {
  const folder = mkdtempSync(join(tmpdir(), "copse-checks-"));
  process.env.COPSE_RUN = folder;
  const vitest = await createVitest(
    "test",
    {
      root: ROOT,
      config: join(ROOT, "vitest.config.ts"),
      watch: false,
      reporters: [{}],
      setupFiles: [join(ROOT, "tests/support/checks.ts")],
      globalSetup: [],
      pool: "forks",
      maxWorkers: 1,
      testTimeout: 60_000,
      hookTimeout: 60_000,
    },
    { plugins: [checksPlugin()], logLevel: "silent" },
  );
  await vitest.standalone();

  /** Runs these files, or only their tests whose names match `pattern`, with the check `mutant` switched off. */
  async function run(files, { mutant, pattern } = {}) {
    if (mutant === undefined) rmSync(join(folder, "mutant"), { force: true });
    else writeFileSync(join(folder, "mutant"), mutant);
    vitest.state.filesMap.clear();
    if (pattern === undefined) vitest.resetGlobalTestNamePattern();
    else vitest.setGlobalTestNamePattern(pattern);
    const project = vitest.getRootProject();
    const specifications = files.map((file) => project.createSpecification(join(ROOT, file)));
    const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specifications, true);
    /** @type {Outcome[]} */
    const outcomes = [];
    const broken = unhandledErrors.length > 0 ? ["an unhandled error"] : [];
    for (const module of testModules) {
      const file = module.moduleId.slice(ROOT.length);
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        const name = test.fullName.replaceAll(" > ", " ");
        if (state !== "skipped") outcomes.push({ file, test: name, state });
      }
      for (const suite of module.children.allSuites()) if (suite.errors().length > 0) broken.push(file);
      if (module.errors().length > 0) broken.push(file);
    }
    return { outcomes, broken };
  }

  /** Which checks have failed in which tests so far. @returns {{ id: string, file: string, test: string }[]} */
  function failures() {
    let text = "";
    try {
      text = readFileSync(join(folder, "failures"), "utf8");
    } catch {
      // The file is missing as long as no check has failed.
    }
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line))
      .map((one) => ({ ...one, test: one.test.replaceAll(" > ", " ") }));
  }

  async function close() {
    await vitest.close();
    rmSync(folder, { recursive: true, force: true });
  }
  return { run, failures, close };
}

/** The pattern that matches exactly one full name of a test. */
export function exactly(test) {
  return new RegExp(`^${test.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`);
}
