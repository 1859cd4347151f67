// Finds: made smaller, written as files, and played again.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fromRoot } from "../../tests/support/files.js";
import { tryOut } from "./bounds.js";
import type { Find } from "./fuzzer.js";
import type { ByteEdit, Recipe, Step } from "./steps.js";
import type { Target } from "./target.js";

const FOLDER = fromRoot("fuzz/finds");

/** A find as a file has it. */
export interface SavedFind extends Find {
  readonly suite: number;
}

/** How long to look for a smaller input, in milliseconds. */
const PATIENCE = 10_000;

/** Fewer steps and smaller values that show the same problem. */
export async function minimise(target: Target, { problem, recipe }: Find): Promise<Recipe> {
  let best = recipe;
  const end = performance.now() + PATIENCE;
  const shows = async (candidate: Recipe): Promise<boolean> => {
    if (performance.now() > end) return false;
    return (await tryOut(target, candidate))?.problem === problem;
  };
  for (let size = -1; size !== sizeOf(best); ) {
    size = sizeOf(best);
    for (const candidate of smaller(best)) {
      if (sizeOf(candidate) < sizeOf(best) && (await shows(candidate))) best = candidate;
    }
  }
  return best;
}

const sizeOf = (recipe: Recipe): number => JSON.stringify(recipe).length;

function* smaller(recipe: Recipe): Generator<Recipe> {
  const { steps, bytes } = recipe;
  for (let i = 0; i < steps.length; i++) yield { ...recipe, steps: steps.filter((_, j) => j !== i) };
  for (let i = 0; i < bytes.length; i++) yield { ...recipe, bytes: bytes.filter((_, j) => j !== i) };
  for (const [i, step] of steps.entries()) {
    for (const one of smallerStep(step))
      yield { ...recipe, steps: steps.map((old, j) => (j === i ? one : old)) };
  }
  for (const [i, edit] of bytes.entries()) {
    for (const one of smallerEdit(edit))
      yield { ...recipe, bytes: bytes.map((old, j) => (j === i ? one : old)) };
  }
}

function* smallerStep(step: Step): Generator<Step> {
  if (step.edit === "bytes") yield* smallerEdit(step);
  if (step.edit === "double") yield { ...step, times: step.times >> 1 };
  if (step.edit === "size" || step.edit === "many") yield { ...step, length: step.length >> 1 };
  if (step.edit !== "put" || typeof step.value !== "object" || step.value === null) return;
  if ("hex" in step.value && typeof step.value.hex === "string") {
    const { hex } = step.value;
    for (let length = hex.length >> 1; length >= 2; length >>= 1) {
      for (let at = 0; at < hex.length; at += length) {
        yield {
          ...step,
          value: { hex: hex.slice(0, at - (at % 2)) + hex.slice(at - (at % 2) + length - (length % 2)) },
        };
      }
    }
  }
}

function* smallerEdit<T extends ByteEdit>(edit: T): Generator<T> {
  if (edit.put.length > 2) yield { ...edit, put: edit.put.slice(2) };
  if (edit.put.length > 2) yield { ...edit, put: edit.put.slice(0, -2) };
  if (edit.cut > 0) yield { ...edit, cut: edit.cut >> 1 };
}

/** Writes a find, and returns the path of its file. */
export function saveFind(find: SavedFind, folder = FOLDER): string {
  const name = `${find.target}-${createHash("sha256").update(find.problem).digest("hex").slice(0, 10)}.json`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/${name}`, `${JSON.stringify(find, null, 2)}\n`);
  return `${folder}/${name}`;
}

/** A find, from its file. */
export function readFind(path: string): SavedFind {
  return JSON.parse(readFileSync(path, "utf8")) as SavedFind;
}

/** All finds that were kept. */
export function savedFinds(): (SavedFind & { readonly file: string })[] {
  return (existsSync(FOLDER) ? readdirSync(FOLDER) : [])
    .filter((file) => file.endsWith(".json"))
    .map((file) => ({ file, ...readFind(`${FOLDER}/${file}`) }));
}
