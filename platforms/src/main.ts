// RFC 9420 §17.1: `npm run test:platforms`: conformance and a group session in every platform, for real.
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { bundle, CACHE, ROOT } from "./bundle.js";
import { PLATFORMS } from "./platforms.js";
import type { RunOptions } from "./report.js";
import { type PlatformResult, runPlatforms } from "./run-platforms.js";
import { render, shortfalls } from "./table.js";
import { removeTokens, tokens } from "./tokens.js";

const HELP = `npm run test:platforms -- [options]
  --only a,b       these platforms alone: ${PLATFORMS.map(({ name }) => name).join(", ")}
  --required a,b   it is an error if one of these can't be got (or "all")
  --providers a,b  these providers alone
  --suites 1,2     these suites alone
  --offline        takes only what is here already
  --write          writes docs/platforms.md; nothing may be left out
  --jobs n         so many platforms at once

It is an error if a check or a session fails, or if a provider serves fewer suites on a platform than
docs/platforms.md says. That is looked at for all suites, also with --suites.`;

const DOCUMENT = `${ROOT}docs/platforms.md`;

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    required: { type: "string", default: "" },
    providers: { type: "string" },
    suites: { type: "string" },
    jobs: { type: "string", default: String(Math.min(2, availableParallelism())) },
    offline: { type: "boolean", default: false },
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
  const required = platformNames(values.write ? "all" : values.required);
  const options: RunOptions = {
    ...(values.providers === undefined ? {} : { providers: list(values.providers) }),
    ...(values.suites === undefined ? {} : { suites: list(values.suites).map(Number) }),
  };
  const whole = only.length === names.length && Object.keys(options).length === 0;
  if (values.write && !whole) throw new Error("--write needs all platforms, providers and suites");
  // In the repository, so that native modules are found from there.
  await mkdir(CACHE, { recursive: true });
  const folder = await mkdtemp(`${CACHE}/bundle-`);
  const selected = PLATFORMS.filter(({ name }) => only.includes(name));
  const says = (line: string) => console.log(line);
  let results: PlatformResult[];
  try {
    const files = await bundle(folder);
    const selectedNames = selected.map(({ name }) => name);
    const token = await tokens(selectedNames, !values.offline, says);
    results = await runPlatforms({
      platforms: selected,
      job: { folder, files, options },
      token,
      fetch: !values.offline,
      jobs: Math.max(1, Number(values.jobs)),
      say: says,
    });
  } finally {
    await removeTokens();
    await rm(folder, { recursive: true, force: true });
  }

  const suites = results.flatMap((result) => result.suites);
  const verdicts = suites.reduce((sum, suite) => sum + suite.verdicts, 0);
  const where = results.filter((result) => result.suites.length > 0).map(({ name }) => name);
  says(`${verdicts} verdicts on public keys and signatures were as they must be, on ${where.join(", ")}`);

  const problems = results.flatMap(({ name, missing, broken, suites }) => [
    ...(missing !== undefined && required.includes(name) ? [`${name} is required: ${missing}`] : []),
    ...(broken === undefined ? [] : [`${name}: ${broken}`]),
    ...suites.flatMap(({ provider, id, failed, session }) => [
      ...failed.map((check) => `${name}: ${provider}, suite ${id}: ${check.name}: ${check.detail}`),
      ...(session === "" ? [] : [`${name}: ${provider}, suite ${id}: ${session}`]),
    ]),
  ]);
  if (!values.write) {
    problems.push(...shortfalls(await readFile(DOCUMENT, "utf8"), results, options.providers));
  } else if (problems.length === 0) {
    await writeFile(DOCUMENT, render(results));
    console.log("wrote docs/platforms.md");
  }
  for (const problem of problems) console.error(problem);
  return problems.length === 0 ? 0 : 1;
}

// What was started ends with this, and not by itself.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

process.exitCode = await main();
