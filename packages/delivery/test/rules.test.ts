// The rules that services share: what the key of an epoch is good for, what a submission is, and how calls end.
import { DeliveryError } from "@copse/delivery";
import {
  Calls,
  checkSameSubmission,
  DEFAULT_DELIVERY_LIMITS,
  keysThatReadUpTo,
  mayWrite,
  readsUpTo,
  takeBytes,
  takeHandshake,
  takeUser,
} from "@copse/delivery/rules";
import { describe, expect, it } from "vitest";

const bytes = (text: string) => new Uint8Array(Buffer.from(text));

describe("a key of an epoch", () => {
  it("is good for writing while its handshake is the newest, and for the grace time after", () => {
    const at = (overtaken: number | undefined, now: number) => mayWrite({ overtaken }, now, 60);
    expect([at(undefined, 5000), at(1000, 1000), at(1000, 1060), at(1000, 1061)]).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });

  it("reads all while its handshake is the newest, and then up to a place", () => {
    expect(readsUpTo({ overtaken: undefined, readsUpTo: 7 })).toBe(undefined);
    expect(readsUpTo({ overtaken: 1, readsUpTo: 7 })).toBe(7);
  });

  // A key is named after the handshake that registers it; "first" makes the group.
  const [first, junk] = ["first", "junk"];
  it.each([
    ["the first handshake", undefined, undefined, 0, []],
    ["the next one of a member", first, { key: first, proven: undefined, time: 0 }, 10, [first]],
    [
      "one in place of one that members refuse",
      first,
      { key: junk, proven: first, time: 0 },
      10,
      [junk, first],
    ],
    ["who joins", undefined, { key: first, proven: undefined, time: 0 }, 10, [first]],
    [
      "who joins soon after one that members may refuse",
      undefined,
      { key: junk, proven: first, time: 0 },
      60,
      [junk, first],
    ],
    ["who joins long after", undefined, { key: junk, proven: first, time: 0 }, 61, [junk]],
  ])("reads %s", (_, proven, previous, now, keys) => {
    expect(keysThatReadUpTo<string>(proven, previous, now, 60)).toEqual(keys);
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
