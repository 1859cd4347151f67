// RFC 9420 §12.3: two openers of one storage, of which one learns that the member was removed.
import type { Group } from "@copse/core";
import { party } from "@copse/test-support/clients";
import { code } from "@copse/test-support/errors";
import { expect, it } from "vitest";
import { opened, SUITE, TestStorage } from "./stores.js";

it.each([
  ["receive", "nothing else"],
  ["receiveAll", "nothing else"],
  ["receive", "a key package"],
  ["receiveAll", "a key package"],
])("the other one learns it by %s, after it wrote %s", async (call, written) => {
  const storage = new TestStorage();
  const [one, other] = [await opened(storage), await opened(storage)];
  const bob = await party("bob", { suite: SUITE });
  const b = await bob.client.createGroup();
  const { welcome } = await b.add(await one.createKeyPackage());
  await b.mergePendingCommit();
  const a = await one.join(welcome as Uint8Array);
  const same = (await other.group(a.groupId)) as Group;
  const { commit } = await b.remove(a.ownLeafIndex);
  await b.mergePendingCommit();
  const late = await b.encrypt("of the next epoch");
  expect(await a.receive(commit)).toMatchObject({ active: false });
  // By this it reads what the client has: the group is listed as one that was left.
  if (written === "a key package") await other.createKeyPackage();
  const before = await storage.all();
  const refused = call === "receive" ? same.receive(late) : oneOf(same.receiveAll([late]));
  await expect(refused).rejects.toEqual(code("removed"));
  expect(same.active).toBe(false);
  // The list isn't what the other one took it for.
  expect(await storage.all()).toEqual(before);
});

async function oneOf(results: ReturnType<Group["receiveAll"]>) {
  const [result] = await results;
  if (result?.status === "rejected") throw result.reason;
  return result?.value;
}
