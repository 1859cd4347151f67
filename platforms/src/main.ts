// RFC 9420 §17.1: `npm run test:platforms`: conformance and a group session in every platform, for real.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { parseArgs } from "node:util";
import { bundle, ROOT } from "./bundle.js";
import { PLATFORMS } from "./platforms.js";
import type { RunOptions } from "./report.js";
import { type PlatformResult, runPlatforms } from "./run-platforms.js";
import { differences, render } from "./table.js";

const HELP = `npm run test:platforms -- [options]
  --only a,b       these platforms alone: ${PLATFORMS.map(({ name }) => name).join(", ")}
  --required a,b   it is an error if one of these can't be got (or "all")
  --backends a,b   these backends alone
  --suites 1,2     these suites alone
  --offline        takes only what is here already
  --check          compares with docs/platforms.md
  --write          writes docs/platforms.md; the default if nothing is left out
  --jobs n         so many platforms at once`;

const DOCUMENT = `${ROOT}docs/platforms.md`;

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    required: { type: "string", default: "" },
    backends: { type: "string" },
    suites: { type: "string" },
    jobs: { type: "string", default: String(Math.min(2, availableParallelism())) },
    offline: { type: "boolean", default: false },
    check: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

const list = (text: string) => text.split(",").filter((name) => name !== "");
const names = PLATFORMS.map(({ name }) => name);

function platformNames(text: string): string[] {
  const given = text === "all" ? names : list(text);
  const unknown = given.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`there is no platform ${unknown}: ${names.join(", ")}`);
  return given;
}

async function main(): Promise<number> {
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const only = platformNames(values.only ?? "all");
  const required = platformNames(values.required);
  const options: RunOptions = {
    ...(values.backends === undefined ? {} : { backends: list(values.backends) }),
    ...(values.suites === undefined ? {} : { suites: list(values.suites).map(Number) }),
  };
  const whole = only.length === names.length && Object.keys(options).length === 0;
  const folder = await mkdtemp(`${tmpdir()}/copse-platforms-`);
  let results: PlatformResult[];
  try {
    const files = await bundle(folder);
    results = await runPlatforms({
      platforms: PLATFORMS.filter(({ name }) => only.includes(name)),
      job: { folder, files, options },
      fetch: !values.offline,
      jobs: Math.max(1, Number(values.jobs)),
      say: (line) => console.log(line),
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }

  const problems = results.flatMap(({ name, missing, broken, suites }) => [
    ...(missing !== undefined && required.includes(name) ? [`${name} is required: ${missing}`] : []),
    ...(broken === undefined ? [] : [`${name}: ${broken}`]),
    ...suites.flatMap(({ backend, id, failed, session }) => [
      ...failed.map((check) => `${name}: ${backend}, suite ${id}: ${check.name}: ${check.detail}`),
      ...(session === "" ? [] : [`${name}: ${backend}, suite ${id}: ${session}`]),
    ]),
  ]);
  if (values.check) {
    const text = await readFile(DOCUMENT, "utf8");
    problems.push(...differences(text, results).map((difference) => `docs/platforms.md: ${difference}`));
  } else if (values.write || whole) {
    await writeFile(DOCUMENT, render(results));
    console.log("wrote docs/platforms.md");
  }
  for (const problem of problems) console.error(problem);
  return problems.length === 0 ? 0 : 1;
}

process.exitCode = await main();
