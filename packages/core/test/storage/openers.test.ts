// RFC 9420 §9.2: two openers of one storage never both move the state on, and none uses a key that the other used.
import type { Group } from "@copse/core";
import { memoryStorage, openClient, type StoredClient } from "@copse/core/storage";
import type { Party } from "@copse/test-support/clients";
import { code, failure } from "@copse/test-support/errors";
import { expect, it } from "vitest";
import { ID, opened, type TestStorage, team } from "./stores.js";

async function tabs(): Promise<{
  left: StoredClient;
  right: StoredClient;
  bob: Party;
  b: Group;
  storage: TestStorage;
}> {
  const { storage, alice: left, bob, b } = await team();
  return { left, right: await opened(storage), bob, b, storage };
}

it("the second learns that its state is stale, and goes on from the first one's", async () => {
  const { left, right, b } = await tabs();
  const [a1, a2] = [(await left.group(ID)) as Group, (await right.group(ID)) as Group];
  await b.receive(await a1.encrypt("left"));
  expect(await failure(a2.encrypt("right"))).toEqual(code("stale-state"));
  expect(await failure(a2.encrypt("right"))).toEqual(code("closed"));
  const again = (await right.group(ID)) as Group;
  await b.receive(await again.encrypt("right"));
  expect(await failure(a1.update())).toEqual(code("stale-state"));
});

it("both send at once, and each message arrives once", async () => {
  const { left, right, b } = await tabs();
  const sent: Uint8Array[] = [];
  let stale = 0;
  const send = async (client: StoredClient, name: string) => {
    for (let i = 0; i < 40; ) {
      try {
        sent.push(await ((await client.group(ID)) as Group).encrypt(`${name} ${i}`));
        i++;
      } catch (error) {
        expect(error).toEqual(code("stale-state"));
        stale++;
      }
    }
  };
  await Promise.all([send(left, "left"), send(right, "right")]);
  for (const message of sent) expect(await b.receive(message)).toMatchObject({ kind: "application" });
  expect(sent).toHaveLength(80);
  expect(stale).toBeGreaterThan(0);
});

it("key packages of both are known to both", async () => {
  const { left, right, bob } = await tabs();
  const one = await left.createKeyPackage();
  expect(await failure(right.createKeyPackage())).toEqual(code("stale-state"));
  await right.createKeyPackage();
  expect(right.keyPackages()).toHaveLength(2);
  expect(await left.refresh()).toBe(true);
  expect(await left.refresh()).toBe(false);
  expect(left.keyPackages()).toHaveLength(2);
  const group = await bob.client.createGroup();
  const { welcome } = await group.add(one);
  await right.join(welcome as Uint8Array);
  expect(await failure(left.join(welcome as Uint8Array))).toEqual(code("stale-state"));
  expect(await failure(left.join(welcome as Uint8Array))).toEqual(code("not-invited"));
  expect(left.knownGroups()).toHaveLength(2);
});

it("one notices by refresh what the other has done", async () => {
  const { left, right } = await tabs();
  const [a1, a2] = [(await left.group(ID)) as Group, (await right.group(ID)) as Group];
  expect(await right.refresh()).toBe(false);
  await a1.encrypt("hello");
  expect(await right.refresh()).toBe(true);
  expect(await failure(a2.encrypt("hello"))).toEqual(code("closed"));
  await left.deleteGroup(ID);
  expect(await right.refresh()).toBe(true);
  expect(await right.group(ID)).toBeUndefined();
});

it("a group that the other one deleted and made anew isn't taken for the same", async () => {
  const { left, right } = await tabs();
  const stale = (await right.group(ID)) as Group;
  await left.deleteGroup(ID);
  await left.createGroup({ groupId: ID });
  expect(await failure(stale.encrypt("old"))).toEqual(code("stale-state"));
  await right.refresh();
  expect((await right.group(ID))?.epoch).toBe(0n);
});

it("two processes that open a new client at once have one signer", async () => {
  const storage = memoryStorage();
  const [one, two] = await Promise.all([opened(storage), opened(storage)]);
  expect(one.signatureKey).toEqual(two.signatureKey);
});

it("what isn't a storage, or an option of the calls, is refused", async () => {
  const { left } = await tabs();
  for (const call of [
    () => openClient({ ...({} as Parameters<typeof openClient>[0]), storage: {} as never }),
    () => left.group(ID, { joined: true } as never),
    () => left.group("team" as never),
    () => left.deleteGroup(ID, { joining: 1 } as never),
    () => left.refresh({ soon: true } as never),
    () => left.deleteKeyPackage(ID, { all: true } as never),
  ])
    expect(await failure(call)).toEqual(code("usage"));
});
