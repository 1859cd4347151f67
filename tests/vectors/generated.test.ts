// The project's own vectors are what the generator makes of their seed, and have the form of the working group's.
import { readFileSync } from "node:fs";
import { ownFolder, ownVectors, workingGroupVectors } from "@copse/test-support/vectors";
import { describe, expect, it } from "vitest";
import { generate, toJson } from "../../test-vectors/generator/generate.js";

const list = new URL("../../test-vectors/checksums.json", import.meta.url);
const { sha256 } = JSON.parse(readFileSync(list, "utf8")) as { sha256: Record<string, string> };
const FILES = Object.keys(sha256).map((name) => name.replace(".json", ""));

type Vector = { readonly cipher_suite?: number; readonly mls_welcome?: string };

/** The suite of a vector; of a vector of messages, that of its Welcome. None for the files that have no suites. */
function suiteOf({ cipher_suite, mls_welcome }: Vector): number | undefined {
  return mls_welcome === undefined ? cipher_suite : Number.parseInt(mls_welcome.slice(8, 12), 16);
}

async function made(seed: string, file: string, suites: readonly number[]): Promise<readonly object[]> {
  for await (const { vectors } of generate({ seed, files: [file], suites })) return vectors;
  throw new Error("nothing was made");
}

// The costly curves only where there are few keys: `npm run vectors:generate` makes all of them again.
const CHEAP = ["crypto-basics", "key-schedule", "psk_secret", "secret-tree", "transcript-hashes"];
const suitesOf = (file: string) => (CHEAP.includes(file) ? [1, 2, 3, 4, 5, 6, 7] : [1, 2, 3]);

describe("the checked-in vectors are what the generator makes of the same seed (or run vectors:generate)", () => {
  it.each(FILES)("%s", async (file) => {
    const suites = suitesOf(file);
    const expected = ownVectors<Vector>(file).filter((vector) => {
      const suite = suiteOf(vector);
      return suite === undefined || suites.includes(suite);
    });
    const generated = toJson(await made("copse", file, suites));
    // The order of random draws is part of what is fixed: if it changed on purpose, run npm run vectors:generate.
    expect(generated === toJson(expected), `${file}.json is what npm run vectors:generate makes`).toBe(true);
  });

  it("every file holds all seven suites, and all of them together are small", () => {
    let size = 0;
    for (const file of FILES) {
      size += readFileSync(`${ownFolder}/${file}.json`).length;
      const suites = [...new Set(ownVectors<Vector>(file).map(suiteOf))].sort();
      if (suites[0] !== undefined) expect(suites, file).toEqual([1, 2, 3, 4, 5, 6, 7]);
    }
    expect(size).toBeLessThan(1_500_000);
  });

  it("another seed makes other vectors", async () => {
    const seeds = await Promise.all(["copse", "another"].map((seed) => made(seed, "psk_secret", [1])));
    expect(seeds[0]?.[1]).not.toEqual(seeds[1]?.[1]);
  });
});

/** What the values of a file are, all vectors taken together. */
interface Shape {
  readonly kinds: Set<string>;
  readonly fields: Map<string, Shape>;
  items: Shape | undefined;
}

const shapeless = (): Shape => ({ kinds: new Set(), fields: new Map(), items: undefined });

function see(shape: Shape, value: unknown): void {
  if (value === null) shape.kinds.add("null");
  else if (Array.isArray(value)) {
    shape.kinds.add("array");
    shape.items ??= shapeless();
    for (const item of value) see(shape.items, item);
  } else if (typeof value === "object") {
    shape.kinds.add("object");
    for (const [name, field] of Object.entries(value as object)) {
      const known = shape.fields.get(name) ?? shapeless();
      shape.fields.set(name, known);
      see(known, field);
    }
    // A field that only some have is another form than one that all have.
    shape.kinds.add(`object of ${Object.keys(value as object).length} fields`);
  } else if (typeof value === "string") {
    shape.kinds.add(/^([0-9a-f]{2})*$/.test(value) ? "hex" : "text");
  } else shape.kinds.add(Number.isSafeInteger(value) ? "integer" : typeof value);
}

// The three files of passive clients have one form, of which the working group's each show a part.
const FORMS = new Map<string, string[]>();
for (const file of FILES) {
  const form = file.startsWith("passive-client") ? "passive-client" : file;
  FORMS.set(form, [...(FORMS.get(form) ?? []), file]);
}

describe("the checked-in vectors have the form of the working group's", () => {
  for (const [form, files] of FORMS) {
    it.skipIf(files.some((file) => workingGroupVectors(file) === undefined))(form, () => {
      const expected = shapeless();
      const found = shapeless();
      for (const file of files) {
        see(expected, workingGroupVectors(file));
        see(found, ownVectors(file));
      }
      expect(found).toEqual(expected);
    });
  }
});
