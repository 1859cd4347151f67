// RFC 9420 §10, §12.4.3: what a client with a storage was given is read when it is called, though it may read its storage
// first.
import type { Group } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { memoryStorage, type StoredClient } from "@copse/core/storage";
import { pair, party } from "@copse/test-support/clients";
import { describe, expect, it } from "vitest";
import { opened, SUITE } from "./stores.js";

interface Call {
  readonly name: string;
  /** The bytes to give. */
  bytes(client: StoredClient, group: Group): Promise<Uint8Array>;
  call(client: StoredClient, bytes: Uint8Array): Promise<unknown>;
}

async function welcomed(client: StoredClient, group: Group): Promise<Uint8Array> {
  const { welcome } = await group.add(await client.createKeyPackage());
  await group.mergePendingCommit();
  return welcome as Uint8Array;
}

const CALLS: readonly Call[] = [
  {
    name: "readKeyPackage",
    bytes: async () => (await party("carol", { suite: SUITE })).client.createKeyPackage(),
    call: (client, bytes) => client.readKeyPackage(bytes),
  },
  {
    name: "deleteKeyPackage",
    async bytes(client) {
      await client.createKeyPackage();
      return (client.keyPackages()[0] as { reference: Uint8Array }).reference;
    },
    call: async (client, bytes) => expect(await client.deleteKeyPackage(bytes)).toBe(true),
  },
  { name: "join", bytes: welcomed, call: (client, bytes) => client.join(bytes) },
  { name: "readWelcome", bytes: welcomed, call: (client, bytes) => client.readWelcome(bytes) },
  {
    name: "joinByExternalCommit",
    bytes: (_, group) => group.groupInfo(),
    call: (client, bytes) => joinByExternalCommit(client, bytes),
  },
  {
    name: "group",
    bytes: async (client) => (await client.createGroup()).groupId,
    call: async (client, bytes) => expect(await client.group(bytes)).toBeDefined(),
  },
  {
    name: "deleteGroup",
    bytes: async (client) => (await client.createGroup()).groupId,
    call: async (client, bytes) => expect(await client.deleteGroup(bytes)).toBe(true),
  },
];

describe("bytes that are overwritten after the call", () => {
  it.each(CALLS)("don't matter to $name", async ({ bytes, call }) => {
    const client = await opened(memoryStorage(), "dora");
    const { a } = await pair({ suite: SUITE });
    const given = (await bytes(client, a)).slice();
    const called = call(client, given);
    given.fill(0);
    await called;
  });
});

it("a saved list of key packages is read at the call", async () => {
  const [from, to] = [await party("erin", { suite: SUITE }), memoryStorage()];
  await from.client.createKeyPackage();
  const { signer } = from;
  const client = await opened(to, "erin", { signer });
  const saved = await from.client.saveKeyPackages();
  const loading = client.loadKeyPackages(saved);
  saved.fill(0);
  await loading;
  expect(client.keyPackages()).toHaveLength(1);
});
