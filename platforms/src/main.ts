// RFC 9420 §17.1: `npm run test:platforms`: conformance and a group session in every platform, for real.
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { bundle, CACHE, ROOT } from "./bundle.js";
import { PLATFORMS } from "./platforms.js";
import { NO_TOKEN, type RunOptions } from "./report.js";
import { type PlatformResult, runPlatforms } from "./run-platforms.js";
import { merged, type Row, render, rowOf, shortfalls, stored } from "./table.js";
import { removeTokens, tokens } from "./tokens.js";

const HELP = `npm run test:platforms -- [options]
  --only a,b       these platforms alone: ${PLATFORMS.map(({ name }) => name).join(", ")}
  --required a,b   it is an error if one of these can't be got (or "all")
  --providers a,b  these providers alone
  --suites 1,2     these suites alone
  --offline        takes only what is here already
  --effort short   the conformance kit's short effort; default: full, and short on engines alone
  --write          writes the rows of these platforms to docs/platforms.md and .json, with all providers and suites
  --jobs n         so many platforms at once

It is an error if a check or a session fails, or if a provider serves fewer suites on a platform than
docs/platforms.md says. That is looked at for all suites, also with --suites.`;

const DOCUMENT = `${ROOT}docs/platforms.md`;
const ROWS = `${ROOT}docs/platforms.json`;

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    required: { type: "string", default: "" },
    providers: { type: "string" },
    suites: { type: "string" },
    effort: { type: "string" },
    jobs: { type: "string", default: String(Math.min(2, availableParallelism())) },
    offline: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

const list = (text: string) => text.split(",").filter((name) => name !== "");
const names = PLATFORMS.map(({ name }) => name);

function effortOf(text: string | undefined): RunOptions["effort"] {
  if (text === undefined || text === "full" || text === "short") return text;
  throw new Error(`--effort: expected full or short, got ${text}`);
}

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
  const required = values.write ? only : platformNames(values.required);
  const effort = effortOf(values.effort);
  if (values.write && (values.providers ?? values.suites) !== undefined)
    throw new Error("--write needs all providers and suites");
  const options: RunOptions = {
    ...(values.providers === undefined ? {} : { providers: list(values.providers) }),
    ...(values.suites === undefined ? {} : { suites: list(values.suites).map(Number) }),
    ...(effort && { effort }),
  };
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

  const problems = results.flatMap(({ name, missing, broken, refusals, suites }) => [
    ...(missing !== undefined && required.includes(name) ? [`${name} is required: ${missing}`] : []),
    ...(broken === undefined ? [] : [`${name}: ${broken}`]),
    ...refusals
      .filter(({ reason }) => values.write && reason.includes(NO_TOKEN))
      .map(({ provider }) => `${name}: ${provider} wasn't tried: --write needs SoftHSM`),
    ...suites.flatMap(({ provider, id, failed, session }) => [
      ...failed.map((check) => `${name}: ${provider}, suite ${id}: ${check.name}: ${check.detail}`),
      ...(session === "" ? [] : [`${name}: ${provider}, suite ${id}: ${session}`]),
    ]),
  ]);
  const rows = JSON.parse(await readFile(ROWS, "utf8")) as Row[];
  if (!values.write) {
    problems.push(...shortfalls(rows, results, options.providers));
  } else if (problems.length === 0) {
    const date = new Date().toISOString().slice(0, 10);
    const newer = results.map((result, i) =>
      rowOf(result, effort ?? selected[i]?.runs?.effort ?? "full", date),
    );
    const all = merged(rows, newer, names);
    await writeFile(ROWS, stored(all));
    await writeFile(DOCUMENT, render(all));
    console.log("wrote docs/platforms.md and docs/platforms.json");
  }
  for (const problem of problems) console.error(problem);
  return problems.length === 0 ? 0 : 1;
}

// What was started ends with this, and not by itself.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

process.exitCode = await main();
