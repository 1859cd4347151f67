// Finds and reads the MLS working group's test vectors, and counts which were run.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const fromRoot = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

const places = [
  process.env.MLS_TEST_VECTORS,
  fromRoot("test-vectors/mls"),
  fromRoot("../shared/vectors/mls"),
];

/** The folder that holds the working group's vectors, if there is one. */
export const vectorFolder: string | undefined = places.find(
  (place) => place !== undefined && existsSync(place),
);

/** The vectors of one file (without `.json`). */
export function readVectors<T>(file: string): T[] {
  if (vectorFolder === undefined)
    throw new Error("the working group's vectors are not here: see test-vectors/README.md");
  return JSON.parse(readFileSync(`${vectorFolder}/${file}.json`, "utf8")) as T[];
}

export const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));
export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
