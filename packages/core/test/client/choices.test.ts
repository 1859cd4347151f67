// RFC 9420 §11.3, §12.4, §12.4.3: options of one commit, branch or external commit.

import {
  basicCredential,
  externalSenders,
  generateSigner,
  insecureAcceptAll,
  MlsError,
  requiredCapabilities,
} from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { PublicGroup } from "@copse/core/public-group";
import { branch } from "@copse/core/resumption";
import { nodeProvider } from "@copse/provider-node";
import { pair, party } from "@copse/test-support/clients";
import { expect, it } from "vitest";

const crypto = nodeProvider();
const authentication = insecureAcceptAll();
const options = { suite: 1, policy: { handshake: "public" } } as const;
const client = async (name: string) => (await party(name, options)).client;

it("commits those of the received proposals that are named, and forgets the others", async () => {
  const { a, b } = await pair(options);
  const wanted = await b.propose({ extensions: [requiredCapabilities({})] });
  const other = await b.propose({ update: true });
  for (const message of [wanted, other]) await a.receive(message);
  const references = a.proposals.flatMap(({ reference }) => reference ?? []);
  expect(references).toHaveLength(2);
  const { commit } = await a.commit({ references: references.slice(0, 1) });
  await a.mergePendingCommit();
  expect(await b.receive(commit)).toMatchObject({ updated: [] });
  expect(b.extensions).toHaveLength(1);
  expect(b.epochAuthenticator).toEqual(a.epochAuthenticator);
  expect(a.proposals).toHaveLength(0);
});

it("commits none of them, if none is named", async () => {
  const { a, b } = await pair(options);
  await a.receive(await b.propose({ extensions: [requiredCapabilities({})] }));
  const { commit } = await a.commit({ references: [] });
  await b.receive(commit);
  expect(b.extensions).toHaveLength(0);
});

it("refuses the reference of a proposal that wasn't received, and stays unchanged", async () => {
  const { a } = await pair(options);
  const before = await a.save();
  const failure = await a.commit({ references: [new Uint8Array(32)] }).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(MlsError);
  expect(failure).toMatchObject({ code: "proposal-missing" });
  expect(await a.save()).toEqual(before);
});

it("refuses named proposals that can't be committed together", async () => {
  const { a, b } = await pair(options);
  for (const message of [await b.propose({ update: true }), await b.propose({ update: true })]) {
    await a.receive(message);
  }
  const references = a.proposals.flatMap(({ reference }) => reference ?? []);
  await expect(a.commit({ references })).rejects.toThrow(/12\.2: .*same leaf/);
  expect((await a.commit()).commit).toBeInstanceOf(Uint8Array);
});

it("keeps the tree out of one Welcome", async () => {
  const { a } = await pair(options);
  const carol = await client("carol");
  const add = [await carol.createKeyPackage()];
  const { welcome, ratchetTree } = await a.commit({ add, ratchetTreeInWelcome: false });
  expect(ratchetTree).toBeInstanceOf(Uint8Array);
  await expect(carol.join(welcome as Uint8Array)).rejects.toMatchObject({ code: "missing" });
  await a.mergePendingCommit();
  const c = await carol.join(welcome as Uint8Array, { ratchetTree });
  expect(c.epochAuthenticator).toEqual(a.epochAuthenticator);
});

it("gives a subgroup its own extensions, a path and a Welcome without the tree", async () => {
  const { alice, bob, a } = await pair(options);
  const made = await branch(alice, a, {
    add: [await bob.createKeyPackage()],
    extensions: [requiredCapabilities({})],
    forcePath: true,
    ratchetTreeInWelcome: false,
  });
  expect(made.group.extensions).toEqual([requiredCapabilities({})]);
  const group = await bob.join(made.welcome as Uint8Array, { ratchetTree: made.ratchetTree });
  expect(group.epochAuthenticator).toEqual(made.group.epochAuthenticator);
  expect(group.extensions).toEqual(made.group.extensions);
});

it("rejoins with another signature key at the leaf of a member that the client names", async () => {
  const { a, b } = await pair(options);
  const again = await client("bob");
  const isBob = ({ credential }: { credential: unknown }) =>
    JSON.stringify(credential) === JSON.stringify(basicCredential("bob"));
  const groupInfo = await a.groupInfo();
  const { group, commit } = await joinByExternalCommit(again, groupInfo, { resync: isBob });
  expect(await a.receive(commit)).toMatchObject({ removed: [{ leafIndex: 1 }] });
  expect(await group.mergePendingCommit()).toMatchObject({ own: true, removed: [{ leafIndex: 1 }] });
  expect(a.members).toHaveLength(2);
  expect(group.ownLeafIndex).toBe(1);
  expect(group.epochAuthenticator).toEqual(a.epochAuthenticator);
  expect(await b.receive(commit)).toMatchObject({ active: false });
  await expect(joinByExternalCommit(again, groupInfo, { resync: () => false })).rejects.toMatchObject({
    code: "usage",
  });
});

it("an external sender proposes the PSK of an epoch", async () => {
  const { a, b } = await pair(options);
  const signer = await generateSigner(crypto, 1);
  const senders = externalSenders([
    { signatureKey: signer.publicKey, credential: basicCredential("server") },
  ]);
  await b.receive((await a.commit({ extensions: [senders] })).commit);
  await a.mergePendingCommit();
  const follower = await PublicGroup.follow({ crypto, authentication, groupInfo: await a.groupInfo() });
  const proposal = await follower.propose(signer, { psk: { resumption: 1n } });
  for (const group of [a, b]) await group.receive(proposal);
  const { commit } = await b.commit();
  await b.mergePendingCommit();
  await a.receive(commit);
  expect(a.epochAuthenticator).toEqual(b.epochAuthenticator);
  expect(a.epoch).toBe(3n);
});
