// New inputs from known ones: one more step, one less, another part, or the steps of two of them.
import type { ByteEdit, Recipe, Step } from "./steps.js";
import { isBytes, isFields, kindsOf, type Path, type Place, placesIn, toJson } from "./values.js";

/** Random integers from 0 to below a number. */
export type Random = (below: number) => number;

const pick = <T>(random: Random, list: readonly T[]): T => list[random(list.length)] as T;

const NUMBERS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 0x0a0a, 0x7f, 0x80, 0xff, 0x100, 0xf001, 0x7fff, 0xffff, 0x10000];
const LARGE_NUMBERS = [0x7fffffff, 0x80000000, 0xffffffff];
const BIG_NUMBERS = [0n, 1n, 2n, 0xffffffffn, 1n << 32n, (1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 1n];
const LENGTHS = [0, 1, 2, 31, 32, 33, 48, 63, 64, 65, 96, 255, 256, 1000, 16383, 16384];
const TIMES = [1, 1, 1, 2, 2, 3, 8, 100];
const MAX_STEPS = 10;

/** Where parts come from that stand in for others: by their kind. */
interface Donor {
  readonly plan: string;
  readonly path: Path;
}

/** Makes inputs from the plans of a target and parts of others. */
export class Mutator {
  readonly #random: Random;
  readonly #places = new Map<string, readonly Place[]>();
  readonly #donors = new Map<string, Donor[]>();
  /** Parts of structures that aren't plans: of test vectors, which may be missing elsewhere. */
  readonly #foreign = new Map<string, unknown[]>();

  constructor(plans: ReadonlyMap<string, unknown>, foreign: readonly unknown[], random: Random) {
    this.#random = random;
    for (const [plan, value] of plans) {
      const places = placesIn(value);
      this.#places.set(plan, places);
      for (const place of places) {
        for (const kind of kindsOf(place)) listIn(this.#donors, kind).push({ plan, path: place.path });
      }
    }
    for (const value of foreign) {
      for (const place of placesIn(value, 300)) {
        for (const kind of kindsOf(place)) listIn(this.#foreign, kind).push(place.value);
      }
    }
  }

  /** An input near to one that is known; `other` may lend its steps. */
  next(known: Recipe, other: Recipe): Recipe {
    const random = this.#random;
    let { steps, bytes } = known;
    if (other.plan === known.plan && random(8) === 0) {
      steps = [
        ...steps.slice(0, random(steps.length + 1)),
        ...other.steps.slice(random(other.steps.length + 1)),
      ];
      bytes = random(2) === 0 ? bytes : other.bytes;
    }
    if (steps.length > 0 && random(6) === 0) steps = without(steps, random(steps.length));
    if (bytes.length > 0 && random(3) === 0) bytes = without(bytes, random(bytes.length));
    for (let more = 1 + (random(3) === 0 ? random(3) : 0); more > 0; more--) {
      if (random(7) === 0) bytes = [...bytes, this.#byteEdit()];
      else steps = [...steps, this.#step(known.plan)];
    }
    return { plan: known.plan, steps: steps.slice(-MAX_STEPS), bytes: bytes.slice(-4) };
  }

  #byteEdit(): ByteEdit {
    const random = this.#random;
    // Before a length below 64, this makes one that isn't minimal.
    if (random(6) === 0) return { offset: random(random(2) === 0 ? 12 : 600), cut: 0, put: "40" };
    const length = pick(random, [0, 1, 1, 1, 2, 4, 8]);
    const put = Array.from({ length }, () => pick(random, [0, 1, 0x40, 0x7f, 0x80, 0xbf, 0xff, random(256)]));
    return {
      offset: random(random(4) === 0 ? 12 : 4000),
      cut: random(3) === 0 ? random(40) : length,
      put: Buffer.from(put).toString("hex"),
    };
  }

  #step(plan: string): Step {
    const random = this.#random;
    if (random(40) === 0) {
      const lists = (this.#places.get(plan) ?? []).filter(
        ({ value }) => Array.isArray(value) && value.length > 0,
      );
      if (lists.length > 0)
        return { at: pick(random, lists).path, edit: "many", length: 1 << (8 + random(8)) };
    }
    const places = this.#places.get(plan) as readonly Place[];
    // Lists are few, and most that goes wrong begins in one.
    const lists = random(4) === 0 ? places.filter(({ value }) => Array.isArray(value)) : [];
    const place = pick(random, lists.length > 0 ? lists : places);
    const { path: at, value } = place;
    if (random(4) === 0) {
      const step = this.#standIn(place);
      if (step !== undefined) return step;
    }
    if (typeof value === "number") return { at, edit: "put", value: this.#number(value) };
    if (typeof value === "bigint") return { at, edit: "put", value: toJson(this.#bigint(value)) };
    if (isBytes(value)) {
      if (random(3) === 0) return { at, edit: "size", length: this.#length(value.length) };
      return { at, edit: "bytes", ...this.#byteEdit() };
    }
    if (Array.isArray(value)) return this.#listStep(at, value.length);
    if (isFields(value) && random(3) > 0) return this.#step(plan);
    return this.#standIn(place) ?? { at, edit: "put", value: toJson(undefined) };
  }

  #listStep(at: Path, length: number): Step {
    const random = this.#random;
    const index = random(length || 1);
    switch (random(5)) {
      case 0:
        return { at, edit: "drop", index };
      case 1:
        return { at, edit: "double", index, times: pick(random, TIMES) };
      case 2:
        return { at, edit: "move", index, to: random(length || 1) };
      case 3:
        return { at, edit: "size", length: random(length + 2) };
      default:
        return { at, edit: "double", index, times: 1 };
    }
  }

  /** A part of the same kind, of a plan or from elsewhere. */
  #standIn(place: Place): Step | undefined {
    const random = this.#random;
    const kind = pick(random, kindsOf(place));
    const foreign = this.#foreign.get(kind);
    if (foreign !== undefined && random(3) === 0) {
      return { at: place.path, edit: "put", value: toJson(pick(random, foreign)) };
    }
    const donors = this.#donors.get(kind);
    if (donors === undefined) return undefined;
    const { plan, path } = pick(random, donors);
    return { at: place.path, edit: "copy", plan, from: path };
  }

  #number(now: number): number {
    const random = this.#random;
    if (random(3) === 0) return Math.max(0, now + pick(random, [-1, 1, 2, -2]));
    return pick(random, random(4) === 0 ? LARGE_NUMBERS : NUMBERS);
  }

  #bigint(now: bigint): bigint {
    const random = this.#random;
    const near = now + pick(random, [-1n, 1n, 2n]);
    return random(2) === 0 && near >= 0n ? near : pick(random, BIG_NUMBERS);
  }

  #length(now: number): number {
    const random = this.#random;
    if (random(60) === 0) return 1 << (10 + random(7));
    return random(2) === 0 ? Math.max(0, now + pick(random, [-1, 1])) : pick(random, LENGTHS);
  }
}

function listIn<T>(map: Map<string, T[]>, key: string): T[] {
  let found = map.get(key);
  if (found === undefined) {
    found = [];
    map.set(key, found);
  }
  return found;
}

function without<T>(list: readonly T[], index: number): T[] {
  return list.filter((_, i) => i !== index);
}
