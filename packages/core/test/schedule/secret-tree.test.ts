// RFC 9420 §9: the order of messages, limits, asynchronous providers and saved states.

import { toHex } from "@copse/test-support/bytes";
import { code } from "@copse/test-support/errors";
import { expandingBy } from "@copse/test-support/kdf";
import { nodeSuite } from "@copse/test-support/providers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MlsError } from "../../src/errors.js";
import type { CipherSuiteProvider } from "../../src/provider/interface.js";
import type { PeekedKey } from "../../src/schedule/peeked-key.js";
import type { MessageKey } from "../../src/schedule/ratchet.js";
import { DEFAULT_RATCHET_LIMITS, HANDSHAKE_GENERATIONS } from "../../src/schedule/ratchet-limits.js";
import { SecretTree } from "../../src/schedule/secret-tree.js";
import { ratchetsPiece, savePiece } from "../../src/schedule/secret-tree-state.js";
import { counting, failing, later } from "./providers.js";
import { now, provider, reloaded, same, sent, stateOf, tree } from "./secret-trees.js";

describe("order", () => {
  it("messages may arrive in any order, each of them once", () => {
    const keys = sent(12);
    fc.assert(
      fc.property(fc.shuffledSubarray([...keys.keys()], { minLength: 12 }), (order) => {
        const receiver = tree();
        for (const generation of order) {
          const peeked = now(receiver.peek(3, "application", generation));
          same(peeked, keys[generation]);
          peeked.consume();
          expect(() => receiver.peek(3, "application", generation)).toThrow(code("duplicate"));
        }
      }),
      { numRuns: 50 },
    );
  });
  it("goes on from a saved state at any point", () => {
    const keys = sent(9);
    let receiver = tree();
    for (const generation of [4, 1, 0, 8, 6, 2, 7, 3, 5]) {
      receiver = reloaded(receiver);
      const peeked = now(receiver.peek(3, "application", generation));
      same(peeked, keys[generation]);
      peeked.consume();
    }
    receiver = reloaded(receiver);
    for (let generation = 0; generation < 9; generation++) {
      expect(() => receiver.peek(3, "application", generation)).toThrow(code("duplicate"));
    }
  });
  it("senders and kinds don't share keys, and can be used in any order", () => {
    const seen = new Set<string>();
    const first = tree(16);
    const second = tree(16);
    const found = new Map<number, string>();
    for (let leaf = 0; leaf < 16; leaf++) {
      for (const kind of ["application", "handshake"] as const) {
        const { key } = now(first.next(leaf, kind));
        seen.add(toHex(key));
        if (kind === "application") found.set(leaf, toHex(key));
      }
    }
    expect(seen.size).toBe(32);
    for (const leaf of [9, 3, 15, 0, 8, 7, 1, 2, 14, 4, 5, 13, 6, 12, 10, 11]) {
      expect(toHex(now(second.next(leaf, "application")).key)).toBe(found.get(leaf));
    }
  });
  it("works in a tree of one leaf, and of 2^31", () => {
    for (const width of [1, 2 ** 31]) {
      const [a, b] = [tree(width), tree(width)];
      const last = width - 1;
      const peeked = now(a.peek(last, "handshake", 0));
      same(peeked, now(b.next(last, "handshake")));
      const saved = reloaded(a, {}, width);
      same(now(saved.peek(last, "handshake", 0)), { generation: 0, ...peeked });
    }
  });
});

