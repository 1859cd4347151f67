// The page's worker: looks at the platform, and measures, so that the page stays live. It is ended to cancel.
import { Crowd } from "../../../src/crowd.js";
import type { Payload } from "../../../src/operations.js";
import { type Block, Run } from "../../../src/run.js";
import type { Effort } from "../../../src/stopwatch.js";
import { type EffortName, type FromWorker, PROVIDERS, type ToWorker, type Wish } from "../messages.js";
import { look } from "./platform.js";
import { implementations, load } from "./providers.js";
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
    data.kind === "look" ? look().then((platform) => post({ kind: "platform", platform })) : run(data.wish);
  work.catch((error: unknown) => {
    post({
      kind: "failed",
      message: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
    });
  });
});

async function run(wish: Wish): Promise<void> {
  const { effort, rounds, payloads } = EFFORTS[wish.effort];
  const served = new Map<number, Block["implementations"]>();
  for (const suite of wish.suites) {
    const able = [];
    for (const name of wish.providers) if (await serves(name, suite)) able.push(implementations[name]);
    served.set(suite, able);
  }
  const groups = wish.suites.flatMap((suite) =>
    wish.sizes.flatMap((members) => wish.trees.map((tree) => ({ suite, members, tree }))),
  );
  // Two steps for each provider's primitives, one for each round in each group, one for each recommendation.
  const implementationsOf = (suite: number) => served.get(suite) ?? [];
  const of =
    wish.suites.reduce((sum, suite) => sum + 2 * implementationsOf(suite).length + 1, 0) +
    groups.reduce((sum, { suite }) => sum + implementationsOf(suite).length * rounds, 0);
  let done = -1;
  const progress = (text: string) => {
    if (/, primitives: |, round /.test(text)) done++;
    if (text !== "") post({ kind: "progress", text, done: Math.max(0, done), of });
  };

  const maker = await fastestMaker(wish);
  const crowd = new Crowd(maker, progress);
  const measuring = new Run(crowd, progress, effort);
  const report = () => {
    // What a page can't measure is no number.
    const results = measuring.results().filter(({ median }) => Number.isFinite(median));
    post({ kind: "results", results, primitives: measuring.allPrimitives() });
  };
  for (const suite of wish.suites) {
    if (implementationsOf(suite).length === 0) continue;
    await measuring.primitives(suite, implementationsOf(suite));
    report();
    for (const { members, tree } of groups.filter((group) => group.suite === suite)) {
      await measuring.block({
        suite,
        members,
        tree,
        rounds,
        implementations: implementationsOf(suite),
        payloads,
      });
      report();
    }
    // Once more at the end, as their median counts: the machine may be busier now, or the engine further.
    await measuring.primitives(suite, implementationsOf(suite));
    report();
    measuring.forget(suite);
    done++;
    post({ kind: "progress", text: `suite ${suite}: which provider to take`, done, of });
    post({ kind: "choice", choice: await recommend(suite) });
  }
  post({ kind: "done" });
}

async function serves(name: Wish["providers"][number], suite: number): Promise<boolean> {
  try {
    return (await load(name)).suites.some(({ id }) => id === suite);
  } catch {
    return false;
  }
}

/** Makes the other members of the groups: the first provider that has all suites. */
async function fastestMaker({ suites }: Wish) {
  for (const name of PROVIDERS) {
    const able = await Promise.all(suites.map((suite) => serves(name, suite)));
    if (able.every(Boolean)) return implementations[name];
  }
  return implementations.noble;
}
