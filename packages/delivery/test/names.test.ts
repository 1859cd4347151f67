// RFC 9420 §5.3: a basic credential names the user that its bytes are, and nobody else.
import { basicCredential } from "@copse/core";
import { memoryStorage } from "@copse/core/storage";
import { MessengerError } from "@copse/delivery";
import { expect, it } from "vitest";
import { userOfBasic } from "../src/messenger/people.js";
import { conversationOf, heard, type Someone, together, World } from "./support/people.js";

it("tells who begins with a byte order mark from who doesn't", async () => {
  const world = new World();
  const [impostor, bob] = (await world.people("\uFEFFalice", "bob")) as [Someone, Someone];
  expect(impostor.messenger.user).toBe("\uFEFFalice");
  const begun = await impostor.messenger.start(["bob"]);
  const conversation = await conversationOf(bob, begun.id);
  expect(conversation.members.map(({ user }) => user)).toEqual(["\uFEFFalice", "bob"]);
  await expect(conversation.remove(["alice"])).rejects.toMatchObject({ code: "unknown-user" });
  expect(conversation.members).toHaveLength(2);
  await (await begun.send("\uFEFFhello")).sent;
  expect(await heard(bob, conversation, 1)).toEqual(["\uFEFFalice: \uFEFFhello"]);
});

it("has no user where a credential's bytes aren't UTF-8", async () => {
  const bytes = [[0xff], [0xfe], [0xc0, 0xaf], [0xed, 0xa0, 0x80]];
  for (const one of bytes) expect(userOfBasic(basicCredential(Uint8Array.from(one)))).toBeUndefined();
  const credential = basicCredential(Uint8Array.of(0xff));
  const storage = memoryStorage();
  await expect(new World().person("nobody", { credential, storage })).rejects.toThrow(MessengerError);
  expect(await storage.list("")).toEqual([]);
});

it("refuses names that are no text, before it asks the service", async () => {
  const people = await new World().people("alice", "bob");
  const [a] = await together(people);
  for (const name of ["\ud800", "a\udc00"]) {
    const refused = expect.objectContaining({ code: "usage" });
    await expect(people[0]?.messenger.start([name])).rejects.toEqual(refused);
    await expect(a?.invite([name])).rejects.toEqual(refused);
  }
});
