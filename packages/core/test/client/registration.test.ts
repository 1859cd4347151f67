// RFC 9420 §13: extension, proposal and credential types of an application's own, and the rules that they bring.

import {
  Client,
  type Credential,
  customProposal,
  externalSenders,
  type Group,
  generateSigner,
  insecureAcceptAll,
  requiredCapabilities,
} from "@copse/core";
import {
  decode,
  type ExtensionPlace,
  encode,
  ensure,
  type MlsExtension,
  opaque,
  type ProposalDefinition,
  struct,
  uint8,
  utf8,
  vector,
} from "@copse/core/extension";
import { joinByExternalCommit } from "@copse/core/external";
import { PublicGroup } from "@copse/core/public-group";
import { nodeProvider } from "@copse/provider-node";
import { flipped } from "@copse/test-support/bytes";
import { everyone, gather, keyPackageIn, type Meeting, type Party, party } from "@copse/test-support/clients";
import { failure, refused, saying } from "@copse/test-support/errors";
import { forge, frame, insider } from "@copse/test-support/insiders";
import { eachProposal } from "@copse/test-support/policies";
import { describe, expect, it } from "vitest";
import type { SourcedProposal } from "../../src/framing/sourced-proposal.js";
import { Registry } from "../../src/group/extensions/registry.js";

const SUITE = 1;
const PROPOSAL = 0xf101;
const EXTENSION = 0xf102;
const CREDENTIAL = 0xf103;

/** Two vectors without a length before them: a client that doesn't know the type can't skip it. */
const Topic = struct({ title: opaque, tags: vector(uint8) });
const topic = (title: string, ...tags: number[]) =>
  customProposal(PROPOSAL, encode(Topic, { title: utf8(title), tags }));

function topics(changes: Partial<ProposalDefinition> = {}): MlsExtension {
  return {
    name: "topics",
    proposals: [
      {
        proposalType: PROPOSAL,
        name: "topic",
        codec: Topic,
        pathRequired: false,
        external: false,
        check: ({ value }) => {
          const { title } = value as { readonly title: Uint8Array };
          ensure(title.length > 0, "draft-topics: a topic has a title");
        },
        ...changes,
      },
    ],
  };
}

async function meeting(extensions: readonly (readonly MlsExtension[])[], more = {}): Promise<Meeting> {
  const names = ["alice", "bob", "mallory"];
  const parties: Party[] = [];
  for (const [i, own] of extensions.entries()) {
    const made = await party(names[i] as string, { suite: SUITE, extensions: own, ...more });
    parties.push({ ...made, config: { ...made.config, registry: new Registry(own) } });
  }
  return gather(parties);
}

const three = (make: () => readonly MlsExtension[], more = {}) => meeting([make(), make(), make()], more);

