// RFC 9420 §9.2, §12: what happens to a group while it is loaded: another opener, or another call, may have it by then.
import { type Group, generateSigner } from "@copse/core";
import type { ClientStorage } from "@copse/core/storage";
import { nodeProvider } from "@copse/provider-node";
import { code, failure } from "@copse/test-support/errors";
import { expect, it } from "vitest";
import { watched } from "../client/watched.js";
import { bound, ID, opened, SUITE, TestStorage } from "./stores.js";

/** Two openers of one storage, with a group. `once` says what happens when the second one has read its entries. */
async function start({ keyStore = false } = {}) {
  const options = { crypto: watched(keyStore).crypto };
  const inner = new TestStorage();
  let meanwhile: (() => Promise<unknown>) | undefined;
  const storage: ClientStorage = {
    ...bound(inner),
    async list(prefix) {
      const found = await inner.list(prefix);
      if (!prefix.startsWith("group/")) return found;
      const then = meanwhile;
      meanwhile = undefined;
      await then?.();
      return found;
    },
  };
  const first = await opened(inner, "alice", options);
  const group = await first.createGroup({ groupId: ID });
  const second = await opened(storage, "alice", options);
  const renew = async (signer?: Awaited<ReturnType<typeof generateSigner>>) => {
    await group.update(signer === undefined ? {} : { signer });
    await group.mergePendingCommit();
  };
  return {
    inner,
    first,
    group,
    second,
    renew,
    newSigner: () => generateSigner(nodeProvider(), SUITE),
    once: (then: () => Promise<unknown>) => {
      meanwhile = then;
    },
    isReached: () => meanwhile === undefined,
  };
}

it("another opener may end the private keys that were read", async () => {
  const { second, group, renew, once, isReached } = await start({ keyStore: true });
  once(renew);
  expect((await second.group(ID))?.epoch).toBe(1n);
  expect(isReached()).toBe(true);
  expect(group.epoch).toBe(1n);
});

it("another opener may end them again and again, also when an operation reads the group", async () => {
  const { second, group, renew, once, isReached } = await start({ keyStore: true });
  const same = (await second.group(ID)) as Group;
  await group.encrypt("moves it on");
  once(async () => {
    await renew();
    once(renew);
  });
  await same.encrypt("hello");
  expect(isReached()).toBe(true);
  expect(same.epoch).toBe(2n);
});

it("another opener may switch to the next signer", async () => {
  const { second, group, renew, newSigner, once } = await start();
  await renew(await newSigner());
  once(async () => renew(await newSigner()));
  expect((await second.group(ID))?.epoch).toBe(2n);
  expect(group.epoch).toBe(2n);
});

it("another opener may delete it", async () => {
  const { first, second, group, once } = await start({ keyStore: true });
  const same = (await second.group(ID)) as Group;
  await group.encrypt("moves it on");
  once(() => first.deleteGroup(ID));
  expect(await failure(same.encrypt("hello"))).toEqual(code("stale-state"));
  expect(await second.group(ID)).toBeUndefined();
});

it("what is damaged is read once", async () => {
  const { inner, second, once } = await start();
  const entries = await inner.list("group/");
  const damaged = entries.filter(({ key }) => key.endsWith("/sum"));
  await inner.write(
    damaged.map(({ key, value }) => ({ key, value: value.map((byte) => byte ^ 1) })),
    [],
  );
  let isReadTwice = false;
  once(async () =>
    once(async () => {
      isReadTwice = true;
    }),
  );
  expect(await failure(second.group(ID))).toEqual(code("state"));
  expect(isReadTwice).toBe(false);
});

it("another call may open it, and its write may fail: both get the same object", async () => {
  const { inner, second, once } = await start();
  let group: Group | undefined;
  once(async () => {
    group = await second.group(ID);
    inner.fates.push("lost");
    expect(await failure((group as Group).encrypt("lost"))).toEqual(code("storage"));
  });
  const same = await second.group(ID);
  expect(same).toBe(group);
  expect(same?.epochAuthenticator).toHaveLength(32);
});
