// RFC 9420 §9.2: secrets are overwritten once they are used, and no consumed key can be derived again.

import { isZero, toHex, utf8 } from "@copse/test-support/bytes";
import { code } from "@copse/test-support/errors";
import { expandingBy } from "@copse/test-support/kdf";
import { describe, expect, it } from "vitest";
import { deriveSecret, deriveTreeSecrets, expandWithLabel } from "../../src/crypto/labelled.js";
import type { CipherSuiteProvider } from "../../src/provider/interface.js";
import type { PeekedKey } from "../../src/schedule/peeked-key.js";
import type { MessageKey } from "../../src/schedule/ratchet.js";
import { DEFAULT_RATCHET_LIMITS } from "../../src/schedule/ratchet-limits.js";
import { SecretTree } from "../../src/schedule/secret-tree.js";
import { later } from "./providers.js";
import { now, provider, remembering, secret, stateOf, tree } from "./secret-trees.js";

it("what was derived before a failure of the provider is overwritten", async () => {
  for (const late of [false, true]) {
    // Three steps down with two outputs each, two ratchets, and two generations passed over.
    for (let fails = 1; fails < 14; fails++) {
      const base = late ? later(provider) : provider;
      const derived: Uint8Array[] = [];
      let calls = 0;
      const failing: CipherSuiteProvider = {
        ...base,
        kdf: {
          ...expandingBy(base.kdf, base.kdf.expand),
          async expandAll(prk, requests) {
            if (calls++ === fails) throw new Error("the provider is gone");
            derived.push(prk);
            const outputs = await Promise.all(
              requests.map(({ info, length }) => base.kdf.expand(prk, info, length)),
            );
            derived.push(...outputs);
            return outputs;
          },
        },
      };
      const receiver = tree(8, {}, failing);
      const attempt = async () => receiver.peek(3, "application", 9);
      await expect(attempt()).rejects.toThrow("the provider is gone");
      expect(derived.length).toBeGreaterThan(2);
      expect(derived.filter((bytes) => !isZero(bytes))).toEqual([]);
    }
  }
});

/** Everything that can be derived from a saved tree, taking each place in it for each kind of secret. */
function reachable(saved: SecretTree, generations: number): Set<string> {
  const snapshot = Buffer.concat(saved.pieces.all().map(({ bytes }) => bytes));
  const found = new Set<string>();
  const ratchet = (start: Uint8Array, from: number) => {
    let current = start;
    for (let generation = from; generation < generations; generation++) {
      const outputs = [
        ["key", 16],
        ["secret", 32],
      ] as const;
      const [key, next] = now(deriveTreeSecrets(provider, current, generation, outputs));
      found.add(toHex(key as Uint8Array));
      current = next as Uint8Array;
    }
  };
  const leaf = (start: Uint8Array) => {
    ratchet(now(deriveSecret(provider, start, "application")), 0);
    ratchet(now(deriveSecret(provider, start, "handshake")), 0);
  };
  const node = (start: Uint8Array, depth: number) => {
    leaf(start);
    if (depth === 0) return;
    for (const side of ["left", "right"]) {
      node(now(expandWithLabel(provider, start, "tree", utf8(side), 32)), depth - 1);
    }
  };
  for (let at = 0; at + 16 <= snapshot.length; at++) {
    found.add(toHex(snapshot.subarray(at, at + 16)));
    if (at + 32 > snapshot.length) continue;
    const candidate = snapshot.slice(at, at + 32);
    node(candidate, 2);
    for (let from = 0; from < generations; from++) ratchet(candidate, from);
  }
  return found;
}

describe("no consumed key can be derived from a saved state", () => {
  const keys = [...sentIn4(5)].map(({ key }) => toHex(key));
  function sentIn4(count: number): MessageKey[] {
    const sender = tree(4);
    return Array.from({ length: count }, () => now(sender.next(3, "application")));
  }
  it("the search finds them where nothing is consumed", () => {
    const found = reachable(tree(4), 5);
    expect(keys.filter((key) => found.has(key))).toEqual(keys);
  });
  it("after messages out of order", () => {
    const receiver = tree(4);
    for (const generation of [3, 1]) now(receiver.peek(3, "application", generation)).consume();
    const found = reachable(receiver, 5);
    // Generations 0 and 2 are kept for messages that are late, 4 comes from the ratchet.
    expect(keys.map((key) => found.has(key))).toEqual([true, false, true, false, true]);
  });
  it("after sending", () => {
    const sender = tree(4);
    for (let i = 0; i < 3; i++) now(sender.next(3, "application"));
    const found = reachable(sender, 5);
    expect(keys.map((key) => found.has(key))).toEqual([false, false, false, true, true]);
  });
  it("after late consumption of what was peeked early", () => {
    const receiver = tree(4);
    const peeked = [0, 1, 2, 3].map((generation) => now(receiver.peek(3, "application", generation)));
    for (const i of [2, 3, 0]) (peeked[i] as PeekedKey).consume();
    (peeked[1] as PeekedKey).discard();
    const found = reachable(receiver, 5);
    expect(keys.map((key) => found.has(key))).toEqual([false, true, false, false, true]);
  });
});

describe("overwritten secrets", () => {
  it("the encryption secret is overwritten with the first key consumed, and not before", () => {
    const given = secret();
    const receiver = new SecretTree(provider, 8, given, DEFAULT_RATCHET_LIMITS);
    const peeked = now(receiver.peek(3, "application", 0));
    expect(given).toEqual(secret());
    peeked.consume();
    expect(given).toEqual(new Uint8Array(32));
    expect(peeked.key).toEqual(new Uint8Array(16));
    expect(peeked.nonce).toEqual(new Uint8Array(12));
  });
  it("every secret that was derived is overwritten, or is one that the state still holds", () => {
    const { recording, derived } = remembering();
    const receiver = tree(8, { maxSkipped: 2 }, recording);
    const leftOver = () => {
      const held = stateOf(receiver);
      return derived.filter((bytes) => !isZero(bytes) && !held.includes(toHex(bytes))).length;
    };
    for (const generation of [4, 3, 5]) {
      now(receiver.peek(3, "application", generation)).consume();
      expect(leftOver()).toBe(0);
    }
    now(receiver.peek(6, "handshake", 2)).discard();
    now(receiver.peek(3, "application", 9)).discard();
    expect(leftOver()).toBe(0);
    const early = [1, 0, 2].map((generation) => now(receiver.peek(1, "handshake", generation)));
    for (const peeked of early) peeked.consume();
    expect(leftOver()).toBe(0);
    // What was taken for sending is the caller's to overwrite.
    const { key, nonce } = now(receiver.next(5, "application"));
    key.fill(0);
    nonce.fill(0);
    expect(leftOver()).toBe(0);
    receiver.wipe();
    expect(derived.every(isZero)).toBe(true);
  });
  it("a wiped tree holds nothing and gives nothing", () => {
    const given = secret();
    const receiver = new SecretTree(provider, 8, given, DEFAULT_RATCHET_LIMITS);
    const peeked = now(receiver.peek(3, "application", 4));
    now(receiver.peek(2, "application", 4)).consume();
    receiver.wipe();
    expect(receiver.pieces.all()).toEqual([]);
    expect(() => peeked.consume()).toThrow(code("forgotten"));
    expect(receiver.pieces.all()).toEqual([]);
    for (const leaf of [2, 3]) {
      expect(() => receiver.peek(leaf, "application", 0)).toThrow(code("forgotten"));
      expect(() => receiver.next(leaf, "handshake")).toThrow(code("forgotten"));
    }
  });
});
