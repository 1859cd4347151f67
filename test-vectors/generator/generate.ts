// RFC 9420: test vectors in the working group's formats, the same for the same seed.
import { messageProtection, transcriptHashes, vectorLengths } from "./framing.js";
import {
  COMMIT_KINDS,
  type CommitKind,
  messages,
  passiveCommit,
  passiveRandom,
  passiveWelcome,
  welcome,
} from "./groups.js";
import { cryptoBasics, keySchedule, psks, secretTree } from "./schedule.js";
import { type Maker, makerOf, Source } from "./source.js";
import { OPERATIONS, type Recipe, treeKem, treeMath, treeOperation, treeValidation } from "./trees.js";

export interface GenerateOptions {
  readonly seed: string;
  /** Code points; all seven if left out. */
  readonly suites?: readonly number[];
  /** As many vectors as the working group has, instead of a few of each file. */
  readonly full?: boolean;
  /** The files to make, without `.json`; all sixteen if left out. */
  readonly files?: readonly string[];
}

/** How many vectors there are of each file, and of what: for each suite where there are suites. */
interface Plan {
  readonly treeSizes: readonly number[];
  readonly secretTrees: readonly number[];
  readonly epochs: number;
  readonly pskCounts: readonly number[];
  readonly trees: readonly Recipe[];
  readonly kemTrees: readonly Recipe[];
  readonly messages: number;
  readonly welcomes: number;
  readonly commits: readonly CommitKind[];
  readonly randomEpochs: number;
}

const SMALL: Plan = {
  treeSizes: [1, 2, 4, 8, 16, 32],
  secretTrees: [1, 4],
  epochs: 2,
  pskCounts: [0, 1, 3],
  trees: [2, 3, "small", "figure 20"],
  kemTrees: [2, "small"],
  messages: 1,
  welcomes: 4,
  commits: ["all by value", "all by reference", "external commit"],
  randomEpochs: 6,
};

const FULL: Plan = {
  treeSizes: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
  secretTrees: [1, 8, 32],
  epochs: 5,
  pskCounts: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  trees: [2, 4, 8, 32, "blanks", 3, 5, 7, 33, "skipping blanks", 3, 34, "unmerged", "figure 20"],
  kemTrees: [2, 3, 4, 5, 6, 7, 8, "blanks", "skipping blanks", "unmerged", "figure 20"],
  messages: 10,
  welcomes: 8,
  commits: COMMIT_KINDS,
  randomEpochs: 60,
};

/** With and without path, PSK and tree in the Welcome: the first four have each pair of choices. */
const WELCOMES: readonly (readonly [path: boolean, psk: boolean, tree: boolean])[] = [
  [true, true, false],
  [true, false, true],
  [false, true, true],
  [false, false, false],
  [true, true, true],
  [true, false, false],
  [false, true, false],
  [false, false, true],
];

type Vectors = (maker: (n: number) => Maker) => AsyncGenerator<object>;

/** The files of which each suite has vectors. Each vector is made of a source of its own. */
function inSuites(plan: Plan): Record<string, Vectors> {
  const over = <T>(choices: readonly T[], make: (maker: Maker, choice: T) => Promise<object>): Vectors =>
    async function* (maker) {
      for (const [n, choice] of choices.entries()) yield await make(maker(n), choice);
    };
  const once = (make: (maker: Maker) => Promise<object>) => over([undefined], make);
  return {
    "crypto-basics": once(cryptoBasics),
    "secret-tree": over(plan.secretTrees, (maker, width) => secretTree(maker, width, [0, 15])),
    "message-protection": once(messageProtection),
    "key-schedule": once((maker) => keySchedule(maker, plan.epochs)),
    psk_secret: over(plan.pskCounts, psks),
    "transcript-hashes": once(transcriptHashes),
    welcome: once(welcome),
    "tree-operations": over(OPERATIONS, treeOperation),
    "tree-validation": over(plan.trees, treeValidation),
    treekem: over(plan.kemTrees, treeKem),
    messages: over(Array.from({ length: plan.messages }), messages),
    "passive-client-welcome": over(WELCOMES.slice(0, plan.welcomes), (maker, [path, psk, treeInWelcome]) =>
      passiveWelcome(maker, { members: 3, path, psk, treeInWelcome }),
    ),
    "passive-client-handling-commit": over(plan.commits, passiveCommit),
    "passive-client-random": once((maker) => passiveRandom(maker, plan.randomEpochs)),
  };
}

const SUITES = [1, 2, 3, 4, 5, 6, 7];

/** The files and the vectors of each, in order. @throws Error for files that there are none of */
export async function* generate(
  options: GenerateOptions,
): AsyncGenerator<{ readonly file: string; readonly vectors: readonly object[] }> {
  const { seed, suites = SUITES, full = false } = options;
  const plan = full ? FULL : SMALL;
  const root = new Source(seed);
  const makers = inSuites(plan);
  const wanted = options.files ?? [...Object.keys(makers), "deserialization", "tree-math"];
  for (const file of wanted) {
    const source = root.of(file);
    const make = makers[file];
    if (make !== undefined) {
      const vectors = [];
      for (const id of suites) {
        for await (const vector of make((n) => makerOf(source.of(`suite ${id}, ${n}`), id)))
          vectors.push(vector);
      }
      yield { file, vectors };
    } else if (file === "deserialization") yield { file, vectors: vectorLengths(source) };
    else if (file === "tree-math") yield { file, vectors: plan.treeSizes.map(treeMath) };
    else throw new Error(`there are no vectors called ${file}`);
  }
}

/** One vector a line. */
export function toJson(vectors: readonly object[]): string {
  return `[\n${vectors.map((vector) => JSON.stringify(vector)).join(",\n")}\n]\n`;
}
