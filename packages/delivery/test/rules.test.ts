// The rules that services share: what the key of an epoch is good for, what a submission is, and how calls end.
import { DeliveryError } from "@copse/delivery";
import {
  Calls,
  checkMayWrite,
  checkSameSubmission,
  DEFAULT_DELIVERY_LIMITS,
  heirsOf,
  isConfirmedBy,
  learns,
  mayWrite,
  overtaking,
  patienceOf,
  patienceOfAll,
  readsUpTo,
  readsUpToByAny,
  rootOf,
  takeBytes,
  takeHandshake,
  takeUser,
} from "@copse/delivery/rules";
import { describe, expect, it } from "vitest";

const bytes = (text: string) => new Uint8Array(Buffer.from(text));

describe("a key of an epoch", () => {
  const GRACE = 60;
  /** A key of the handshake at this place. Its own root, submitted by mallory with the key of handshake 1, unless it is said. */
  const key = (place: number, more: object = {}) => ({
    place,
    parent: 1 as number | undefined,
    root: place as number | undefined,
    overtaken: undefined as number | undefined,
    readsUpTo: place,
    submitter: "mallory",
    ...more,
  });
  const by = (root: ReturnType<typeof key> | undefined, own = root ?? key(9, { root: undefined })) => ({
    key: own,
    root,
  });

  it("is good until a later handshake is confirmed, and for the grace time after", () => {
    const at = (overtaken: number | undefined, now: number) => mayWrite(key(1, { overtaken }), now, GRACE);
    expect([at(undefined, 5000), at(1000, 1000), at(1000, 1060), at(1000, 1061)]).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });

  it("reads all until then, and afterwards up to a place", () => {
    expect(readsUpTo(by(key(1)))).toBe(undefined);
    expect(readsUpTo(by(key(1, { overtaken: 1, readsUpTo: 7 })))).toBe(7);
  });

  it("has the rights of the key by which its handshake was submitted", () => {
    expect(rootOf(5, key(3, { root: 1 }), false)).toBe(1);
    const heir = key(5, { root: 1 });
    expect(readsUpTo(by(key(1), heir))).toBe(undefined);
    expect(readsUpTo(by(key(1, { overtaken: 1, readsUpTo: 3 }), heir))).toBe(5);
    expect(readsUpTo(by(key(1, { overtaken: 1, readsUpTo: 7 }), heir))).toBe(7);
    expect(() => checkMayWrite(by(key(1), heir), 0, GRACE)).not.toThrow();
    expect(() => checkMayWrite(by(key(1, { overtaken: 0 }), heir), 61, GRACE)).toThrow("later handshake");
  });

  it("of the group's first handshake has all rights", () => {
    expect(rootOf(1, undefined, true)).toBe(1);
  });

  it("of a keyless handshake has none until it is confirmed, but for reading up to itself", () => {
    expect(rootOf(5, undefined, false)).toBe(undefined);
    const joined = by(undefined, key(5, { root: undefined }));
    expect(readsUpTo(joined)).toBe(5);
    expect(mayWrite(joined.root, 0, GRACE)).toBe(false);
    expect(() => checkMayWrite(joined, 0, GRACE)).toThrow(
      expect.objectContaining({ code: "limit", retry: "later" }),
    );
    expect(patienceOf(joined, 0, GRACE)).toBe(Number.POSITIVE_INFINITY);
    // Another one was confirmed meanwhile.
    const passed = by(undefined, key(5, { root: undefined, overtaken: 0 }));
    expect(() => checkMayWrite(passed, 0, GRACE)).toThrow(expect.objectContaining({ code: "forbidden" }));
    expect(patienceOf(passed, 0, GRACE)).toBeLessThan(0);
  });

  it("tells what came first to whom may read it, or write", () => {
    const at = (now: number) => learns(by(key(1, { overtaken: 0, readsUpTo: 3 })), 4, now, GRACE);
    expect([at(60), at(61)]).toEqual([true, false]);
    expect(learns(by(key(1, { overtaken: 0, readsUpTo: 4 })), 4, 61, GRACE)).toBe(true);
  });

  const junk = key(5, { root: 1 });
  it.each([
    ["another client that was there before", true, junk, "alice", [key(1)]],
    ["one whose key from before is in its grace time", true, junk, "alice", [key(1, { overtaken: 40 })]],
    ["the client that submitted it", false, junk, "mallory", [key(1)]],
    ["one that was only added by it", false, junk, "alice", []],
    ["one that has proven keys of unconfirmed handshakes alone", false, junk, "alice", [key(3, { root: 1 })]],
    ["one that has proven later keys alone", false, junk, "alice", [key(6)]],
    ["one whose key from before isn't good any more", false, junk, "alice", [key(1, { overtaken: 39 })]],
    ["anybody, if it was passed by another one", false, { ...junk, overtaken: 90 }, "alice", [key(1)]],
    ["anybody, if it is confirmed already", false, key(5), "alice", [key(1)]],
  ])("is confirmed or not by %s", (_, isConfirmed, handshake, client, before) => {
    expect(isConfirmedBy(handshake, client, before, 100, GRACE)).toBe(isConfirmed);
  });

  it("reads what any key reads that its client has proven, for as long as any says", () => {
    const passed = by(key(1, { overtaken: 0, readsUpTo: 3 }));
    const joined = by(undefined, key(5, { root: undefined }));
    expect(readsUpToByAny([])).toBe(-1);
    expect(readsUpToByAny([passed, joined])).toBe(5);
    expect(readsUpToByAny([joined, by(key(4)), passed])).toBe(undefined);
    expect(patienceOfAll([], 0, GRACE)).toBeLessThan(0);
    expect(patienceOfAll([passed], 10, GRACE)).toBe(50);
    expect(patienceOfAll([passed, joined], 10, GRACE)).toBe(Number.POSITIVE_INFINITY);
  });

  it("is overtaken by a confirmed handshake, and read up to that one", () => {
    expect(overtaking(key(1), 5, 100)).toEqual({ overtaken: 100, readsUpTo: 5 });
    expect(overtaking(key(1, { readsUpTo: 7 }), 5, 100)).toEqual({ overtaken: 100, readsUpTo: 7 });
    // That of somebody who joined, or pretended to, reads no more by it.
    expect(overtaking(key(3, { root: undefined }), 5, 100)).toEqual({ overtaken: 100, readsUpTo: 3 });
    expect(overtaking(key(1, { overtaken: 50 }), 5, 100)).toBe(undefined);
    expect(overtaking(key(5), 5, 100)).toBe(undefined);
    expect(overtaking(key(6), 5, 100)).toBe(undefined);
  });

  it("gives its rights on when it is confirmed, to what followed by it", () => {
    const later = [
      key(6, { parent: 5, root: 1 }),
      key(7, { parent: 1, root: 1 }),
      key(8, { parent: 6, root: 1 }),
      key(9, { parent: undefined, root: undefined }),
    ];
    expect([...heirsOf(5, later)]).toEqual([5, 6, 8]);
  });
});

