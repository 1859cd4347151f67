// The session from its command line to its exit code.
import { MlsError } from "@copse/core";
import type { Backend } from "./backend.js";
import { BACKENDS, DEFAULT_BACKENDS } from "./backends.js";
import { makePeople, type Person } from "./members.js";
import { type Options, parseOptions, UsageError, usage } from "./options.js";
import { pairsOf, playPair } from "./pairs.js";
import { makePlan, type Plan, type Run, Workshop } from "./plan.js";
import { formatTime, list, type Output, Report } from "./report.js";
import { SessionError } from "./steps.js";
import { runStory } from "./story.js";

const DEFAULT_MEMBERS = 4;

/**
 * @param args the command line, without the program
 * @returns the exit code: 0 if all went well, 1 if a session failed, 2 if the command line is wrong
 */
export async function main(
  args: readonly string[],
  output: Output,
  backends: readonly Backend[] = BACKENDS,
): Promise<number> {
  const names = backends.map(({ name }) => name);
  const help = usage(names, DEFAULT_BACKENDS, DEFAULT_MEMBERS);
  const workshop = new Workshop(backends);
  try {
    const options = parseOptions(args, names);
    if (options === "help") {
      output.stdout(help);
      return 0;
    }
    return await play(options, await makePlan(options, workshop), output);
  } catch (error) {
    if (error instanceof UsageError) {
      output.stderr(`${error.message}\n\n${help}`);
      return 2;
    }
    output.stderr(`FAILED to make the backends: ${reason(error)}\n`);
    return 1;
  } finally {
    await workshop.close();
  }
}

async function play(options: Options, { runs, absent }: Plan, output: Output): Promise<number> {
  const report = new Report(output);
  for (const text of absent) report.notice(text);
  for (const run of runs) {
    try {
      if (run.kind === "pairs") await playPairs(run, report);
      else await playGroup(run, membersFor(options, run), report);
    } catch (error) {
      output.stderr(`FAILED in suite ${run.suite.id}: ${reason(error)}\n`);
      return 1;
    }
  }
  const inGroup = runs.filter(({ kind }) => kind === "group");
  const inPairs = runs.filter(({ kind }) => kind === "pairs");
  const parts = [...(inGroup.length > 0 ? [suites(inGroup)] : [])];
  if (inPairs.length > 0) parts.push(`in pairs in ${suites(inPairs)}`);
  output.stdout(`All members agree, ${parts.join("; ").replace(/^suite/, "in suite")}.\n`);
  for (const text of absent) report.notice(text);
  return 0;
}

/** With `all`, one more than there are backends: so that each still has a member when one is removed. */
function membersFor({ members, backends }: Options, { serving }: Run): number {
  return members ?? Math.max(DEFAULT_MEMBERS, serving.length + (backends === "all" ? 1 : 0));
}

async function playGroup({ suite, serving, note }: Run, count: number, report: Report): Promise<void> {
  report.title(`Suite ${suite.id}: ${suite.name}`);
  if (note !== undefined) {
    report.paragraph(note);
    report.blank();
  }
  const everybody = await makePeople(
    suite.id,
    count,
    serving.map(({ provider }) => provider),
  );
  const width = Math.max(...serving.map(({ backend }) => backend.name.length));
  for (const { backend } of serving) {
    report.entry(backend.name, await backend.describe(suite), width);
    report.entry("", `used by ${usersOf(backend, everybody)}`, width);
  }
  report.blank();
  await runStory(everybody, report);
}

async function playPairs({ suite, serving }: Run, report: Report): Promise<void> {
  report.title(`Suite ${suite.id}: ${suite.name}, in pairs`);
  for (const pair of pairsOf(serving)) {
    const what = list(pair.map(({ backend }) => backend.name));
    try {
      const providers = pair.map(({ provider }) => provider);
      const { epoch, milliseconds } = await playPair(suite.id, providers);
      report.check(what, `agree in epoch ${epoch}, after ${formatTime(milliseconds)} ms`, true);
    } catch (error) {
      throw new SessionError(`${what}: ${reason(error)}`, { cause: error });
    }
  }
  report.blank();
}

function usersOf({ name }: Backend, everybody: readonly Person[]): string {
  const users = everybody.filter(({ backend }) => backend === name);
  if (users.length > 5) return `${users.length} members, among them ${users[0]?.name} and ${users[1]?.name}`;
  return users.length === 0 ? "nobody" : users.map((user) => user.name).join(", ");
}

function suites(runs: readonly Run[]): string {
  return `suite${runs.length === 1 ? "" : "s"} ${list(runs.map(({ suite }) => String(suite.id)))}`;
}

function reason(error: unknown): string {
  if (error instanceof SessionError) return error.message;
  if (error instanceof MlsError) return `${error.message} (${error.code})`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