describe("peek", () => {
  it("changes nothing until consume, and discard leaves the tree as it was", () => {
    const receiver = tree();
    const before = stateOf(receiver);
    for (const generation of [0, 5, 999]) {
      const peeked = now(receiver.peek(3, "application", generation));
      expect(stateOf(receiver)).toBe(before);
      peeked.discard();
      expect(stateOf(receiver)).toBe(before);
      expect(toHex(peeked.key)).toMatch(/^0+$/);
      expect(() => peeked.consume()).toThrow(code("duplicate"));
    }
    same(now(receiver.peek(3, "application", 0)), sent(1)[0]);
  });
  it("gives a copy of a skipped key: refusing a forgery doesn't lose the key", () => {
    const receiver = tree();
    now(receiver.peek(3, "application", 2)).consume();
    now(receiver.peek(3, "application", 1)).discard();
    same(now(receiver.peek(3, "application", 1)), sent(2)[1]);
  });
  it("leaves a ratchet that is already in use as it was", () => {
    const keys = sent(8);
    const receiver = tree();
    now(receiver.peek(3, "application", 1)).consume();
    const before = stateOf(receiver);
    for (const generation of [2, 6, 0]) {
      const peeked = now(receiver.peek(3, "application", generation));
      expect(stateOf(receiver)).toBe(before);
      peeked.discard();
      expect(stateOf(receiver)).toBe(before);
    }
    for (const generation of [6, 2, 0]) {
      const peeked = now(receiver.peek(3, "application", generation));
      same(peeked, keys[generation]);
      peeked.consume();
    }
  });
  it("consumes a generation once, however many have peeked at it", () => {
    const receiver = tree();
    for (const generation of [0, 3, 1]) {
      const peeked = [1, 2, 3].map(() => now(receiver.peek(3, "application", generation)));
      (peeked[1] as PeekedKey).consume();
      const after = stateOf(receiver);
      expect(() => (peeked[0] as PeekedKey).consume()).toThrow(code("duplicate"));
      expect(() => (peeked[1] as PeekedKey).consume()).toThrow(code("duplicate"));
      (peeked[2] as PeekedKey).discard();
      expect(stateOf(receiver)).toBe(after);
    }
  });
  it("allows to consume late what was peeked early, in any order, and brings no consumed key back", () => {
    const keys = sent(8);
    fc.assert(
      fc.property(fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6, 7], { minLength: 8 }), (order) => {
        const receiver = tree();
        const others = [0, 2, 7].map((leaf) => now(receiver.peek(leaf, "handshake", 1)));
        const peeked = keys.map((_, generation) => now(receiver.peek(3, "application", generation)));
        const reference = tree();
        for (const generation of order) {
          (peeked[generation] as PeekedKey).consume();
          now(reference.peek(3, "application", generation)).consume();
        }
        for (const [i, leaf] of [0, 2, 7].entries()) {
          (others[i] as PeekedKey).consume();
          now(reference.peek(leaf, "handshake", 1)).consume();
        }
        for (const generation of order) {
          expect(() => receiver.peek(3, "application", generation)).toThrow(code("duplicate"));
        }
        for (const [leaf, kind] of [
          [1, "handshake"],
          [3, "application"],
          [6, "application"],
        ] as const) {
          const { key, nonce } = now(reference.peek(leaf, kind, 8));
          same(now(receiver.peek(leaf, kind, 8)), { generation: 8, key, nonce });
        }
      }),
      { numRuns: 30 },
    );
  });
  it("leaves the tree unchanged when the provider fails at any point", () => {
    for (let from = 0; from < 20; from++) {
      const receiver = tree(8, {}, failing(provider, from));
      const before = stateOf(receiver);
      expect(() => receiver.peek(3, "application", 3)).toThrow("the provider is gone");
      expect(stateOf(receiver)).toBe(before);
      if (from < 11) {
        expect(() => receiver.next(3, "application")).toThrow("the provider is gone");
        expect(stateOf(receiver)).toBe(before);
      }
    }
  });
});