describe("a proposal type", () => {
  it.each(["private", "public"] as const)(
    "goes through a group in %s handshakes, by both forms",
    async (handshake) => {
      const { groups } = await three(() => [topics()], { policy: { handshake } });
      const [alice, bob, mallory] = groups as [Group, Group, Group];
      await everyone(groups, await bob.propose({ custom: topic("one", 1, 2) }), 1);
      const { commit } = await alice.commit({ proposals: [topic("two")] });
      for (const group of [bob, mallory]) {
        const received = await group.receive(commit);
        expect(received).toMatchObject({
          // No path was needed.
          updated: [],
          custom: [
            { proposal: topic("one", 1, 2), sender: { leafIndex: 1 } },
            { proposal: topic("two"), sender: { leafIndex: 0 } },
          ],
        });
      }
      await alice.mergePendingCommit();
      expect(mallory.epochAuthenticator).toEqual(alice.epochAuthenticator);
    },
  );

  it("is in the capabilities, and can be required", async () => {
    const { groups } = await three(() => [topics()]);
    const [alice] = groups as [Group];
    expect(alice.leafNode(1)?.capabilities.proposals).toEqual([PROPOSAL]);
    const required = [requiredCapabilities({ proposalTypes: [PROPOSAL] })];
    await everyone(groups, (await alice.commit({ extensions: required })).commit, 0);
    await alice.mergePendingCommit();
    const plain = await party("dave", { suite: SUITE });
    expect(saying(await failure(alice.add(await plain.client.createKeyPackage())))).toMatch(/^7\.3: /);
  });

  it("is given back to a member that loses a race of commits", async () => {
    const { groups } = await three(() => [topics()]);
    const [alice, bob] = groups as [Group, Group];
    await alice.commit({ proposals: [topic("mine")] });
    const { commit } = await bob.update();
    const received = await alice.receive(commit);
    expect(received).toMatchObject({ droppedPending: true, dropped: [topic("mine")] });
  });

  it("is malformed for a client that doesn't know it, and refused in its group", async () => {
    const { groups } = await meeting([[topics()], [topics()], []]);
    const [alice, bob, mallory] = groups as [Group, Group, Group];
    // A client that keeps the rules doesn't send it in this group.
    expect(saying(await failure(alice.propose({ custom: topic("x") })))).toMatch(/^13\.2: /);
    expect(saying(await failure(alice.commit({ proposals: [topic("x")] })))).toMatch(/^12\.2: .*non-default/);
    expect((await failure(mallory.propose({ custom: topic("x") }))).code).toBe("unsupported");
    expect((await failure(mallory.commit({ proposals: [topic("x")] }))).code).toBe("unsupported");
    // Members who are removed needn't support it.
    const { commit } = await alice.commit({ proposals: [topic("x")], remove: [2] });
    expect((await refused(mallory, commit)).code).toBe("decode");
    expect(await bob.receive(commit)).toMatchObject({ custom: [{}], removed: [{ leafIndex: 2 }] });
  });

  it("is refused in a commit that some member can't process, also when received", async () => {
    const { groups, parties } = await meeting([[topics()], [], [topics()]]);
    const [alice, bob] = groups as [Group, Group, Group];
    const from = await insider(parties[2] as Party, groups[2] as Group);
    const proposals: SourcedProposal[] = [{ proposal: topic("x"), sender: { senderType: 1, leafIndex: 2 } }];
    const message = await forge(from, { proposals, path: "none" });
    expect(saying(await refused(alice, message))).toMatch(/^12\.2: .*non-default/);
    expect((await refused(bob, message)).code).toBe("decode");
  });

  it("is validated by its definition, in both directions, by value and by reference", async () => {
    const { groups, parties } = await three(() => [topics()]);
    const [alice] = groups as [Group];
    expect(saying(await failure(alice.propose({ custom: topic("") })))).toBe(
      "draft-topics: a topic has a title",
    );
    expect(saying(await failure(alice.commit({ proposals: [topic("")] })))).toMatch(/^draft-topics/);
    expect((await failure(alice.commit({ proposals: [customProposal(PROPOSAL, utf8("?"))] }))).code).toBe(
      "decode",
    );
    const from = await insider(parties[2] as Party, groups[2] as Group);
    const error = await refused(alice, await frame(from, { contentType: 2, proposal: topic("") }));
    expect(saying(error)).toMatch(/^draft-topics/);
    expect(error.proposal).toMatchObject({ index: 0, type: PROPOSAL });
    const proposals: SourcedProposal[] = [{ proposal: topic(""), sender: { senderType: 1, leafIndex: 2 } }];
    expect(saying(await refused(alice, await forge(from, { proposals, path: "none" })))).toMatch(
      /^draft-topics/,
    );
  });

  it("requires a path if its definition says so", async () => {
    const { groups, parties } = await three(() => [topics({ pathRequired: true })]);
    const [alice] = groups as [Group];
    const from = await insider(parties[2] as Party, groups[2] as Group);
    const proposals: SourcedProposal[] = [{ proposal: topic("x"), sender: { senderType: 1, leafIndex: 2 } }];
    expect(saying(await refused(alice, await forge(from, { proposals, path: "none" })))).toMatch(
      /^12\.4: the path/,
    );
    const { commit } = await alice.commit({ proposals: [topic("x")] });
    await everyone(groups, commit, 0);
  });

  it("comes from external senders only if its definition says so", async () => {
    const crypto = nodeProvider();
    const signer = await generateSigner(crypto, SUITE);
    const credential = { credentialType: 1, identity: utf8("server") } as const;
    for (const external of [true, false]) {
      const extensions = [topics({ external })];
      const { groups } = await three(() => extensions, { policy: { handshake: "public" } });
      const [alice, bob] = groups as [Group, Group];
      const list = [externalSenders([{ signatureKey: signer.publicKey, credential }])];
      await everyone(groups, (await alice.commit({ extensions: list })).commit, 0);
      await alice.mergePendingCommit();
      const groupInfo = await alice.groupInfo();
      const authentication = insecureAcceptAll();
      const follow = (own: readonly MlsExtension[]) =>
        PublicGroup.follow({ crypto, authentication, groupInfo, extensions: own });
      // A server whose definition allows what the others' forbids.
      const server = await follow([topics({ external: true })]);
      const message = await server.propose(signer, { custom: topic("from outside") });
      if (external) {
        await everyone(groups, message, -1);
        await server.receive(message);
        const { commit } = await bob.commit();
        expect(await server.receive(commit)).toMatchObject({ custom: [{ proposal: topic("from outside") }] });
        expect(await alice.receive(commit)).toMatchObject({ custom: [{ sender: { senderType: 2 } }] });
        expect(server.treeHash).toEqual(alice.treeHash);
      } else {
        expect(saying(await refused(alice, message))).toMatch(/^6\.1: the proposal's type/);
        expect(saying(await failure((await follow(extensions)).receive(message)))).toMatch(/^6\.1: /);
        expect(
          saying(await failure((await follow(extensions)).propose(signer, { custom: topic("x") }))),
        ).toMatch(/^6\.1: /);
      }
    }
  });

  it("is in external commits in the form that its definition says, or not at all", async () => {
    for (const form of ["value", "reference", undefined] as const) {
      const extensions = [topics(form === undefined ? {} : { inExternalCommits: form })];
      const { groups } = await three(() => extensions, { policy: { handshake: "public" } });
      const [alice, bob, mallory] = groups as [Group, Group, Group];
      const proposal = await bob.propose({ custom: topic("by reference") });
      await everyone(groups, proposal, 1);
      const groupInfo = await alice.groupInfo();
      const dave = await party("dave", { suite: SUITE, extensions });
      const byValue = joinByExternalCommit(dave.client, groupInfo, { custom: [topic("by value")] });
      if (form === "value") {
        const { commit } = await byValue;
        await everyone(groups, commit, -1);
      } else expect(saying(await failure(byValue))).toMatch(/^12\.[24]/);
      const erin = await party("erin", { suite: SUITE, extensions });
      const byReference = joinByExternalCommit(erin.client, groupInfo, { proposals: [proposal] });
      if (form === "reference") {
        const { commit, group } = await byReference;
        await everyone([...groups, group], commit, -1);
        expect(mallory.epochAuthenticator).toEqual(group.epochAuthenticator);
      } else expect(saying(await failure(byReference))).toMatch(/^12\.[24]/);
    }
  });

  it("isn't sent as a proposal if it is for commits only", async () => {
    const { groups, parties } = await three(() => [topics({ committedBy: "value" })]);
    const [alice] = groups as [Group];
    expect(saying(await failure(alice.propose({ custom: topic("x") })))).toMatch(/^12\.4: .*by value only/);
    const from = await insider(parties[2] as Party, groups[2] as Group);
    const message = await frame(from, { contentType: 2, proposal: topic("x") });
    expect(saying(await refused(alice, message))).toMatch(/^12\.4: .*by value only/);
    await everyone(groups, (await alice.commit({ proposals: [topic("x")] })).commit, 0);
  });

  it("is in an external commit by reference only as it was sent", async () => {
    const extensions = [topics({ inExternalCommits: "reference" })];
    const { groups } = await three(() => extensions, { policy: { handshake: "public" } });
    const [alice, bob] = groups as [Group, Group];
    const proposal = await bob.propose({ custom: topic("x") });
    const groupInfo = await alice.groupInfo();
    const dave = await party("dave", { suite: SUITE, extensions });
    // All but the membership tag, which a new member can't check.
    for (let at = 4; at < proposal.length - 33; at += 3) {
      await failure(
        joinByExternalCommit(dave.client, groupInfo, { proposals: [flipped(proposal, at, at % 8)] }),
      );
    }
    // And only once the group knows them too.
    const { commit } = await joinByExternalCommit(dave.client, groupInfo, { proposals: [proposal] });
    expect((await refused(alice, commit)).code).toBe("proposal-missing");
    await alice.receive(proposal);
    await alice.receive(commit);
  });

  it("is subject to the policy's authorize()", async () => {
    const authorize = eachProposal(({ proposalType }) => proposalType !== PROPOSAL);
    const { groups } = await three(() => [topics()], { policy: { authorize } });
    expect((await failure((groups[0] as Group).propose({ custom: topic("x") }))).code).toBe("forbidden");
  });

  it("leaves no trace if a byte of its message is changed", async () => {
    const { groups } = await three(() => [topics()], { policy: { handshake: "public" } });
    const [alice, bob] = groups as [Group, Group];
    const saved = await bob.save();
    const message = await alice.propose({ custom: topic("title", 1, 2, 3) });
    for (let at = 0; at < message.length; at++) await refused(bob, flipped(message, at, at % 8), saved);
    const { commit } = await alice.commit({ proposals: [topic("another")] });
    await bob.receive(message);
    const before = await bob.save();
    for (let at = 0; at < commit.length; at++) await refused(bob, flipped(commit, at, at % 8), before);
    await bob.receive(commit);
  });
});

describe("an extension type", () => {
  const counted = (...places: ExtensionPlace[]): MlsExtension => ({
    name: "counted",
    extensions: [
      {
        extensionType: EXTENSION,
        name: "count",
        places,
        check: (data) => {
          ensure(decode(uint8, data) < 100, "draft-counted: a count is below 100");
        },
      },
    ],
  });
  const ext = (...data: number[]) => ({ extensionType: EXTENSION, extensionData: Uint8Array.from(data) });
  const all: ExtensionPlace[] = ["groupContext", "groupInfo", "keyPackage", "leafNode"];

  it.each<[string, ReturnType<typeof ext>, readonly ExtensionPlace[], string]>([
    ["with invalid content", ext(100), all, "draft-counted: a count is below 100"],
    ["with malformed content", ext(1, 2), all, "decode"],
    [
      "in a wrong place",
      ext(1),
      [],
      "17.3: an extension must appear only in the messages that its registration lists",
    ],
  ])("is refused %s, when made and when received", async (_, extension, places, said) => {
    const lax: MlsExtension = {
      name: "lax",
      extensions: [{ extensionType: EXTENSION, name: "count", places: all }],
    };
    const strict = counted(...places);
    const alice = await party("alice", { suite: SUITE, extensions: [strict] });
    const mallory = await party("mallory", { suite: SUITE, extensions: [lax], leafExtensions: [extension] });
    const marked = await party("marked", { suite: SUITE, extensions: [lax] });
    const extensions = [extension];
    const group = await alice.client.createGroup();
    expect(saying(await failure(alice.client.createGroup({ extensions })))).toBe(said);
    expect(saying(await failure(alice.client.createKeyPackage({ extensions })))).toBe(said);
    expect(saying(await failure(group.groupInfo({ extensions })))).toBe(said);
    expect(saying(await failure(group.commit({ extensions })))).toBe(said);
    expect(saying(await failure(group.add(await mallory.client.createKeyPackage())))).toBe(said);
    expect(saying(await failure(group.add(await marked.client.createKeyPackage({ extensions }))))).toBe(said);

    for (const options of [{}, { extensions }]) {
      const theirs = await marked.client.createGroup(options);
      const { welcome } = await theirs.add(await alice.client.createKeyPackage());
      if (options.extensions !== undefined) {
        expect(saying(await failure(alice.client.join(welcome as Uint8Array)))).toBe(said);
      } else {
        await theirs.mergePendingCommit();
        const joined = await alice.client.join(welcome as Uint8Array);
        expect(saying(await refused(joined, await theirs.propose({ extensions })))).toBe(said);
        expect(
          saying(await failure(joinByExternalCommit(alice.client, await theirs.groupInfo({ extensions })))),
        ).toBe(said);
      }
    }
  });

  it("is accepted if valid, and refused by a client that doesn't support it", async () => {
    const make = () => [counted(...all)];
    const { groups } = await three(make, { leafExtensions: [ext(3)] });
    const [alice, bob] = groups as [Group, Group];
    expect(bob.leafNode(2)?.extensions).toEqual([ext(3)]);
    expect(bob.leafNode(2)?.capabilities.extensions).toEqual([EXTENSION]);
    await everyone(groups, (await alice.commit({ extensions: [ext(4)] })).commit, 0);
    await alice.mergePendingCommit();
    expect(bob.extensions).toEqual([ext(4)]);
    const plain = await party("plain", { suite: SUITE });
    expect(saying(await failure(alice.add(await plain.client.createKeyPackage())))).toMatch(/^13\.4: /);
    expect(saying(await failure(joinByExternalCommit(plain.client, await alice.groupInfo())))).toMatch(
      /^13\.4: /,
    );
  });
});

describe("a credential type", () => {
  const badge = (data: Uint8Array): Credential => ({ credentialType: CREDENTIAL, data });
  const badges: MlsExtension = {
    name: "badges",
    credentials: [
      {
        credentialType: CREDENTIAL,
        name: "badge",
        check: (credential) => {
          ensure(
            "data" in credential && credential.data.length === 4,
            "draft-badges: a badge has four bytes",
          );
        },
      },
    ],
  };

  it("is used in groups whose members all support it", async () => {
    const alice = await party("alice", { suite: SUITE, extensions: [badges] });
    const bob = await party("bob", { suite: SUITE, extensions: [badges], credential: badge(utf8("1234")) });
    const { groups } = await gather([alice, bob]);
    const [ofAlice] = groups as [Group];
    expect(ofAlice.member(1)?.credential).toEqual(badge(utf8("1234")));
    expect(ofAlice.leafNode(0)?.capabilities.credentials).toEqual([1, 2, CREDENTIAL]);
    const plain = await party("plain", { suite: SUITE });
    expect(saying(await failure(ofAlice.add(await plain.client.createKeyPackage())))).toMatch(
      /^7\.3: .*credential/,
    );
    const ofPlain = await plain.client.createGroup();
    expect(saying(await failure(ofPlain.add(await bob.client.createKeyPackage())))).toMatch(
      /^7\.3: .*credential/,
    );
  });

  it("is refused with invalid content", async () => {
    const alice = await party("alice", { suite: SUITE, extensions: [badges] });
    const lax = await Client.create({
      crypto: nodeProvider(),
      suite: SUITE,
      credential: badge(utf8("12345")),
      authentication: insecureAcceptAll(),
      capabilities: { credentials: [1, CREDENTIAL] },
    });
    const group = await alice.client.createGroup();
    const keyPackage = await lax.createKeyPackage();
    expect(saying(await failure(group.add(keyPackage)))).toMatch(/^draft-badges/);
    expect(saying(await failure(group.propose({ add: keyPackage })))).toMatch(/^draft-badges/);
  });
});

describe("registration", () => {
  it("refuses types that are in use", async () => {
    const make = (extension: MlsExtension, other: MlsExtension = { name: "other" }) =>
      failure(party("x", { suite: SUITE, extensions: [extension, other] }));
    const proposal = (proposalType: number): MlsExtension => topics({ proposalType });
    const type = (extensionType: number): MlsExtension => ({
      name: "x",
      extensions: [{ extensionType, name: "x", places: [] }],
    });
    const credential = (credentialType: number): MlsExtension => ({
      name: "x",
      credentials: [{ credentialType, name: "x" }],
    });
    for (const [of, standard] of [
      [proposal, 7],
      [type, 5],
      [credential, 2],
    ] as const) {
      expect((await make(of(standard))).code).toBe("usage");
      expect((await make(of(0))).code).toBe("usage");
      expect((await make(of(0x10000))).code).toBe("usage");
      expect((await make(of(0xf200), of(0xf200))).code).toBe("usage");
    }
    expect(() => customProposal(3, new Uint8Array())).toThrow(/RFC 9420/);
  });

  it("isn't needed for the default types of RFC 9420, which capabilities must not list", async () => {
    for (const capabilities of [{ extensions: [0xf300, 5] }, { proposals: [1] }]) {
      const error = await failure(party("x", { suite: SUITE, capabilities }));
      expect(`${error.code}: ${error.message}`).toMatch(/^usage: .*without the default types/);
    }
    const { client } = await party("x", { suite: SUITE, capabilities: { extensions: [6] } });
    const { capabilities } = keyPackageIn(await client.createKeyPackage()).leafNode;
    expect(capabilities).toMatchObject({ extensions: [6], proposals: [] });
  });

  it("reaches groups that a client is already in, by an update of its leaf", async () => {
    const { groups, parties } = await meeting([[topics()], []]);
    const [alice, bob] = groups as [Group, Group];
    const { signer } = parties[1] as Party;
    const now = await party("bob", { suite: SUITE, extensions: [topics()], signer });
    const restored = await now.client.restore(await bob.save());
    expect(saying(await failure(alice.propose({ custom: topic("x") })))).toMatch(/^13\.2: /);
    const { commit } = await restored.update({ renewCapabilities: true });
    await alice.receive(commit);
    await restored.mergePendingCommit();
    await restored.receive(await alice.propose({ custom: topic("x") }));
    await alice.receive((await restored.commit()).commit);
    await restored.mergePendingCommit();
    expect(restored.epochAuthenticator).toEqual(alice.epochAuthenticator);
  });
});
