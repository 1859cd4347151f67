// The page's worker: looks at the platform, and measures, so that the page stays live. It is ended to cancel.
import { Crowd } from "../../../src/crowd.js";
import { type Implementation, whyNotIn } from "../../../src/implementation.js";
import type { Payload } from "../../../src/operations.js";
import { Run } from "../../../src/run.js";
import type { Effort } from "../../../src/stopwatch.js";
import {
  type EffortName,
  type FromWorker,
  OURS,
  type OwnModules,
  type ToWorker,
  type Wish,
} from "../messages.js";
import { look } from "./platform.js";
import { candidates, implementations } from "./providers.js";
import { recommend } from "./recommend.js";

interface Thoroughness {
  readonly effort: Effort;
  readonly rounds: number;
  readonly payloads: readonly Payload[];
}

const EFFORTS: Readonly<Record<EffortName, Thoroughness>> = {
  glance: {
    effort: {
      primitive: 1,
      warmUp: 0,
      warmUpAgain: 0,
      repetition: 5,
      few: 1,
      large: 1,
      turns: 1,
      recordedOf: 4,
      warmUpMembers: 3,
    },
    rounds: 1,
    payloads: ["1 KiB"],
  },
  quick: {
    effort: {
      primitive: 10,
      warmUp: 60,
      warmUpAgain: 0,
      repetition: 60,
      few: 4,
      large: 1,
      turns: 1,
      recordedOf: 4,
      warmUpMembers: 3,
    },
    rounds: 1,
    payloads: ["64 B", "1 KiB", "64 KiB"],
  },
  thorough: {
    effort: {
      primitive: 20,
      warmUp: 250,
      warmUpAgain: 10,
      repetition: 120,
      few: 6,
      large: 2,
      turns: 4,
      recordedOf: 4,
      warmUpMembers: 10,
    },
    rounds: 3,
    payloads: ["64 B", "1 KiB", "64 KiB", "1 MiB"],
  },
};

function post(message: FromWorker): void {
  self.postMessage(message);
}

self.addEventListener("message", ({ data }: MessageEvent<ToWorker>) => {
  const work =
    data.kind === "look"
      ? look().then((platform) => post({ kind: "platform", platform }))
      : run(data.wish, data.modules);
  work.catch((error: unknown) => {
    post({
      kind: "failed",
      message: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
    });
  });
});

async function run(wish: Wish, modules: OwnModules): Promise<void> {
  const { effort, rounds, payloads } = EFFORTS[wish.effort];
  const all = implementations(modules);
  const served = new Map<number, Implementation[]>();
  for (const suite of wish.suites) served.set(suite, await serving(all, wish.providers, suite));
  const groups = wish.suites.flatMap((suite) =>
    wish.sizes.flatMap((members) =>
      wish.trees.map((tree) => ({
        suite,
        members,
        tree,
        implementations: served.get(suite)!.filter((one) => whyNotIn(one, members, tree) === undefined),
      })),
    ),
  );
  // Two steps for each provider's primitives, one for each round in each group, one for each recommendation.
  const of =
    [...served.values()].reduce((sum, able) => sum + 2 * priced(able).length + 1, 0) +
    groups.reduce((sum, group) => sum + group.implementations.length * rounds, 0);
  let done = -1;
  const progress = (text: string) => {
    if (/, primitives: |, round /.test(text)) done++;
    if (text !== "") post({ kind: "progress", text, done: Math.max(0, done), of });
  };

  const crowd = new Crowd(makerOf(all, served), progress);
  const measuring = new Run(crowd, progress, effort);
  const report = () => {
    // What a page can't measure is no number.
    const results = measuring.results().filter(({ median }) => Number.isFinite(median));
    post({ kind: "results", results, primitives: measuring.allPrimitives() });
  };
  for (const [suite, able] of served) {
    if (able.length === 0) continue;
    await measuring.primitives(suite, able);
    report();
    for (const group of groups.filter((one) => one.suite === suite && one.implementations.length > 0)) {
      await measuring.block({ ...group, rounds, payloads });
      report();
    }
    // Once more at the end, as their median counts: the machine may be busier now, or the engine further.
    await measuring.primitives(suite, able);
    report();
    measuring.forget(suite);
    done++;
    post({ kind: "progress", text: `suite ${suite}: which provider to take`, done, of });
    post({ kind: "choice", choice: await recommend(suite, candidates(modules)) });
  }
  post({ kind: "done" });
}

const priced = (all: readonly Implementation[]) => all.filter(({ provider }) => provider !== undefined);

/** Those of these names that have a suite; one that can't be loaded was told of before. */
async function serving(
  all: ReadonlyMap<string, Implementation>,
  names: readonly string[],
  suite: number,
): Promise<Implementation[]> {
  const able: Implementation[] = [];
  for (const name of names) {
    const one = all.get(name);
    const suites = await one?.suites().catch((): readonly number[] => []);
    if (one !== undefined && suites?.includes(suite)) able.push(one);
  }
  return able;
}

/** Makes the other members of the groups: in each suite the first of ours that has it, else the first at all. */
function makerOf(all: ReadonlyMap<string, Implementation>, served: ReadonlyMap<number, Implementation[]>) {
  const makers = new Map<number, Promise<Implementation>>();
  const of = (suite: number): Promise<Implementation> => {
    const known =
      makers.get(suite) ??
      serving(all, OURS, suite).then(
        ([first]) => (first ?? served.get(suite)?.find(({ hosted }) => !hosted)) as Implementation,
      );
    makers.set(suite, known);
    return known;
  };
  const maker: Implementation = {
    name: "maker",
    removes: true,
    suites: async () => [...served.keys()],
    createMember: async (suite, name) => (await of(suite)).createMember(suite, name),
    provider: async (suite) => (await of(suite)).provider!(suite),
  };
  return maker;
}