describe("limits", () => {
  it("a generation beyond the limit costs nothing, the last possible one included", () => {
    const { provider: counted, take } = counting(provider);
    const receiver = tree(1024, {}, counted);
    for (const generation of [1001, 2 ** 31, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER, Number.NaN]) {
      expect(() => receiver.peek(3, "application", generation)).toThrow(code("limit"));
    }
    expect(take()).toEqual({});
    now(receiver.peek(3, "application", 1000)).consume();
    take();
    expect(() => receiver.peek(3, "application", 2002)).toThrow(code("limit"));
    expect(take()).toEqual({});
  });
  it("a ratchet keeps at most maxSkipped skipped keys, and drops the oldest first", () => {
    const receiver = tree(8, { maxSkipped: 3 });
    now(receiver.peek(3, "application", 5)).consume();
    for (const gone of [0, 1]) {
      expect(() => receiver.peek(3, "application", gone)).toThrow(code("forgotten"));
    }
    expect(() => receiver.peek(3, "application", 5)).toThrow(code("duplicate"));
    const keys = sent(10);
    same(now(receiver.peek(3, "application", 2)), keys[2]);
    now(receiver.peek(3, "application", 7)).consume();
    expect(() => receiver.peek(3, "application", 2)).toThrow(code("forgotten"));
    for (const kept of [3, 4, 6]) same(now(receiver.peek(3, "application", kept)), keys[kept]);
  });
  it("keys that wouldn't be kept aren't derived", () => {
    const { provider: counted, take } = counting(provider);
    const receiver = tree(1, { maxSkipped: 10 }, counted);
    now(receiver.peek(0, "application", 500)).consume();
    // Before the message is authenticated: two ratchets from the leaf, 501 secrets, one key and nonce.
    const first = 2 + 501 + 2;
    // After it: the same way again, with key and nonce for 11.
    expect(take()).toEqual({ expand: first + 2 + 501 + 22 });
  });
  it("no key is kept if the limit is 0", () => {
    const receiver = tree(8, { maxSkipped: 0 });
    now(receiver.peek(3, "application", 2)).consume();
    for (const gone of [0, 1]) expect(() => receiver.peek(3, "application", gone)).toThrow(code("forgotten"));
    expect(() => receiver.peek(3, "application", 2)).toThrow(code("duplicate"));
    same(now(receiver.peek(3, "application", 3)), sent(4)[3]);
  });
  it("the tree keeps at most maxSkippedTotal keys, and the ratchets that hold most lose their oldest first", () => {
    const receiver = tree(8, { maxSkippedTotal: 8 });
    for (const leaf of [1, 2, 3]) now(receiver.peek(leaf, "application", 4)).consume();
    const left = (leaf: number) =>
      [0, 1, 2, 3].filter((generation) => {
        try {
          now(receiver.peek(leaf, "application", generation)).discard();
          return true;
        } catch {
          return false;
        }
      });
    expect([1, 2, 3].map(left)).toEqual([
      [2, 3],
      [2, 3],
      [0, 1, 2, 3],
    ]);
    now(receiver.peek(2, "application", 2)).consume();
    now(receiver.peek(4, "application", 3)).consume();
    expect([1, 2, 3, 4].map(left)).toEqual([[2, 3], [3], [2, 3], [0, 1, 2]]);
    // The limits given on loading apply at once.
    const loaded = reloaded(receiver, { maxSkippedTotal: 2 });
    expect(stateOf(loaded).length).toBeLessThan(stateOf(receiver).length - 2 * 5 * (16 + 12));
  });
  it("members who skip many generations crowd out the late keys of one who skips few", () => {
    const receiver = tree(16);
    now(receiver.peek(3, "application", 1)).consume();
    for (let leaf = 4; leaf < 16; leaf++) now(receiver.peek(leaf, "application", 1000)).consume();
    same(now(receiver.peek(3, "application", 0)), now(tree(16).next(3, "application")));
  });
  it("a ratchet ends with generation 2^32 - 1", () => {
    const ratchet = (number: number) => ({
      number,
      generation: 2 ** 32 - 1,
      secret: new Uint8Array(32).fill(5),
      skipped: new Map(),
      forgotten: 0,
    });
    const name = ratchetsPiece(0);
    const ratchets = { handshake: ratchet(1), application: ratchet(0) };
    const bytes = savePiece({ width: 1, nodes: new Map(), senders: new Map([[0, ratchets]]) }, name);
    let last = SecretTree.load(provider, { width: 1 }, [{ name, bytes: bytes as Uint8Array }]);
    expect(now(last.next(0, "application")).generation).toBe(2 ** 32 - 1);
    last = reloaded(last, {}, 1);
    expect(() => last.next(0, "application")).toThrow(code("limit"));
    expect(() => last.peek(0, "application", 2 ** 32 - 1)).toThrow(code("duplicate"));
  });

  it("how many handshakes a member sends, and which of them can be read, doesn't depend on a client's limits", () => {
    const strict = { maxForward: 0, maxSkipped: 0, maxSkippedTotal: 0 };
    const [sender, receiver] = [tree(8), tree(8, strict)];
    for (let i = 0; i < HANDSHAKE_GENERATIONS; i++) now(sender.next(2, "handshake"));
    expect(() => sender.next(2, "handshake")).toThrow(code("limit"));
    expect(now(sender.next(2, "handshake", true)).generation).toBe(HANDSHAKE_GENERATIONS);
    now(receiver.peek(2, "handshake", HANDSHAKE_GENERATIONS - 1)).consume();
    for (const skipped of [0, 500, HANDSHAKE_GENERATIONS - 2]) {
      now(receiver.peek(2, "handshake", skipped)).consume();
    }
    expect(() => receiver.peek(2, "handshake", HANDSHAKE_GENERATIONS)).toThrow(code("limit"));
    const restored = reloaded(receiver, strict);
    now(restored.peek(2, "handshake", 1)).consume();
  });

  it("refuses leaves outside of the tree and widths that no tree has", () => {
    expect(() => tree(8).peek(8, "application", 0)).toThrow(code("unknown-sender"));
    expect(() => tree(8).next(2 ** 32 - 1, "application")).toThrow(code("unknown-sender"));
    for (const width of [0, 3, 6, 2 ** 32, 1.5, -2]) expect(() => tree(width)).toThrow(code("usage"));
    expect(() => new SecretTree(provider, 2, new Uint8Array(31), DEFAULT_RATCHET_LIMITS)).toThrow(
      code("usage"),
    );
  });
});

