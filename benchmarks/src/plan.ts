// Which blocks a run has, by its options.
import { type Implementation, whyNotIn } from "./implementation.js";
import { SLOW } from "./implementations.js";
import { PAYLOADS, type Payload } from "./operations.js";
import { type Options, UsageError } from "./options.js";
import { REFERENCE } from "./references.js";
import type { Block } from "./run.js";

export interface Served {
  readonly implementation: Implementation;
  readonly suites: readonly number[];
}

/** Which of these can be loaded here, with their suites; of the others, why not. */
export async function available(all: readonly Implementation[]) {
  const served: Served[] = [];
  const absent: { readonly name: string; readonly why: string }[] = [];
  for (const implementation of all) {
    const { name } = implementation;
    try {
      served.push({ implementation, suites: await implementation.suites() });
    } catch (error) {
      absent.push({ name, why: error instanceof Error ? error.message : String(error) });
    }
  }
  return { served, absent };
}

const SHORT = { suites: [1, 2], members: [2, 100, 1000] } as const;
const FULL_MEMBERS = [2, 10, 100, 1000, 10_000];
const ALL_PAYLOADS = Object.keys(PAYLOADS) as Payload[];
const SHORT_PAYLOADS: readonly Payload[] = ["64 B", "1 KiB", "64 KiB"];
/** Above this, a peer or JavaScript takes minutes for one commit: only if it is named. */
const SLOW_UP_TO = 1000;
/** What a short run has no time for. */
const SHORT_WITHOUT = ["noble"];

/** How often a group of a size is built anew, or what is done in it repeated; each has several runs of most things. */
export function defaultRounds(members: number, full: boolean): number {
  if (members > 1000) return 1;
  if (members > 100) return full ? 3 : 1;
  if (members > 10) return full ? 5 : 1;
  return full ? 5 : 2;
}

/** @throws UsageError if no provider has a suite that is asked for */
export function plan(options: Options, all: readonly Served[]): Block[] {
  const { full, size, runs } = options;
  const served = all.filter(({ implementation }) => isChosen(options, implementation));
  const blocks: Block[] = [];
  for (const suite of suitesOf(options, served)) {
    for (const members of size === undefined ? (options.members ?? membersOf(options)) : [size]) {
      const implementations = served
        .filter(({ suites }) => suites.includes(suite))
        .map(({ implementation }) => implementation)
        .filter(
          ({ name }) => members <= SLOW_UP_TO || !SLOW.includes(name) || options.providers?.includes(name),
        );
      if (implementations.length === 0) continue;
      const rounds = runs ?? defaultRounds(members, full);
      for (const tree of options.trees) {
        const able = implementations.filter((one) => whyNotIn(one, members, tree) === undefined);
        const measured = isShort(options) && tree === "lived-in" ? inShort(members, able) : able;
        if (measured.length === 0) continue;
        blocks.push({
          suite,
          members,
          tree,
          rounds,
          implementations: measured,
          payloads: full ? ALL_PAYLOADS : SHORT_PAYLOADS,
        });
      }
    }
  }
  return blocks;
}

/** Whether nothing was asked for that takes longer. */
const isShort = ({ full, size, members, providers }: Options): boolean =>
  !full && size === undefined && members === undefined && providers === undefined;

/** Those that the options choose. @throws UsageError if one that is named can't be loaded */
export async function chosen(options: Options, all: readonly Implementation[]): ReturnType<typeof available> {
  const found = await available(all.filter((one) => isChosen(options, one)));
  for (const { name, why } of found.absent) {
    if (options.providers?.includes(name)) throw new UsageError(`--providers: ${name}: ${why}`);
  }
  return found;
}

/** A short run has lived-in trees of its largest size only, and none for a peer, whose joins are long. */
const inShort = (members: number, implementations: readonly Implementation[]): Implementation[] =>
  members === Math.max(...SHORT.members) ? implementations.filter(({ name }) => name !== REFERENCE) : [];

function isChosen({ providers, modules, full, size }: Options, { name, module }: Implementation): boolean {
  if (module !== undefined) return true;
  if (providers) return providers.includes(name);
  if (size !== undefined || modules.length > 0) return name === "node";
  return full || !SHORT_WITHOUT.includes(name);
}

const membersOf = ({ full }: Options): readonly number[] => (full ? FULL_MEMBERS : SHORT.members);

function suitesOf({ suites, full, size }: Options, chosen: readonly Served[]): readonly number[] {
  const all = [...new Set(chosen.flatMap((each) => each.suites))].sort((a, b) => a - b);
  for (const suite of suites ?? []) {
    if (!all.includes(suite)) {
      const by = chosen.map(({ implementation }) => implementation.name).join(", ");
      throw new UsageError(`--suite: suite ${suite} is not served by ${by}; choose from ${all.join(", ")}`);
    }
  }
  const own = chosen.filter(({ implementation }) => implementation.module !== undefined);
  if (suites) {
    for (const { implementation, suites: served } of own)
      if (!served.some((suite) => suites.includes(suite)))
        throw new UsageError(`--suite: ${implementation.name} serves suites ${served.join(", ")} only`);
    return suites;
  }
  if (full) return all;
  if (own.length > 0) return [...new Set(own.flatMap((each) => each.suites.slice(0, SHORT.suites.length)))];
  if (size !== undefined) return all.slice(0, 1);
  return all.filter((suite) => (SHORT.suites as readonly number[]).includes(suite));
}
