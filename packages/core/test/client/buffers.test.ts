// RFC 9420 §16: bytes that an application passes stay its own, also as Node's Buffers, whose slices share memory.
import { type Bytes, Client, generateSigner, insecureAcceptAll, type Member } from "@copse/core";
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

it("bytes that are handed out are of the type that fetch, Blob and WebCrypto take", async () => {
  const alice = await Client.create({
    crypto,
    suite: 1,
    credential: "alice",
    authentication,
    signer: await generateSigner(crypto, 1),
  });
  const bob = await Client.create({ crypto, suite: 1, credential: "bob", authentication });
  const group = await alice.createGroup();
  const staged = await group.add(await bob.createKeyPackage());
  const { signatureKey } = group.members[0] as Member;
  // The types of this list are the test: Uint8Array alone may be a view of memory that threads share.
  const bytes: readonly Uint8Array<ArrayBuffer>[] = [
    await alice.createKeyPackage(),
    await alice.saveKeyPackages(),
    staged.commit,
    staged.welcome as Bytes,
    ...staged.welcomes.flatMap(({ reference, welcome }) => [reference, welcome]),
    staged.authenticatedData,
    staged.epochAuthenticator as Bytes,
    await staged.groupInfo(),
    await staged.exportSecret("label", new Uint8Array(), 16),
    await group.save(),
    await group.groupInfo(),
    await group.exportSecret("label", new Uint8Array(), 16),
    await group.propose({ update: true }),
    group.groupId,
    group.ratchetTree,
    group.epochAuthenticator,
    alice.signatureKey,
    signatureKey,
  ];
  const received = await group.receive(await group.propose({ update: true }));
  if (received.kind === "own")
    expect(new Blob([...bytes, received.authenticatedData]).size).toBeGreaterThan(1000);
  expect(received.kind).toBe("own");
  for (const one of bytes) {
    expect(Object.prototype.toString.call(one.buffer)).toBe("[object ArrayBuffer]");
    expect((await globalThis.crypto.subtle.digest("SHA-256", one)).byteLength).toBe(32);
  }
});
