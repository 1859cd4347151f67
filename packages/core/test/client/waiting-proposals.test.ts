// RFC 9420 §12.4: which received proposals own commits include, and how many are kept.

import {
  authorizeByDefault,
  externalSenders,
  type Group,
  generateSigner,
  type Policy,
  ProposalType,
} from "@copse/core";
import { proposeJoin } from "@copse/core/external";
import { PublicGroup } from "@copse/core/public-group";
import { nodeProvider } from "@copse/provider-node";
import { everyone, gather, type Party, party } from "@copse/test-support/clients";
import { code, refused } from "@copse/test-support/errors";
import { frame, type Insider, insider } from "@copse/test-support/insiders";
import { expect, it } from "vitest";
import { ContentType } from "../../src/wire/framed-content.js";
import { externalPsk, filled, type reinit, SUITE } from "../proposals.js";

const handshake = "public";
const member = (name: string, policy: Partial<Policy> = {}) =>
  party(name, { suite: SUITE, policy: { handshake, ...policy } });

/** Alice, Bob and Carol. */
async function three(policy: Partial<Policy> = {}): Promise<[Group, Group, Group, readonly Party[]]> {
  const { groups, parties } = await gather(
    await Promise.all(["alice", "bob", "carol"].map((name) => member(name, policy))),
  );
  return [...(groups as [Group, Group, Group]), parties];
}

const refs = (group: Group) => group.proposals.map(({ reference }) => reference);
const propose = (from: Insider, proposal: ReturnType<typeof reinit>) =>
  frame(from, { contentType: ContentType.proposal, proposal });

it("a stranger's proposal to be added isn't committed unless the application says so", async () => {
  const [a, b, c] = await three();
  const mallory = await member("mallory");
  const proposal = await proposeJoin(mallory.client, a);
  for (const group of [a, b, c]) await group.receive(proposal);
  expect(a.proposals).toMatchObject([{ proposer: { kind: "new-member" }, willCommit: false }]);
  await b.receive(await a.encrypt("not held up"));
  const own = await a.update();
  expect(own.welcome).toBeUndefined();
  await a.clearPendingCommit();
  // One commit: by its reference. What decides whether it is valid isn't the receivers' policy.
  const { commit, welcome } = await a.commit({ references: refs(a) });
  for (const group of [b, c])
    expect(await group.receive(commit)).toMatchObject({ added: [{ leafIndex: 3 }] });
  await a.mergePendingCommit();
  expect((await mallory.client.join(welcome as Uint8Array)).epochAuthenticator).toEqual(b.epochAuthenticator);
});

it("a stranger's proposal to be added is committed if the policy says so", async () => {
  const [a] = await three({
    authorize: (action) =>
      action.kind === "proposal" && action.proposer.kind === "new-member"
        ? "keep"
        : authorizeByDefault(action),
  });
  await a.receive(await proposeJoin((await member("dave")).client, a));
  await expect(a.encrypt("held up")).rejects.toEqual(code("pending"));
  expect((await a.commit()).welcome).toBeDefined();
});

it("a received ReInit doesn't end the group by an honest member's commit", async () => {
  const [a, b, , parties] = await three();
  const mallory = await insider(parties[2] as Party, a);
  const proposal = await b.propose({ reinit: { groupId: filled(), cipherSuite: SUITE, extensions: [] } });
  await a.receive(proposal);
  await a.receive(await b.propose({ remove: 2 }));
  expect(mallory.epoch.groupContext.epoch).toBe(a.epoch);
  expect(a.proposals.map(({ willCommit }) => willCommit)).toEqual([false, true]);
  const { commit } = await a.update();
  expect(await b.receive(commit)).toMatchObject({ kind: "commit", active: true, reinit: undefined });
});

it("a PSK that perhaps only the committer knows isn't committed because somebody proposed it", async () => {
  const { groups } = await gather(
    await Promise.all(
      ["alice", "bob", "carol"].map((name) =>
        party(name, { suite: SUITE, externalPsk: () => (name === "alice" ? filled(32) : undefined) }),
      ),
    ),
  );
  const [a, b, c] = groups as [Group, Group, Group];
  const proposal = await b.propose({ psk: { external: filled(4) } });
  for (const group of [a, c]) await group.receive(proposal);
  expect(a.proposals).toMatchObject([{ willCommit: false }]);
  await everyone([b, c], (await a.update()).commit, -1);
  await a.mergePendingCommit();
  expect(a.epochAuthenticator).toEqual(c.epochAuthenticator);
});

it("who proposed a ReInit commits it, and so does who names it", async () => {
  for (const committer of [0, 1]) {
    const [a, b] = await three();
    const message = await a.propose({ reinit: { groupId: filled(), cipherSuite: SUITE, extensions: [] } });
    await b.receive(message);
    const by = committer === 0 ? a : b;
    const { commit } = await by.commit(committer === 0 ? {} : { references: refs(b) });
    expect(await (committer === 0 ? b : a).receive(commit)).toMatchObject({ active: false, reinit: {} });
  }
});

