// A service that doesn't answer, or answers late or with something else, is reported as that, and nothing of it ends the process.
import { type Batch, DeliveryError, type DeliveryService } from "@copse/delivery";
import { DELIVERY_METHODS } from "@copse/delivery/service";
import { checksForDelivery } from "@copse/delivery-conformance";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { faulty, reading } from "./faults/faulty.js";
import { never, neverRead, silentIn } from "./faults/waiting.js";

const unhandled: unknown[] = [];
const hear = (reason: unknown) => unhandled.push(reason);
beforeEach(() => {
  unhandled.length = 0;
  process.on("unhandledRejection", hear);
});
afterEach(async () => {
  await pause(20);
  process.off("unhandledRejection", hear);
  expect(unhandled).toEqual([]);
});

const pause = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));
const lost = () => new DeliveryError("unavailable", "the connection was lost");
const isReader = (call: string) => call === "subscribe" || call === "inbox";

const failingReader = (milliseconds: number) => () => ({
  [Symbol.asyncIterator]: () => ({
    async next(): Promise<IteratorResult<Batch<never>>> {
      await pause(milliseconds);
      throw lost();
    },
  }),
});

/** A service of which one call fails, so many milliseconds later. */
const failingIn = (call: keyof DeliveryService, milliseconds: number) =>
  faulty(() => ({
    [call]: isReader(call)
      ? failingReader(milliseconds)
      : () => pause(milliseconds).then(() => Promise.reject(lost())),
  }));

/** A service whose readers fail while they wait for more. */
const failingWhileItWaits = faulty(({ inner }) => {
  const fail = <E>(all: AsyncIterable<Batch<E>>) =>
    reading(all, (below) => Promise.race([below(), pause(10).then(() => Promise.reject(lost()))]));
  return {
    subscribe: (what) => fail(inner.subscribe(what)),
    inbox: (after, options) => fail(inner.inbox(after, options)),
  };
});

/** All checks at once, since most of them wait until their time is over. */
const all = (service: Parameters<typeof checksForDelivery>[0]) =>
  Promise.all(checksForDelivery(service, { timeLimit: 120 }).map((check) => check.result()));

describe("no promise of a check is left to end the process when", () => {
  it.each(DELIVERY_METHODS)("%s never answers", async (call) => {
    const failed = (await all(silentIn(call))).filter(({ outcome }) => outcome === "failed");
    const named = failed.filter(({ detail }) => detail.includes(`${call}()`));
    expect(named.length).toBeGreaterThan(0);
  });

  it.each(DELIVERY_METHODS)("%s fails a moment later", async (call) => {
    const failed = (await all(failingIn(call, 10))).filter(({ outcome }) => outcome === "failed");
    expect(failed.length).toBeGreaterThan(0);
  });

  it("readers fail while they wait", async () => {
    const failed = (await all(failingWhileItWaits)).filter(({ outcome }) => outcome === "failed");
    expect(failed.map(({ name }) => name)).toContain("log: a reader that waits gets what comes");
  });
});

it.each(["start", "stop", "restart"] as const)(
  "a check that timed out names what the author has given: %s()",
  async (name) => {
    const checks = checksForDelivery(
      faulty(() => ({}), {}, { [name]: () => never() }),
      { timeLimit: 50 },
    );
    const check = checks.find((one) => one.name === "restart: the GroupInfo is there");
    expect((await check?.result())?.detail).toMatch(new RegExp(`^no answer of ${name}\\(\\) for`));
  },
);

it("a check that timed out says for what a reader has waited, and what it has had", async () => {
  const silent = faulty(({ inner }) => ({
    async *subscribe(what) {
      for await (const batch of inner.subscribe(what)) {
        yield batch;
        if (batch.behind === 0) await never();
      }
    },
  }));
  const check = checksForDelivery(silent, { timeLimit: 100 }).find(({ name }) =>
    name.endsWith("gets what comes"),
  );
  expect((await check?.result())?.detail).toMatch(
    /^a reader of subscribe\(\) has waited 0\.\d+ seconds for what comes after "[^"]+": it has had 0 entries\. The timeLimit/,
  );
});