describe("cost", () => {
  it("a new sender costs O(log n), a message of a known one three expansions", () => {
    const { provider: counted, take } = counting(provider);
    const large = tree(2 ** 17, {}, counted);
    now(large.next(70_000, "application"));
    expect(take()).toEqual({ expand: 2 * 17 + 2 + 3 });
    now(large.next(70_000, "application"));
    expect(take()).toEqual({ expand: 3 });
    now(large.next(70_000, "handshake"));
    expect(take()).toEqual({ expand: 3 });
    now(large.next(70_001, "application"));
    expect(take()).toEqual({ expand: 2 + 3 });
    now(large.peek(70_001, "application", 1)).consume();
    expect(take()).toEqual({ expand: 3 });
  });
});

describe("an asynchronous provider", () => {
  it("gives the same keys", async () => {
    const slow = tree(8, {}, later(provider));
    const keys = sent(6);
    for (const generation of [5, 0, 3]) {
      const peeked = await slow.peek(3, "application", generation);
      same(peeked, keys[generation]);
      peeked.consume();
    }
    const fast = tree();
    for (const generation of [5, 0, 3]) now(fast.peek(3, "application", generation)).consume();
    expect(stateOf(slow)).toBe(stateOf(fast));
  });
  it("never gives one key to two messages sent at once", async () => {
    const slow = tree(8, {}, later(provider));
    const at = [1, 6, 1, 1, 6, 1];
    const keys = await Promise.all(at.map((leaf) => slow.next(leaf, "application")));
    const generationsOf = (leaf: number) =>
      keys.flatMap(({ generation }, i) => (at[i] === leaf ? [generation] : [])).sort();
    expect(generationsOf(1)).toEqual([0, 1, 2, 3]);
    expect(generationsOf(6)).toEqual([0, 1]);
    expect(new Set(keys.map(({ key }) => toHex(key))).size).toBe(6);
  });
  it("a key for sending is a new one if its ratchet was moved past it in the meantime", async () => {
    const keys = sent(3);
    const slow = tree(8, {}, later(provider));
    (await slow.peek(3, "handshake", 0)).consume();
    const passing = await slow.peek(3, "application", 1);
    const sending = slow.next(3, "application");
    passing.consume();
    expect(await sending).toEqual(keys[2]);
    await expect(async () => slow.peek(3, "application", 2)).rejects.toMatchObject({ code: "duplicate" });
  });
  it("a call whose provider never answers keeps no other from sending", async () => {
    let stuck = true;
    const slow = later(provider);
    const sender = tree(
      8,
      {},
      {
        ...slow,
        kdf: expandingBy(slow.kdf, (prk, info, length) =>
          stuck ? new Promise<never>(() => undefined) : slow.kdf.expand(prk, info, length),
        ),
      },
    );
    void sender.next(3, "application");
    stuck = false;
    expect((await sender.next(3, "application")).generation).toBe(0);
  });
  it("a call that is answered late takes no key that another one has", async () => {
    const waiting: (() => void)[] = [];
    let stuck = true;
    const slow = later(provider);
    const sender = tree(
      8,
      {},
      {
        ...slow,
        kdf: expandingBy(slow.kdf, async (prk, info, length) => {
          if (stuck) await new Promise<void>((resolve) => waiting.push(resolve));
          return slow.kdf.expand(prk, info, length);
        }),
      },
    );
    const late = sender.next(3, "application");
    stuck = false;
    const keys = [await sender.next(3, "application"), await sender.next(3, "application")];
    for (const answer of waiting) answer();
    keys.push(await late);
    expect(keys.map(({ generation }) => generation)).toEqual([0, 1, 2]);
    expect(new Set(keys.map(({ key }) => toHex(key))).size).toBe(3);
  });
  it("goes on sending after a failure", async () => {
    let fail = true;
    const slow = later(provider);
    const flaky: CipherSuiteProvider = {
      ...slow,
      kdf: expandingBy(slow.kdf, async (prk, info, length) => {
        if (fail) throw new Error("the provider is gone");
        return slow.kdf.expand(prk, info, length);
      }),
    };
    const sender = tree(8, {}, flaky);
    const first = Promise.resolve(sender.next(3, "application"));
    const second = Promise.resolve(sender.next(3, "application"));
    await expect(first).rejects.toThrow("the provider is gone");
    fail = false;
    // The second may have failed with the first; whatever comes next is the first key.
    const key = await second.catch(() => sender.next(3, "application"));
    expect(toHex(key.key)).toBe(toHex((sent(1)[0] as MessageKey).key));
  });
  it("messages received concurrently don't disturb each other", async () => {
    const slow = tree(8, {}, later(provider));
    const keys = sent(6);
    const order = [2, 0, 5, 2, 1, 4, 3, 5];
    const outcomes = await Promise.all(
      order.map(async (generation) => {
        const peeked = await slow.peek(3, "application", generation);
        same(peeked, keys[generation]);
        await Promise.resolve();
        try {
          peeked.consume();
          return "accepted";
        } catch (error) {
          return (error as MlsError).code;
        }
      }),
    );
    expect(outcomes.filter((outcome) => outcome === "accepted").length).toBe(6);
    expect(outcomes.filter((outcome) => outcome === "duplicate").length).toBe(2);
    for (const generation of order) {
      await expect(async () => slow.peek(3, "application", generation)).rejects.toMatchObject({
        code: "duplicate",
      });
    }
  });
});

