// What is to be played: which suites, on which backends, together or in pairs.
import { CIPHER_SUITES, type CipherSuite } from "@copse/core";
import { type Backend, NotHereError, type SessionProvider } from "./backend.js";
import { DEFAULT_BACKENDS } from "./backends.js";
import { type Options, UsageError } from "./options.js";
import { people } from "./report.js";

/** A backend, ready for use. */
export interface Ready {
  readonly backend: Backend;
  readonly provider: SessionProvider;
}

/** One suite to be played. */
export interface Run {
  readonly suite: CipherSuite;
  readonly serving: readonly Ready[];
  /** `group`: all of the backends in one; `pairs`: each two of them. */
  readonly kind: "group" | "pairs";
  /** Why other backends serve than those that were to. */
  readonly note: string | undefined;
}

export interface Plan {
  readonly runs: readonly Run[];
  /** Backends that aren't here, and why, in a sentence each. */
  readonly absent: readonly string[];
}

/** In the first of these both default backends do all of the work but hashing. */
const PREFERRED_SUITES = [3, 1];

/** Makes backends when they are wanted, each once. */
export class Workshop {
  readonly backends: readonly Backend[];
  private readonly made = new Map<string, Promise<Ready>>();

  constructor(backends: readonly Backend[]) {
    this.backends = backends;
  }

  /** @throws NotHereError (rejects) if it takes what isn't installed; MlsError */
  make(name: string): Promise<Ready> {
    const backend = this.backends.find((each) => each.name === name) as Backend;
    const made = this.made.get(name) ?? backend.make().then((provider) => ({ backend, provider }));
    this.made.set(name, made);
    return made;
  }

  /** Ends all that was made. */
  async close(): Promise<void> {
    const made = await Promise.allSettled(this.made.values());
    // What can't be ended in order ends with the process, which is no failure of the session.
    await Promise.allSettled(
      made.map(async (each) => each.status === "fulfilled" && each.value.provider.close?.()),
    );
  }
}

/** @throws UsageError if a suite is served by none, or a backend that was named isn't here */
export async function makePlan(options: Options, workshop: Workshop): Promise<Plan> {
  if (options.backends === "all") return planAll(options, workshop);
  const named = options.backends !== undefined;
  const chosen: Ready[] = [];
  for (const name of options.backends ?? DEFAULT_BACKENDS) {
    try {
      chosen.push(await workshop.make(name));
    } catch (error) {
      if (error instanceof NotHereError) throw new UsageError(`--backends: ${name}: ${error.message}`);
      throw error;
    }
  }
  const runs: Run[] = [];
  for (const id of options.suites ?? defaultSuites(chosen)) {
    const serving = chosen.filter((each) => serves(each, id));
    if (serving.length === 0) {
      runs.push(await substitute(id, chosen, named, workshop));
      continue;
    }
    const missing = chosen.filter((each) => !serves(each, id));
    const note = missing.length > 0 ? partly(id, serving, missing) : undefined;
    runs.push({ suite: suiteOf(id), serving, kind: "group", note });
  }
  return { runs, absent: [] };
}

/** All backends that are here, in one group where all have the suite, else in pairs. */
async function planAll({ suites }: Options, workshop: Workshop): Promise<Plan> {
  const present: Ready[] = [];
  const absent: string[] = [];
  for (const { name } of workshop.backends) {
    try {
      present.push(await workshop.make(name));
    } catch (error) {
      if (!(error instanceof NotHereError)) throw error;
      absent.push(`${name} takes no part: ${error.message}.`);
    }
  }
  const isCommon = (id: number) => present.every((each) => serves(each, id));
  const ids = suites ?? [...PREFERRED_SUITES, ...CIPHER_SUITES.map(({ id }) => id)];
  const ordered = [...new Set(suites === undefined ? sortedBy(ids, isCommon) : ids)];
  const runs = ordered.map((id): Run => {
    const serving = present.filter((each) => serves(each, id));
    if (serving.length < 2) throw new UsageError(`--suite: fewer than two backends here have suite ${id}`);
    return { suite: suiteOf(id), serving, kind: isCommon(id) ? "group" : "pairs", note: undefined };
  });
  return { runs, absent };
}

/** A run on a backend that wasn't asked for, as nothing was; or the error that says which has the suite. */
async function substitute(
  id: number,
  chosen: readonly Ready[],
  named: boolean,
  workshop: Workshop,
): Promise<Run> {
  const here = workshop.backends.filter(({ needsInstalling }) => needsInstalling !== true);
  const all = await Promise.all(here.map(({ name }) => workshop.make(name)));
  const others = all.filter((each) => serves(each, id));
  const [first] = others;
  if (first === undefined) throw new UsageError(`--suite: no backend here has suite ${id}`);
  if (named) {
    const verbs = [chosen.length === 1 ? "doesn't" : "don't", others.length === 1 ? "does" : "do"];
    throw new UsageError(
      `--suite: ${names(chosen)} ${verbs[0]} have suite ${id}; ${names(others)} ${verbs[1]}`,
    );
  }
  const note = `Suite ${id} is none of ${names(chosen)}: all members use ${first.backend.name}.`;
  return { suite: suiteOf(id), serving: [first], kind: "group", note };
}

/** The preferred suites that all of the backends have, or else the first that one has. */
function defaultSuites(chosen: readonly Ready[]): number[] {
  const common = PREFERRED_SUITES.filter((id) => chosen.every((each) => serves(each, id)));
  if (common.length > 0) return common;
  const first = chosen[0]?.provider.suites[0];
  if (first === undefined) throw new UsageError(`${names(chosen)} has no suite on this platform`);
  return [first.id];
}

function serves({ provider }: Ready, id: number): boolean {
  return provider.suites.some((suite) => suite.id === id);
}

function suiteOf(id: number): CipherSuite {
  return CIPHER_SUITES.find((suite) => suite.id === id) as CipherSuite;
}

function names(ready: readonly Ready[]): string {
  return people(ready.map(({ backend }) => backend.name));
}

function partly(id: number, serving: readonly Ready[], missing: readonly Ready[]): string {
  const verb = missing.length === 1 ? "doesn't" : "don't";
  return `${names(missing)} ${verb} have suite ${id}: all members use ${names(serving)}.`;
}

/** Those for which it holds before the others, else in their order. */
function sortedBy<T>(items: readonly T[], holds: (item: T) => boolean): T[] {
  return [...items.filter(holds), ...items.filter((item) => !holds(item))];
}