it("external senders' proposals are committed by default", async () => {
  const crypto = nodeProvider();
  const signer = await generateSigner(crypto, SUITE);
  const [alice, bob] = [await member("alice"), await member("bob")];
  const credential = { credentialType: 1, identity: filled() } as const;
  const a = await alice.client.createGroup({
    extensions: [externalSenders([{ signatureKey: signer.publicKey, credential }])],
  });
  await a.add(await bob.client.createKeyPackage());
  await a.mergePendingCommit();
  const { authentication } = alice.config;
  const follower = await PublicGroup.follow({ crypto, authentication, groupInfo: await a.groupInfo() });
  const proposal = await follower.propose(signer, { remove: 1 });
  for (const group of [a, follower]) await group.receive(proposal);
  expect(follower.proposals).toMatchObject([{ proposer: { kind: "external", senderIndex: 0, credential } }]);
  expect(a.proposals).toMatchObject([{ proposer: { kind: "external" }, willCommit: true }]);
  await a.commit();
  expect((await a.mergePendingCommit()).removed).toHaveLength(1);
});

it("a dropped proposal is left out of own commits, and others may commit it all the same", async () => {
  const [a, b, c, parties] = await three();
  const proposal = await b.propose({ remove: 2 });
  for (const group of [a, c]) await group.receive(proposal);
  await expect(a.encrypt("held up")).rejects.toEqual(code("pending"));
  await a.dropProposals(refs(a)[0] as Uint8Array);
  expect(a.proposals).toMatchObject([{ willCommit: false }]);
  await b.receive(await a.encrypt("go on"));
  // Receiving it again changes nothing, and a restored group has it dropped too.
  await a.receive(proposal);
  const saved = await a.save();
  await a.close();
  const restored = await (parties[0] as Party).client.restore(saved);
  expect(restored.proposals).toMatchObject([{ willCommit: false }]);
  expect(await c.receive((await restored.update()).commit)).toMatchObject({ active: true, removed: [] });
  const { commit } = await b.commit();
  expect(await restored.receive(commit)).toMatchObject({ kind: "commit", removed: [{ leafIndex: 2 }] });
  await expect(b.dropProposals(filled())).rejects.toEqual(code("proposal-missing"));
});

it("proposals that the policy ignores don't hold up messages", async () => {
  const [alice, bob] = [
    await member("alice", {
      authorize: (action) =>
        action.kind === "commit" ||
        (action.proposal.proposalType === ProposalType.update ? "ignore" : "keep"),
    }),
    await member("bob"),
  ];
  const { groups } = await gather([alice, bob]);
  const [a, b] = groups as [Group, Group];
  await a.receive(await b.propose({ update: true }));
  await b.receive(await a.encrypt("go on"));
});

it("a proposal about which the policy fails hasn't come: it can be received later, and holds up nobody", async () => {
  let isDown = true;
  const [a, b] = await three({
    authorize: (action) => {
      if (isDown && action.kind === "proposal" && !action.own) throw new TypeError("a bug");
      return true;
    },
  });
  const proposal = await b.propose({ update: true });
  expect((await refused(a, proposal)).code).toBe("try-again");
  await b.receive(await a.encrypt("go on"));
  isDown = false;
  await a.receive(proposal);
  expect(await b.receive((await a.commit()).commit)).toMatchObject({ updated: [{ leafIndex: 1 }] });
});

it("a PSK callback that throws keeps nobody from committing", async () => {
  const broken = () => {
    throw new TypeError("the store is closed");
  };
  const [alice, bob] = [
    await party("alice", { suite: SUITE, policy: { handshake }, externalPsk: broken }),
    await member("bob"),
  ];
  const { groups } = await gather([alice, bob]);
  const [a, b] = groups as [Group, Group];
  const from = await insider(bob, b);
  await a.receive(await propose(from, externalPsk()));
  expect(await b.receive((await a.update()).commit)).toMatchObject({ kind: "commit" });
  await a.mergePendingCommit();
  // The caller who asks for the PSK learns that there is no verdict, and why.
  const error = await refused(a, () => a.commit({ psks: [{ external: filled() }] }));
  expect([error.code, error.cause]).toEqual(["try-again", expect.any(TypeError)]);
});

it("an own Update, and the own wish to leave, which only others can commit, don't hold up messages", async () => {
  const [a, b] = await three();
  for (const request of [{ update: true }, { remove: b.ownLeafIndex }] as const) {
    const proposal = await b.propose(request);
    await a.receive(proposal);
    expect(b.proposals.at(-1)).toMatchObject({ willCommit: false });
    expect(a.proposals.at(-1)).toMatchObject({ willCommit: true });
    await a.receive(await b.encrypt("goes on"));
    await expect(a.encrypt("held up")).rejects.toEqual(code("pending"));
  }
});

it("proposals aren't copied again with each one that comes after them", async () => {
  const [a, b] = await three();
  await a.receive(await b.propose({ remove: 2 }));
  const [first] = a.proposals;
  await a.receive(await b.propose({ update: true }));
  expect(a.proposals).toHaveLength(2);
  expect(a.proposals[0]).toBe(first);
  await a.dropProposals(first?.reference as Uint8Array);
  expect(a.proposals[0]).toEqual({ ...first, willCommit: false });
  expect(first).toMatchObject({ willCommit: true });
});