describe("a submission under a known ID", () => {
  const entry = { kind: "message", epoch: 3n, message: bytes("hello") } as const;

  it("is the same with the same content", () => {
    expect(() => checkSameSubmission(entry, { ...entry, message: bytes("hello") })).not.toThrow();
  });

  it.each([
    { kind: "handshake" },
    { epoch: 4n },
    { message: bytes("hallo") },
    { message: bytes("hell") },
  ] as const)("isn't with %o", (other) => {
    expect(() => checkSameSubmission(entry, { ...entry, ...other })).toThrow(DeliveryError);
  });
});

describe("an argument", () => {
  it("says what was expected and what came", () => {
    expect(() => takeBytes("text", "message", 1, 10)).toThrow("message: expected a Uint8Array, got string");
    expect(() => takeBytes(new Uint8Array(), "message", 1, 10)).toThrow("expected at least 1 bytes, got 0");
    expect(() => takeBytes(new Uint8Array(11), "message", 1, 10)).toThrow("expected at most 10, got 11");
    expect(() => takeHandshake({} as never, DEFAULT_DELIVERY_LIMITS)).toThrow("welcomes: expected an array");
  });

  it("is counted in bytes of UTF-8", () => {
    expect(takeUser("é".repeat(127))).toHaveLength(127);
    expect(() => takeUser("é".repeat(128))).toThrow("user");
    expect(takeUser("日".repeat(85))).toHaveLength(85);
    expect(() => takeUser("日".repeat(86))).toThrow("user");
  });

  it("that names a user has no control characters", () => {
    for (const control of ["\0", "\n", "\u001b", "\u007f", "\u0085"])
      expect(() => takeUser(`alice${control}evil`)).toThrow("user: expected no control characters");
    expect(takeUser("Ünï-🌳 @x")).toBe("Ünï-🌳 @x");
  });

  it("is bytes of another realm too, and a view is what it shows", () => {
    const view = new Uint8Array([1, 2, 3, 4]).subarray(1, 3);
    const taken = takeBytes(Buffer.from(view), "message", 1, 10);
    expect([...taken]).toEqual([2, 3]);
    expect(taken.constructor).toBe(Uint8Array);
  });
});

describe("the calls of a connection", () => {
  /** A reader of what `add` adds. */
  function reading(calls: Calls, signal?: AbortSignal) {
    const entries: number[] = [];
    const wakes = new Set<() => void>();
    let asked = 0;
    const reader = calls.read<number>(signal, () => ({
      wait(wake) {
        wakes.add(wake);
        return () => wakes.delete(wake);
      },
      async next() {
        asked++;
        return entries.length > 0 ? { entries: entries.splice(0), behind: 0 } : undefined;
      },
    }));
    const add = (entry: number) => {
      entries.push(entry);
      for (const wake of wakes) wake();
    };
    return { reader, add, wakes, asked: () => asked };
  }

  it("leave nothing behind when they have ended", async () => {
    const calls = new Calls();
    const aborter = new AbortController();
    const { reader, wakes } = reading(calls, aborter.signal);
    expect(await reader.next()).toEqual({ done: false, value: { entries: [], behind: 0 } });
    const waiting = reader.next();
    while (wakes.size === 0) await Promise.resolve();
    aborter.abort(new Error("given up"));
    await expect(waiting).rejects.toThrow("given up");
    while (wakes.size > 0) await Promise.resolve();
  });

  it("that are asked for at once come one after the other", async () => {
    const { reader, add } = reading(new Calls());
    const asked = [reader.next(), reader.next(), reader.next()];
    await asked[0];
    add(1);
    expect(await asked[1]).toMatchObject({ value: { entries: [1] } });
    add(2);
    expect(await asked[2]).toMatchObject({ value: { entries: [2] } });
  });

  it("can be made after an interruption, and readers begin again", async () => {
    const calls = new Calls();
    const { reader, asked } = reading(calls);
    await reader.next();
    calls.interrupt(new DeliveryError("unavailable", "lost"));
    await expect(reader.next()).rejects.toMatchObject({ code: "unavailable" });
    expect(asked()).toBe(1);
    expect(await calls.run(undefined, () => "done")).toBe("done");
    expect(await reading(calls).reader.next()).toMatchObject({ done: false });
  });
});
