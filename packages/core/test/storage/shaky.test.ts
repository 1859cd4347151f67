// RFC 9420 §9.2: openers of one storage whose calls fail, are given up and get in each other's way: no generation is used twice, and
// nothing that was answered is lost.
import { type Group, MlsError } from "@copse/core";
import type { ClientStorage, StoredClient } from "@copse/core/storage";
import { text } from "@copse/test-support/bytes";
import { expect, it } from "vitest";
import { ID, opened, TestStorage, team } from "./stores.js";

/** Numbers that are the same for the same seed. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** A storage that is slow, and fails now and then: before the write, or after it. */
function shaky(inner: ClientStorage, next: (below: number) => number): ClientStorage & { isCalm: boolean } {
  const wait = async () => {
    for (let i = next(4); i > 0; i--) await undefined;
  };
  const storage = {
    isCalm: false,
    handles: true,
    async get(key: string) {
      await wait();
      return inner.get(key);
    },
    async list(prefix: string) {
      await wait();
      return inner.list(prefix);
    },
    async write(...[changes, steps]: Parameters<ClientStorage["write"]>) {
      const copy = changes.map((change) => ({ ...change, value: change.value?.slice() }));
      await wait();
      const fate = storage.isCalm ? 9 : next(12);
      if (fate === 0) throw new Error("the disk is full");
      const isMade = await inner.write(copy, steps);
      if (fate === 1) throw new Error("the connection was lost");
      return isMade;
    },
  };
  return storage;
}

it.each([1, 2, 3])("course %i", async (seed) => {
  const next = numbers(seed);
  const inner = new TestStorage();
  const { b } = await team(inner);
  const storage = shaky(inner, next);
  const left = await opened(storage);
  const right = await opened(storage);
  const sent = new Map<string, Uint8Array>();
  const errors = new Map<string, number>();
  let count = 0;
  const attempt = async (call: (signal: AbortSignal) => Promise<unknown>) => {
    const controller = new AbortController();
    const made = call(controller.signal);
    if (next(5) === 0) void Promise.resolve().then(() => controller.abort());
    try {
      await made;
    } catch (error) {
      if (!(error instanceof MlsError)) throw error;
      errors.set(error.code, (errors.get(error.code) ?? 0) + 1);
      expect([
        "storage",
        "try-again",
        "stale-state",
        "pending",
        "closed",
        "not-invited",
        "missing",
      ]).toContain(error.code);
    }
  };
  const play = async (client: StoredClient) => {
    const group = (await client.group(ID)) as Group;
    for (let i = 0; i < 40; i++) {
      const what = `message ${count++}`;
      const kind = next(10);
      if (kind < 6) await attempt(async (signal) => sent.set(what, await group.encrypt(what, { signal })));
      else if (kind === 6) await attempt((signal) => client.createKeyPackage({ signal }));
      else if (kind === 7) {
        const [one] = client.keyPackages();
        if (one !== undefined) await attempt((signal) => client.deleteKeyPackage(one.reference, { signal }));
      } else if (kind === 8) await attempt((signal) => client.createGroup({ signal }));
      else await attempt((signal) => client.refresh({ signal }));
    }
  };
  await Promise.all([play(left), play(right)]);
  for (const [what, message] of sent) {
    const received = await b.receive(message);
    expect(received.kind === "application" && text(received.data)).toBe(what);
  }
  expect(sent.size).toBeGreaterThan(10);
  expect(errors.size).toBeGreaterThan(1);
  storage.isCalm = true;
  for (const client of [left, right]) await client.refresh();
  const fresh = await opened(inner);
  for (const client of [left, right]) {
    expect(new Set(client.keyPackages().map(({ reference }) => text(reference)))).toEqual(
      new Set(fresh.keyPackages().map(({ reference }) => text(reference))),
    );
    expect(client.knownGroups()).toHaveLength(fresh.knownGroups().length);
    for (const one of client.knownGroups()) expect((await client.group(one))?.active).toBe(true);
    await b.receive(await ((await client.group(ID)) as Group).encrypt("at the end"));
  }
  const names = new Set(fresh.knownGroups().map(({ name }) => name));
  for (const [key] of await inner.all()) {
    const [, name = ""] = /^group\/([^/]*)/.exec(key) ?? [];
    if (key.startsWith("group/")) expect(names.has(name), key).toBe(true);
  }
});
