// Inputs as data: a plan by its name, and the steps that change it. So an input means the same in another process,
// whose groups have other keys.
import { concat } from "../../packages/core/src/bytes.js";
import { changed, fromJson, isBytes, isFields, type Json, NoSuchPlace, type Path, partAt } from "./values.js";

/** Bytes cut out and put in, at an offset modulo the length. */
export interface ByteEdit {
  readonly offset: number;
  readonly cut: number;
  readonly put: string;
}

/** A change of one part of a plan. Indices are taken modulo the length of the list. */
export type Step = { readonly at: Path } & (
  | { readonly edit: "put"; readonly value: Json }
  /** A part of another plan. */
  | { readonly edit: "copy"; readonly plan: string; readonly from: Path }
  | ({ readonly edit: "bytes" } & ByteEdit)
  /** Bytes or a list, of another length: repeated or cut. */
  | { readonly edit: "size"; readonly length: number }
  /** A list of many items like the first, all different: what is done for each of them shows. */
  | { readonly edit: "many"; readonly length: number }
  | { readonly edit: "drop"; readonly index: number }
  | { readonly edit: "double"; readonly index: number; readonly times: number }
  | { readonly edit: "move"; readonly index: number; readonly to: number }
);

/** An input: a plan, the steps that change it, and edits of the encoded message. */
export interface Recipe {
  readonly plan: string;
  readonly steps: readonly Step[];
  readonly bytes: readonly ByteEdit[];
}

/** The largest list or byte string that a step makes. */
const MAX_LENGTH = 200_000;

export function editBytes(bytes: Uint8Array, { offset, cut, put }: ByteEdit): Uint8Array {
  const at = offset % (bytes.length + 1);
  return concat(bytes.subarray(0, at), Buffer.from(put, "hex"), bytes.subarray(at + cut));
}

function resized(part: unknown, length: number): unknown {
  const size = Math.min(length, MAX_LENGTH);
  if (isBytes(part)) {
    const bytes = new Uint8Array(size);
    for (let i = 0; i < size; i++) bytes[i] = part[i % (part.length || 1)] ?? 0;
    return bytes;
  }
  if (!Array.isArray(part) || part.length === 0) throw new NoSuchPlace();
  return Array.from({ length: size }, (_, i) => part[i % part.length]);
}

/** A part like another: with another number, or another end, in the first place that has one. */
function variant(part: unknown, i: number): unknown {
  if (typeof part === "number") return i;
  if (typeof part === "bigint") return BigInt(i);
  if (isBytes(part)) return concat(part, Uint8Array.of(i >> 16, i >> 8, i));
  if (Array.isArray(part)) return part.map((item, at) => (at === 0 ? variant(item, i) : item));
  if (!isFields(part)) return part;
  // The tag of a variant stays.
  const key = Object.keys(part).find((name) => !/type$/i.test(name) || name === "extensionType");
  return key === undefined ? part : { ...part, [key]: variant(part[key], i) };
}

function list(part: unknown): unknown[] {
  if (!Array.isArray(part) || part.length === 0) throw new NoSuchPlace();
  return [...part];
}

function editPart(part: unknown, step: Step, plans: ReadonlyMap<string, unknown>): unknown {
  switch (step.edit) {
    case "put":
      return fromJson(step.value);
    case "copy":
      return partAt(plans.get(step.plan), step.from);
    case "bytes":
      if (!isBytes(part)) throw new NoSuchPlace();
      return editBytes(part, step);
    case "size":
      return resized(part, step.length);
    case "many": {
      const [first] = list(part);
      return Array.from({ length: Math.min(step.length, MAX_LENGTH) }, (_, i) => variant(first, i));
    }
    case "drop": {
      const items = list(part);
      items.splice(step.index % items.length, 1);
      return items;
    }
    case "double": {
      const items = list(part);
      const index = step.index % items.length;
      const times = Math.min(step.times, MAX_LENGTH);
      return [...items.slice(0, index), ...Array(times).fill(items[index]), ...items.slice(index)];
    }
    case "move": {
      const items = list(part);
      const [item] = items.splice(step.index % items.length, 1);
      items.splice(step.to % (items.length + 1), 0, item);
      return items;
    }
  }
}

/** The plan after the steps. A step whose place isn't there does nothing. */
export function applySteps(plans: ReadonlyMap<string, unknown>, { plan, steps }: Recipe): unknown {
  let value = plans.get(plan);
  if (value === undefined) throw new Error(`there is no plan "${plan}"`);
  for (const step of steps) {
    try {
      value = changed(value, step.at, (part) => editPart(part, step, plans));
    } catch (error) {
      if (!(error instanceof NoSuchPlace)) throw error;
    }
  }
  return value;
}