describe("a saved state", () => {
  const full = () => {
    const receiver = tree();
    now(receiver.peek(3, "application", 3)).consume();
    now(receiver.next(5, "handshake"));
    return receiver;
  };
  it("comes back the same, in memory of its own", () => {
    const saved = full().pieces.all();
    const copy = structuredClone(saved);
    const loaded = SecretTree.load(provider, { width: 8 }, saved);
    const unused = SecretTree.load(provider, { width: 8 }, saved);
    // Whatever asks first reads it.
    const asked = SecretTree.load(provider, { width: 8 }, saved);
    expect([...asked.senders.keys()].sort()).toEqual([3, 5]);
    expect(loaded.pieces.all()).toEqual(copy);
    for (const tree of [loaded, unused]) {
      tree.wipe();
      expect(saved).toEqual(copy);
      expect(tree.pieces.all()).toEqual([]);
      expect(() => tree.next(6, "application")).toThrow(code("forgotten"));
    }
  });
  it("of another suite, cut short or changed anywhere is an MlsError or a state that can be saved", () => {
    const saved = full().pieces.all();
    expect(() => SecretTree.load(nodeSuite(5), { width: 8 }, saved).pieces.all()).toThrow(code("state"));
    const changed = (at: number, change: (bytes: Uint8Array) => Uint8Array) =>
      saved.map((piece, i) => (i === at ? { ...piece, bytes: change(piece.bytes) } : piece));
    for (const [i, { bytes }] of saved.entries())
      for (let length = 0; length < bytes.length; length++) {
        const cut = changed(i, (whole) => whole.slice(0, length));
        expect(() => SecretTree.load(provider, { width: 8 }, cut).pieces.all()).toThrow(MlsError);
      }
    fc.assert(
      fc.property(fc.nat(saved.length - 1), fc.nat(), fc.integer({ min: 1, max: 255 }), (i, place, flip) => {
        const flipped = changed(i, (whole) =>
          whole.map((byte, at) => (at === place % whole.length ? byte ^ flip : byte)),
        );
        try {
          SecretTree.load(provider, { width: 8 }, flipped).pieces.all();
        } catch (error) {
          expect(error).toBeInstanceOf(MlsError);
        }
      }),
      { numRuns: 2000 },
    );
  });
  it.each([
    ["no piece's name", "nodes"],
    ["no piece's name", "nodes/1/2"],
    ["no piece's name", "keys/1"],
    ["a number that isn't written as it is saved", "ratchets/03"],
    ["a leaf outside of the tree", "ratchets/8"],
    ["skipped keys of another ratchet", "skipped/2/0"],
    ["skipped keys of other generations", "skipped/6/1"],
    ["nodes beside another leaf's path", "nodes/8"],
  ])("with %s is refused: %s", (_, name) => {
    const saved = full().pieces.all();
    const kind = name.split("/")[0] as string;
    const moved = saved.map((piece) => (piece.name.startsWith(kind) ? { ...piece, name } : piece));
    const wrong = kind === "keys" ? [...saved, { name, bytes: new Uint8Array() }] : moved;
    expect(() => SecretTree.load(provider, { width: 8 }, wrong).pieces.all()).toThrow(code("state"));
  });
});