describe("what a call answers with is named by the call", () => {
  const LOG = "log: an entry is what was sent";
  const INBOX = "inbox: what is cleared is gone, and the rest is there";
  const batches = (batch: unknown) => () => ({
    [Symbol.asyncIterator]: () => ({ next: async () => ({ done: false, value: batch }) }),
  });

  type Row = readonly [check: string, call: keyof DeliveryService, answer: () => unknown, detail: string];
  const rows: readonly Row[] = [
    [
      LOG,
      "send",
      async () => undefined,
      "send() returned undefined, expected a cursor (1 to 128 characters)",
    ],
    [LOG, "send", async () => "", 'send() returned "", expected a cursor (1 to 128 characters)'],
    [LOG, "send", () => "5", 'send() returned "5", expected a promise'],
    [LOG, "submit", async () => undefined, "submit() returned undefined, expected an object with kind"],
    [
      LOG,
      "submit",
      async () => ({ kind: "ok" }),
      'submit() returned "ok" as kind, expected "accepted", "stale" or "refused"',
    ],
    [
      LOG,
      "submit",
      async () => ({ kind: "accepted" }),
      "submit() returned undefined as cursor, expected a cursor (1 to 128 characters)",
    ],
    [LOG, "subscribe", () => undefined, "subscribe() returned undefined, expected an async iterable"],
    [
      LOG,
      "subscribe",
      batches([]),
      "subscribe: next() returned a batch that is wrong: Array(0), expected an object with entries, behind",
    ],
    [
      LOG,
      "subscribe",
      batches({ entries: [], behind: -1 }),
      "subscribe: next() returned a batch that is wrong: number -1 as behind, expected a number from 0 on",
    ],
    [
      LOG,
      "subscribe",
      batches({ entries: [{ cursor: 1 }], behind: 0 }),
      "subscribe: next() returned a batch that is wrong: number 1 as entries[0].cursor, expected a cursor (1 to 128 characters)",
    ],
    [
      LOG,
      "subscribe",
      () => ({ [Symbol.asyncIterator]: () => ({ next: () => undefined }) }),
      "subscribe: next() returned undefined, expected a promise",
    ],
    [
      INBOX,
      "inbox",
      batches({ entries: [{ cursor: "1", reference: "r" }], behind: 0 }),
      'inbox: next() returned a batch that is wrong: "r" as entries[0].reference, expected a Uint8Array',
    ],
    [
      "key packages: the count is what is left",
      "countKeyPackages",
      async () => 3,
      "countKeyPackages() returned number 3, expected an object with single, lastResort",
    ],
    [
      INBOX,
      "claimKeyPackages",
      async () => undefined,
      "claimKeyPackages() returned undefined, expected an array",
    ],
    [
      INBOX,
      "claimKeyPackages",
      async () => ["text"],
      'claimKeyPackages() returned "text" as [0], expected a Uint8Array',
    ],
    [
      "group info: another one takes its place",
      "groupInfo",
      async () => null,
      "groupInfo() returned null, expected an object with groupInfo, handshake",
    ],
    [
      "group info: another one takes its place",
      "publishGroupInfo",
      async () => undefined,
      "publishGroupInfo() returned undefined, expected true or false",
    ],
  ];

  it.each(rows)("%s, %s", async (name, call, answer, detail) => {
    const check = checksForDelivery(faulty(() => ({ [call]: answer }))).find((one) => one.name === name);
    expect(await check?.result()).toEqual({ name, outcome: "failed", detail });
  });
});

it("a service that reads nothing is still asked for its end", async () => {
  let ended = 0;
  const service = faulty(() => ({
    subscribe: () => ({
      [Symbol.asyncIterator]: () => ({
        ...neverRead[Symbol.asyncIterator](),
        async return() {
          ended++;
          return { done: true as const, value: undefined };
        },
      }),
    }),
  }));
  const [first] = checksForDelivery(service, { timeLimit: 50 });
  await first?.run().catch(() => undefined);
  expect(ended).toBe(1);
});
