// The session from its command line to its exit code.
import { CIPHER_SUITES, type CipherSuite, type CryptoProvider, MlsError } from "@copse/core";
import { BACKENDS, type Backend, DEFAULT_BACKENDS } from "./backends.js";
import { makePeople, type Person } from "./members.js";
import { type Options, parseOptions, UsageError, usage } from "./options.js";
import { type Output, people, Report } from "./report.js";
import { runStory, SessionError } from "./story.js";

/** A backend, ready for use. */
interface Ready {
  readonly backend: Backend;
  readonly provider: CryptoProvider;
}

/** One group to be played. */
interface Run {
  readonly suite: CipherSuite;
  readonly serving: readonly Ready[];
  /** Why other backends serve than those that were to. */
  readonly note: string | undefined;
}

/** In the first of these both default backends do all of the work but hashing. */
const PREFERRED_SUITES = [3, 1];

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
  const help = usage(names, DEFAULT_BACKENDS);
  let runs: Run[];
  let options: Options;
  try {
    const parsed = parseOptions(args, names);
    if (parsed === "help") {
      output.stdout(help);
      return 0;
    }
    options = parsed;
    runs = await plan(options, backends);
  } catch (error) {
    if (error instanceof UsageError) {
      output.stderr(`${error.message}\n\n${help}`);
      return 2;
    }
    output.stderr(`FAILED to make the backends: ${reason(error)}\n`);
    return 1;
  }
  for (const run of runs) {
    try {
      await play(run, options.members, new Report(output));
    } catch (error) {
      output.stderr(`FAILED in suite ${run.suite.id}: ${reason(error)}\n`);
      return 1;
    }
  }
  const suites = runs.map(({ suite }) => suite.id);
  output.stdout(`All members agree, in suite${suites.length === 1 ? "" : "s"} ${suites.join(" and ")}.\n`);
  return 0;
}

/** Which suites to play, and on which backends. @throws UsageError if a suite is served by none */
async function plan(options: Options, backends: readonly Backend[]): Promise<Run[]> {
  const wanted = options.backends ?? DEFAULT_BACKENDS;
  const ready = new Map<string, Promise<Ready>>();
  const make = (name: string): Promise<Ready> => {
    const backend = backends.find((each) => each.name === name) as Backend;
    const made = ready.get(name) ?? backend.make().then((provider) => ({ backend, provider }));
    ready.set(name, made);
    return made;
  };
  const chosen = await Promise.all(wanted.map(make));
  const runs: Run[] = [];
  for (const id of options.suites ?? defaultSuites(chosen)) {
    const suite = CIPHER_SUITES.find((each) => each.id === id) as CipherSuite;
    const serving = chosen.filter((each) => serves(each, id));
    if (serving.length > 0) {
      const missing = chosen.filter((each) => !serves(each, id));
      runs.push({ suite, serving, note: missing.length > 0 ? partly(suite, serving, missing) : undefined });
      continue;
    }
    const all = await Promise.all(backends.map(({ name }) => make(name)));
    const others = all.filter((each) => serves(each, id));
    const [substitute] = others;
    if (substitute === undefined) throw new UsageError(`--suite: no backend here has suite ${id}`);
    if (options.backends !== undefined) {
      const verbs = [chosen.length === 1 ? "doesn't" : "don't", others.length === 1 ? "does" : "do"];
      throw new UsageError(
        `--suite: ${named(chosen)} ${verbs[0]} have suite ${id}; ${named(others)} ${verbs[1]}`,
      );
    }
    const note = `Suite ${id} is none of ${named(chosen)}: all members use ${substitute.backend.name}.`;
    runs.push({ suite, serving: [substitute], note });
  }
  return runs;
}

/** The preferred suites that all of the backends have, or else the first that one has. */
function defaultSuites(chosen: readonly Ready[]): number[] {
  const common = PREFERRED_SUITES.filter((id) => chosen.every((each) => serves(each, id)));
  if (common.length > 0) return common;
  const first = chosen[0]?.provider.suites[0];
  if (first === undefined) throw new UsageError(`${named(chosen)} has no suite on this platform`);
  return [first.id];
}

function serves({ provider }: Ready, id: number): boolean {
  return provider.suites.some((suite) => suite.id === id);
}

function named(ready: readonly Ready[]): string {
  return people(ready.map(({ backend }) => backend.name));
}

function partly({ id }: CipherSuite, serving: readonly Ready[], missing: readonly Ready[]): string {
  const verb = missing.length === 1 ? "doesn't" : "don't";
  return `${named(missing)} ${verb} have suite ${id}: all members use ${named(serving)}.`;
}

async function play({ suite, serving, note }: Run, count: number, report: Report): Promise<void> {
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

function usersOf({ name }: Backend, everybody: readonly Person[]): string {
  const users = everybody.filter(({ backend }) => backend === name);
  if (users.length > 5) return `${users.length} members, among them ${users[0]?.name} and ${users[1]?.name}`;
  return users.length === 0 ? "nobody" : users.map((user) => user.name).join(", ");
}

function reason(error: unknown): string {
  if (error instanceof SessionError) return error.message;
  if (error instanceof MlsError) return `${error.message} (${error.code})`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
