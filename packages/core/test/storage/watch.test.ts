// RFC 9420 §12: a client notices by itself what other openers of its storage do.
import type { Group } from "@copse/core";
import { type ClientStorage, memoryStorage } from "@copse/core/storage";
import { code, failure } from "@copse/test-support/errors";
import { expect, it } from "vitest";
import { bound, ID, opened, TestStorage, team } from "./stores.js";

/** A storage that tells all openers of each write. */
function telling(inner: ClientStorage): ClientStorage & { listeners: Set<() => void> } {
  const listeners = new Set<() => void>();
  return {
    ...bound(inner),
    listeners,
    async write(changes, steps) {
      const isMade = await inner.write(changes, steps);
      if (isMade) for (const listener of listeners) listener();
      return isMade;
    },
    changes(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

it("groups and key packages are as another opener left them, and the application is told", async () => {
  const storage = telling(memoryStorage());
  const { alice: left, a, b } = await team(storage as unknown as TestStorage);
  const right = await opened(storage);
  const other = (await right.group(ID)) as Group;
  let told = 0;
  const next = () =>
    new Promise<void>((resolve) => {
      const stop = right.watch(() => {
        told++;
        stop();
        resolve();
      });
    });
  let change = next();
  const { commit } = await a.update();
  await change;
  expect(other.hasPendingCommit).toBe(true);
  await b.receive(commit);
  change = next();
  await a.mergePendingCommit();
  await change;
  expect(other.epoch).toBe(a.epoch);
  expect(other.epochAuthenticator).toEqual(b.epochAuthenticator);
  change = next();
  await left.createKeyPackage();
  await change;
  expect(right.keyPackages()).toHaveLength(1);
  change = next();
  await left.deleteGroup(ID);
  await change;
  expect(right.knownGroups()).toEqual([]);
  expect(await failure(other.encrypt("hello"))).toEqual(code("closed"));
  expect(told).toBe(4);
  expect(storage.listeners.size).toBe(0);
});

it("what a listener throws, or a storage that fails, stops nothing", async () => {
  const test = new TestStorage();
  const storage = telling(test);
  const left = await opened(storage);
  const right = await opened(storage);
  let told = 0;
  const stop = right.watch(() => {
    told++;
    throw new Error("the page is gone");
  });
  for (let i = 1; i <= 2; i++) {
    await left.createKeyPackage();
    await right.refresh();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(told).toBeGreaterThan(0);
  expect(right.keyPackages()).toHaveLength(2);
  stop();
  const before = told;
  await left.createKeyPackage();
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect(told).toBe(before);
});

it("a storage that tells nothing is said to, and what isn't a listener is refused", async () => {
  const client = await opened(bound(memoryStorage()));
  expect(await failure(async () => client.watch(() => undefined))).toEqual(code("unsupported"));
  expect(await failure(async () => client.watch("now" as never))).toEqual(code("usage"));
});
