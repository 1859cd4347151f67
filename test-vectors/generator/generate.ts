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
import { contextOf, Source, type VectorContext } from "./source.js";
import { OPERATIONS, type Recipe, treeKem, treeMath, treeOperation, treeValidation } from "./trees.js";

export interface GenerateOptions {
  readonly seed: string;
  /** Cipher suites by number. Default: all seven. */
  readonly suites?: readonly number[];
  /** Whether to make about as many vectors as the working group has, instead of a few of each file. Default: false. */
  readonly full?: boolean;
  /** The files to make, without `.json`. Default: all sixteen. */
  readonly files?: readonly string[];
}

/** Which vectors each file has, for each cipher suite if the file has suites. */
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

/** With and without path, PSK and tree in the Welcome. The first four have each combination of two of the choices. */
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

type Vectors = (contextOfVector: (n: number) => VectorContext) => AsyncGenerator<object>;

/** The files with vectors for each suite. Each vector has a random source of its own. */
function inSuites(plan: Plan): Record<string, Vectors> {
  const over = <T>(
    choices: readonly T[],
    make: (context: VectorContext, choice: T) => Promise<object>,
  ): Vectors =>
    async function* (contextOfVector) {
      for (const [n, choice] of choices.entries()) yield await make(contextOfVector(n), choice);
    };
  const once = (make: (context: VectorContext) => Promise<object>) => over([undefined], make);
  return {
    "crypto-basics": once(cryptoBasics),
    "secret-tree": over(plan.secretTrees, (context, width) => secretTree(context, width, [0, 15])),
    "message-protection": once(messageProtection),
    "key-schedule": once((context) => keySchedule(context, plan.epochs)),
    psk_secret: over(plan.pskCounts, psks),
    "transcript-hashes": once(transcriptHashes),
    welcome: once(welcome),
    "tree-operations": over(OPERATIONS, treeOperation),
    "tree-validation": over(plan.trees, treeValidation),
    treekem: over(plan.kemTrees, treeKem),
    messages: over(Array.from({ length: plan.messages }), messages),
    "passive-client-welcome": over(WELCOMES.slice(0, plan.welcomes), (context, [path, psk, treeInWelcome]) =>
      passiveWelcome(context, { members: 3, path, psk, treeInWelcome }),
    ),
    "passive-client-handling-commit": over(plan.commits, passiveCommit),
    "passive-client-random": once((context) => passiveRandom(context, plan.randomEpochs)),
  };
}

const SUITES = [1, 2, 3, 4, 5, 6, 7];

/** Generates the files in order, each with its vectors. @throws Error for an unknown file */
export async function* generate(
  options: GenerateOptions,
): AsyncGenerator<{ readonly file: string; readonly vectors: readonly object[] }> {
  const { seed, suites = SUITES, full = false } = options;
  const plan = full ? FULL : SMALL;
  const root = new Source(seed);
  const generators = inSuites(plan);
  const wanted = options.files ?? [...Object.keys(generators), "deserialization", "tree-math"];
  for (const file of wanted) {
    const source = root.of(file);
    const vectorsOf = generators[file];
    if (vectorsOf !== undefined) {
      const vectors = [];
      for (const id of suites) {
        for await (const vector of vectorsOf((n) => contextOf(source.of(`suite ${id}, ${n}`), id)))
          vectors.push(vector);
      }
      yield { file, vectors };
    } else if (file === "deserialization") yield { file, vectors: vectorLengths(source) };
    else if (file === "tree-math") yield { file, vectors: plan.treeSizes.map(treeMath) };
    else throw new Error(`expected the name of a file of vectors, got ${file}`);
  }
}

/** Formats a file as JSON, one vector on each line. */
export function toJson(vectors: readonly object[]): string {
  return `[\n${vectors.map((vector) => JSON.stringify(vector)).join(",\n")}\n]\n`;
}
