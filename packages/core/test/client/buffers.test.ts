// RFC 9420 §16: bytes that an application passes stay its own, also as Node's Buffers, whose slices share memory.
import { Client, generateSigner, insecureAcceptAll } from "@copse/core";
import { nodeProvider } from "@copse/provider-node";
import { expect, it } from "vitest";

const crypto = nodeProvider();
const authentication = insecureAcceptAll();

it("a Buffer with secrets is neither overwritten nor kept", async () => {
  const signer = await generateSigner(crypto, 1);
  const create = () => Client.create({ crypto, suite: 1, credential: "alice", authentication, signer });
  const alice = await create();
  const keyPackage = await alice.createKeyPackage();
  const groupId = Buffer.from("the group");
  const group = await alice.createGroup({ groupId });
  groupId.fill(0);
  expect(Buffer.from(group.groupId).toString()).toBe("the group");

  const saved = Buffer.from(await group.save());
  const before = saved.toString("hex");
  expect((await (await create()).restore(saved)).epochAuthenticator).toEqual(group.epochAuthenticator);
  expect(saved.toString("hex")).toBe(before);

  const savedKeyPackages = Buffer.from(await alice.saveKeyPackages());
  const keysBefore = savedKeyPackages.toString("hex");
  const again = await create();
  await again.loadKeyPackages(savedKeyPackages);
  expect(savedKeyPackages.toString("hex")).toBe(keysBefore);

  const bob = await Client.create({ crypto, suite: 1, credential: "bob", authentication });
  const other = await bob.createGroup();
  const added = Buffer.from(keyPackage);
  const { welcome } = await other.add(added);
  added.fill(0);
  await other.mergePendingCommit();
  const joined = await again.join(Buffer.from(welcome as Uint8Array));
  const authenticatedData = Buffer.from("label");
  const sending = other.encrypt(Buffer.from("hello"), { authenticatedData });
  authenticatedData.fill(0);
  const received = await joined.receive(Buffer.from(await sending));
  expect(received.kind === "application" && Buffer.from(received.authenticatedData).toString()).toBe("label");
});
