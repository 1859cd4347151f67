// Plans the sessions: which suites, with which providers, in one group or in pairs.
import type { CipherSuite } from "@copse/core";
import { CIPHER_SUITES } from "@copse/core/provider";
import { type Options, UsageError } from "./options.js";
import {
  type MakeOptions,
  NotHereError,
  type ProviderEntry,
  type SessionProvider,
} from "./provider-entry.js";
import { DEFAULT_PROVIDERS } from "./providers.js";
import { people } from "./report.js";

/** A provider that has been created. */
export interface Ready {
  readonly entry: ProviderEntry;
  readonly provider: SessionProvider;
}

/** The session of one suite. */
export interface Run {
  readonly suite: CipherSuite;
  readonly serving: readonly Ready[];
  /** `group`: one group with all providers; `pairs`: one group for each two of them. */
  readonly kind: "group" | "pairs";
  /** Why the session uses other providers than the chosen ones. */
  readonly note: string | undefined;
}

export interface Plan {
  readonly runs: readonly Run[];
  /** One sentence for each provider that isn't available, with the reason. */
  readonly absent: readonly string[];
}

/** In the first one, both default providers do everything but hashing themselves. */
const PREFERRED_SUITES = [3, 1];

/** Creates providers on demand, each once. */
export class Workshop {
  readonly entries: readonly ProviderEntry[];
  private readonly made = new Map<string, Promise<Ready>>();

  private readonly options: MakeOptions;

  constructor(entries: readonly ProviderEntry[], options: MakeOptions = {}) {
    this.entries = entries;
    this.options = options;
  }

  /** Rejects with NotHereError if something that the provider needs isn't installed, or with an MlsError. */
  make(name: string): Promise<Ready> {
    const entry = this.entries.find((each) => each.name === name) as ProviderEntry;
    const made = this.made.get(name) ?? entry.make(this.options).then((provider) => ({ entry, provider }));
    this.made.set(name, made);
    return made;
  }

  /** Closes all providers that were created. */
  async close(): Promise<void> {
    const made = await Promise.allSettled(this.made.values());
    // A provider that fails to close ends with the process. That is no failure of the session.
    await Promise.allSettled(
      made.map(async (each) => each.status === "fulfilled" && each.value.provider.close?.()),
    );
  }
}

/** @throws UsageError if no provider has a suite, or a named provider isn't available */
export async function makePlan(options: Options, workshop: Workshop): Promise<Plan> {
  if (options.providers === "all") return planAll(options, workshop);
  const named = options.providers !== undefined;
  const chosen: Ready[] = [];
  for (const name of options.providers ?? DEFAULT_PROVIDERS) {
    try {
      chosen.push(await workshop.make(name));
    } catch (error) {
      if (error instanceof NotHereError) throw new UsageError(`--providers: ${name}: ${error.message}`);
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

/** Plans all available providers: in one group where all have the suite, else in pairs. */
async function planAll({ suites }: Options, workshop: Workshop): Promise<Plan> {
  const present: Ready[] = [];
  const absent: string[] = [];
  for (const { name } of workshop.entries) {
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
    if (serving.length < 2) throw new UsageError(`--suite: fewer than two providers here have suite ${id}`);
    return { suite: suiteOf(id), serving, kind: isCommon(id) ? "group" : "pairs", note: undefined };
  });
  return { runs, absent };
}

/**
 * Plans a suite that no chosen provider has: with another provider if the user named none.
 * @throws UsageError if the user named providers; it says which ones have the suite
 */
async function substitute(
  id: number,
  chosen: readonly Ready[],
  named: boolean,
  workshop: Workshop,
): Promise<Run> {
  const here = workshop.entries.filter(({ needsInstalling }) => needsInstalling !== true);
  const all = await Promise.all(here.map(({ name }) => workshop.make(name)));
  const others = all.filter((each) => serves(each, id));
  const [first] = others;
  if (first === undefined) throw new UsageError(`--suite: no provider here has suite ${id}`);
  if (named) {
    const verbs = [chosen.length === 1 ? "doesn't" : "don't", others.length === 1 ? "does" : "do"];
    throw new UsageError(
      `--suite: ${names(chosen)} ${verbs[0]} have suite ${id}; ${names(others)} ${verbs[1]}`,
    );
  }
  const note = `${names(chosen)} ${chosen.length === 1 ? "doesn't" : "don't"} have suite ${id}: all members use ${first.entry.name}.`;
  return { suite: suiteOf(id), serving: [first], kind: "group", note };
}

/** The preferred suites that all providers have. If there are none: the first suite of the first provider. */
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
  return people(ready.map(({ entry }) => entry.name));
}

function partly(id: number, serving: readonly Ready[], missing: readonly Ready[]): string {
  const verb = missing.length === 1 ? "doesn't" : "don't";
  return `${names(missing)} ${verb} have suite ${id}: all members use ${names(serving)}.`;
}

/** Items for which `holds` is true first; otherwise in their order. */
function sortedBy<T>(items: readonly T[], holds: (item: T) => boolean): T[] {
  return [...items.filter(holds), ...items.filter((item) => !holds(item))];
}
