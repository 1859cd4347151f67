// RFC 9420 §7.3, §12.4.3.1: the set of a tree's keys, compared with counts in a Map.

import { randomFrom } from "@copse/test-support/random";
import { describe, expect, it } from "vitest";
import { KeySet } from "../../src/tree/key-set.js";

/** The `i`-th of many keys that differ. */
function keyOf(i: number): Uint8Array {
  const key = new Uint8Array(32);
  new DataView(key.buffer).setUint32(28, i);
  return key;
}

/** A set, and how often it must hold the key of each number. */
class Counted {
  private readonly counts = new Map<number, number>();
  private set = KeySet.of(() => []);

  change(removed: readonly number[], added: readonly number[]) {
    for (const i of removed) this.counts.set(i, Math.max(0, this.count(i) - 1));
    for (const i of added) this.counts.set(i, this.count(i) + 1);
    this.set = this.set.change(removed.map(keyOf), added.map(keyOf));
  }

  /** A copy that changes independently. */
  fork(): Counted {
    const fork = new Counted();
    for (const [i, count] of this.counts) fork.counts.set(i, count);
    fork.set = this.set;
    return fork;
  }

  private count(i: number): number {
    return this.counts.get(i) ?? 0;
  }

  check(below: number) {
    expect(this.set.hasRepeats).toBe([...this.counts.values()].some((count) => count > 1));
    const wrong = Array.from({ length: below }, (_, i) => i).filter(
      (i) => this.set.has(keyOf(i)) !== this.count(i) > 0,
    );
    expect(wrong).toEqual([]);
  }
}

describe("keys of a tree", () => {
  it("counts as a Map does, change by change", () => {
    const random = randomFrom(1);
    const some = (below: number) => Array.from({ length: random(below) }, () => random(60));
    const counted = new Counted();
    for (let round = 0; round < 400; round++) {
      counted.change(some(12), some(12));
      counted.check(60);
    }
  });

  it("holds many keys, until none is left", () => {
    const n = 40_000;
    const all = Array.from({ length: n }, (_, i) => i);
    const counted = new Counted();
    counted.change([], all);
    counted.check(n);
    counted.change([], [7]);
    counted.check(n);
    counted.change([7, ...all.filter((i) => i % 2 === 0)], []);
    counted.check(n);
    counted.change(all, all.slice(0, 3));
    counted.check(n);
  });

  it("tells keys apart by each byte and by their length, however long they are", () => {
    const long = new Uint8Array(300_000);
    const other = long.slice();
    other[299_999] = 1;
    const set = KeySet.of(() => [long, new Uint8Array(1), new Uint8Array(2)]);
    expect(
      [long, other, long.subarray(1), new Uint8Array(1), new Uint8Array()].map((key) => set.has(key)),
    ).toEqual([true, false, false, true, false]);
    expect(set.hasRepeats).toBe(false);
  });

  it("finds repeated keys in the list that it is made of", () => {
    const keys = () => [1, 2, 3, 2].map(keyOf);
    expect(KeySet.of(keys).hasRepeats).toBe(true);
    expect(KeySet.of(keys).change([keyOf(2)], []).hasRepeats).toBe(false);
    expect(
      KeySet.of(keys)
        .change([keyOf(2)], [])
        .has(keyOf(2)),
    ).toBe(true);
  });

  it("reads the keys that it is made of on the first question, and once", () => {
    let looked = 0;
    const make = () =>
      KeySet.of(() => {
        looked++;
        return [1, 2, 2].map(keyOf);
      });
    const [first, second, third] = [make(), make(), make()];
    expect(looked).toBe(0);
    expect([first.has(keyOf(2)), first.hasRepeats, first.has(keyOf(3))]).toEqual([true, true, false]);
    expect([second.hasRepeats, second.has(keyOf(1))]).toEqual([true, true]);
    const after = third.change([keyOf(2)], [keyOf(3)]);
    expect([after.hasRepeats, after.has(keyOf(3)), third.hasRepeats, third.has(keyOf(3))]).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect(looked).toBe(3);
  });

  it("leaves the set that is changed as it was", () => {
    const before = KeySet.of(() => [1, 2, 3].map(keyOf));
    before.change([keyOf(1)], [keyOf(2), keyOf(4)]);
    expect([1, 2, 3, 4].map((i) => before.has(keyOf(i)))).toEqual([true, true, true, false]);
    expect(before.hasRepeats).toBe(false);
  });

  it("answers for every set of a history with forks, whichever is asked", () => {
    const random = randomFrom(2);
    const some = () => Array.from({ length: random(6) }, () => random(30));
    const history = [new Counted()];
    for (let round = 0; round < 300; round++) {
      const fork = (history[random(history.length)] as Counted).fork();
      fork.change(some(), some());
      history.push(fork);
      (history[random(history.length)] as Counted).check(30);
    }
    for (const counted of history) counted.check(30);
    for (const counted of history.reverse()) counted.check(30);
  });
});
