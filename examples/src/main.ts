// The session from its command line to its exit code.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MlsError } from "@copse/core";
import { Friend } from "./delivery/friend.js";
import { MissingProgram, needNats } from "./delivery/nats-program.js";
import { startService } from "./delivery/services.js";
import { runDeliveryStory } from "./delivery/story.js";
import { makePeople, namesFor, type Person } from "./members.js";
import { type Options, parseOptions, type Stack, UsageError, usage } from "./options.js";
import { pairsOf, playPair } from "./pairs.js";
import { makePlan, type Plan, type Ready, type Run, Workshop } from "./plan.js";
import type { ProviderEntry } from "./provider-entry.js";
import { DEFAULT_PROVIDERS, PROVIDERS } from "./providers.js";
import { formatTime, list, type Output, Report } from "./report.js";
import { SessionError } from "./steps.js";
import { runStory } from "./story.js";

const DEFAULT_MEMBERS = 4;

/**
 * @param args the command line, without the program
 * @returns the exit code: 0 if all went well, 1 if a session failed, 2 if the command line is wrong, or asks for a
 *   program that isn't here
 */
export async function main(
  args: readonly string[],
  output: Output,
  entries: readonly ProviderEntry[] = PROVIDERS,
): Promise<number> {
  const names = entries.map(({ name }) => name);
  const help = usage(names, DEFAULT_PROVIDERS, DEFAULT_MEMBERS);
  let workshop: Workshop | undefined;
  try {
    const options = parseOptions(args, names);
    if (options === "help") {
      output.stdout(help);
      return 0;
    }
    if (options.stack?.delivery === "nats") needNats();
    // A database keeps private keys as bytes.
    workshop = new Workshop(entries, { extractable: options.stack?.storage === "sqlite" });
    return await play(options, await makePlan(options, workshop), output);
  } catch (error) {
    if (error instanceof UsageError || error instanceof MissingProgram) {
      output.stderr(`${error.message}\n\n${help}`);
      return 2;
    }
    output.stderr(`FAILED to make the providers: ${reason(error)}\n`);
    return 1;
  } finally {
    await workshop?.close();
  }
}

async function play(options: Options, { runs, absent }: Plan, output: Output): Promise<number> {
  const report = new Report(output);
  for (const text of absent) report.notice(text);
  for (const run of runs) {
    try {
      if (options.stack) await playStack(options.stack, run, membersFor(options, run), report);
      else if (run.kind === "pairs") await playPairs(run, report);
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

/** With `all`: one member more than providers, so that each provider still has one after the removal. */
function membersFor({ members, providers }: Options, { serving }: Run): number {
  return members ?? Math.max(DEFAULT_MEMBERS, serving.length + (providers === "all" ? 1 : 0));
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
  const width = Math.max(...serving.map(({ entry }) => entry.name.length));
  for (const { entry } of serving) {
    report.entry(entry.name, await entry.describe(suite), width);
    report.entry("", `used by ${usersOf(entry, everybody)}`, width);
  }
  report.blank();
  await runStory(everybody, report);
}

/** A conversation over a delivery service, with what it keeps in a folder that is removed. */
async function playStack(stack: Stack, { suite, serving, note }: Run, count: number, report: Report) {
  report.title(`Suite ${suite.id}: ${suite.name}`);
  if (note !== undefined) report.paragraph(note);
  const data = await mkdtemp(join(tmpdir(), "copse-session-"));
  try {
    const service = await startService(stack.delivery, data);
    report.entry("delivery", service.name, 8);
    report.entry(
      "storage",
      stack.storage === "sqlite" ? "SQLite, a database for each client" : "in memory",
      8,
    );
    report.entry("crypto", list(serving.map(({ entry }) => entry.name)), 8);
    report.blank();
    const friends = namesFor(count).map((name, i) => {
      const { provider: crypto } = serving[i % serving.length] as Ready;
      return new Friend({ name, crypto, suite: suite.id, service, storage: stack.storage, data });
    });
    try {
      await runDeliveryStory(friends, report);
    } finally {
      await Promise.all(friends.map((friend) => friend.close()));
      await service.close();
    }
  } finally {
    await rm(data, { recursive: true, force: true });
  }
}

async function playPairs({ suite, serving }: Run, report: Report): Promise<void> {
  report.title(`Suite ${suite.id}: ${suite.name}, in pairs`);
  for (const pair of pairsOf(serving)) {
    const what = list(pair.map(({ entry }) => entry.name));
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

function usersOf({ name }: ProviderEntry, everybody: readonly Person[]): string {
  const users = everybody.filter(({ provider }) => provider === name);
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
