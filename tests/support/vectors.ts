// Test vectors (RFC 9420), the working group's and our own: where they lie, and the tests that run each of them.
//
//   forEachVector<Vector>("treekem", async (vector, { name, provider, suite }, index) => { … });
//
// declares a block `treekem.json` with one test for each vector and each provider that serves its suite
// (./providers.ts), named "treekem, suite 3, webcrypto, 17". Vectors that a provider can't run are counted as
// skipped for it. forEachVectorOnce is the same for files whose vectors have no suite, and readVectors gives
// the bare vectors to tests of another shape, which aren't counted. All three may be called at the top of a
// test file or in a `describe`, also where there are none of the working group's vectors: then a skipped test
// says that they are missing, or, with MLS_VECTORS_REQUIRED=1, a failing one.
//
// The vectors of test-vectors/generated, which the project made itself, go through the same checks in a block
// `own treekem.json`: on every provider where the working group's file is missing, on the first one otherwise.
//
// What is counted: a vector when its test has passed. Workers append to files in the folder that
// MLS_VECTOR_COUNTS names, and tests/vectors/counts.ts prints the table at the end of the run.
//
// ./vector-folders.ts says where the vectors are looked for.
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import type { CipherSuiteProvider, CryptoProvider } from "@copse/core/provider";
import { beforeAll, describe, expect, it } from "vitest";
import { ownFolder, vectorFolder, wycheproofFolder } from "./vector-folders.js";

export { ownFolder, vectorFolder, wycheproofFolder };

/** Whether a missing file fails the tests. */
export const vectorsRequired: boolean = process.env.MLS_VECTORS_REQUIRED === "1";

/** A provider, as it serves the suite of a vector. */
export interface VectorProvider {
  readonly name: string;
  readonly provider: CryptoProvider;
  readonly suite: CipherSuiteProvider;
}

/** What is appended to the counts: `missing` stands for a whole file, the others for one vector. */
export interface Count {
  readonly file: string;
  /** Whether it is of the project's own files. */
  readonly own?: boolean;
  /** Absent for vectors without a suite, which no provider takes part in. */
  readonly suite?: number;
  readonly provider?: string;
  readonly outcome: "run" | "skipped" | "missing";
}

function count(counted: Count): void {
  const folder = process.env.MLS_VECTOR_COUNTS;
  if (folder === undefined) return;
  appendFileSync(`${folder}/${process.pid}.jsonl`, `${JSON.stringify(counted)}\n`);
}

/** Declares that vectors are missing. */
function reportMissing(file: string): void {
  count({ file, outcome: "missing" });
  const message = `${file}.json was NOT RUN: it is not here, see test-vectors/README.md`;
  if (!vectorsRequired) {
    it.skip(message, () => undefined);
    return;
  }
  it(`${file}.json is here`, () => {
    throw new Error(message);
  });
}

function parsed<T>(path: string): T[] {
  const vectors: unknown = JSON.parse(readFileSync(path, "utf8"));
  if (!Array.isArray(vectors) || vectors.length === 0) throw new Error(`${path} holds no vectors`);
  return vectors as T[];
}

/** The working group's vectors of one file, if it is here. */
export function workingGroupVectors<T>(file: string): T[] | undefined {
  const path = `${vectorFolder}/${file}.json`;
  return vectorFolder === undefined || !existsSync(path) ? undefined : parsed<T>(path);
}

/** The project's own vectors of one file. */
export const ownVectors = <T>(file: string): T[] => parsed<T>(`${ownFolder}/${file}.json`);

/**
 * The vectors of one file (without `.json`): the working group's, or if they aren't here, which is reported as a
 * test, the project's own.
 * @throws Error if the file is no list of at least one vector
 */
export function readVectors<T>(file: string): T[] {
  const vectors = workingGroupVectors<T>(file);
  if (vectors === undefined) reportMissing(file);
  return vectors ?? ownVectors<T>(file);
}

/** The vectors of a file: both sets, or the project's own alone. */
interface VectorSet<T> {
  readonly own: boolean;
  readonly name: string;
  readonly vectors: readonly T[];
}

function vectorSets<T>(file: string): VectorSet<T>[] {
  const theirs = workingGroupVectors<T>(file);
  const own = { own: true, name: `own ${file}`, vectors: ownVectors<T>(file) };
  return theirs === undefined ? [own] : [{ own: false, name: file, vectors: theirs }, own];
}

/** The seven suites of RFC 9420 §17.1. */
export const SUITES: readonly number[] = [1, 2, 3, 4, 5, 6, 7];

/**
 * How many vectors of a suite, from the first, a provider runs, where all would take minutes: those that compute with
 * P-521 or P-384 in JavaScript. node runs all.
 */
function atMost(provider: string, suite: number): number {
  const isCostly =
    provider === "hpke" ||
    (provider === "noble" && (suite === 5 || suite === 7)) ||
    (provider === "webcrypto" && suite === 5);
  return isCostly ? 2 : Number.POSITIVE_INFINITY;
}

/**
 * Declares a test for each vector of a file and each provider that serves its suite.
 * @param suites the suites that the working group's file must hold vectors of at least; all seven unless said
 *   otherwise. The project's own files hold vectors of all seven.
 */
export function forEachVector<T extends { cipher_suite: number }>(
  file: string,
  check: (vector: T, by: VectorProvider, index: number) => unknown,
  { suites = SUITES }: { suites?: readonly number[] } = {},
): void {
  const sets = vectorSets<T>(file);
  for (const { own, name, vectors } of sets) {
    describe(`${name}.json`, async () => {
      if (sets.length === 1) reportMissing(file);
      // Only now, so that tests that don't run vectors needn't load every provider.
      const { vectorProviders } = await import("./providers.js");
      const all = await vectorProviders();

      it("holds vectors of the suites it should", () => {
        const found = [...new Set(vectors.map((vector) => vector.cipher_suite))].sort();
        expect(found).toEqual(own ? SUITES : expect.arrayContaining([...suites]));
      });
      const skipped: Count[] = [];
      for (const provider of sets.length === 1 || !own ? all : all.slice(0, 1)) {
        for (const [index, vector] of vectors.entries()) {
          const counted = { file, own, suite: vector.cipher_suite, provider: provider.name };
          const before = vectors.slice(0, index).filter((one) => one.cipher_suite === vector.cipher_suite);
          const isServed = provider.suites.some(({ id }) => id === vector.cipher_suite);
          if (!isServed || before.length >= atMost(provider.name, vector.cipher_suite)) {
            skipped.push({ ...counted, outcome: "skipped" });
            continue;
          }
          it(`${name}, suite ${vector.cipher_suite}, ${provider.name}, ${index}`, async () => {
            const suite = provider.suite(vector.cipher_suite);
            await check(vector, { name: provider.name, provider, suite }, index);
            count({ ...counted, outcome: "run" });
          });
        }
      }
      beforeAll(() => skipped.forEach(count));
    });
  }
}

/** Declares a test for each vector of a file whose vectors have no suite. */
export function forEachVectorOnce<T>(file: string, check: (vector: T, index: number) => unknown): void {
  const sets = vectorSets<T>(file);
  for (const { own, name, vectors } of sets) {
    describe(`${name}.json`, () => {
      if (sets.length === 1) reportMissing(file);
      for (const [index, vector] of vectors.entries()) {
        it(`${name}, no suite, no provider, ${index}`, async () => {
          await check(vector, index);
          count({ file, own, outcome: "run" });
        });
      }
    });
  }
}
