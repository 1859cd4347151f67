// RFC 9420 §5.2: what a server that keeps nothing of a group can tell of key packages, proposals and commits.

import { customProposal, DecodeError, externalSenders, generateSigner } from "@copse/core";
import { encode, type MlsExtension, opaque, utf8 } from "@copse/core/extension";
import { proposeJoin } from "@copse/core/external";
import { readMessage } from "@copse/core/message";
import { externalProposal, keyPackageReference, proposalReference } from "@copse/core/public-group";
import { nodeProvider } from "@copse/provider-node";
import { gather, party } from "@copse/test-support/clients";
import { failure } from "@copse/test-support/errors";
import { describe, expect, it } from "vitest";
import { concat } from "../../src/bytes.js";

const crypto = nodeProvider();
const SUITE = 2;
const CUSTOM = 0xf0f0;
const topics: MlsExtension = {
  name: "topics",
  proposals: [{ proposalType: CUSTOM, name: "topic", codec: opaque, pathRequired: false, external: true }],
};
const topic = customProposal(CUSTOM, encode(opaque, utf8("topic")));
const options = { suite: SUITE, policy: { handshake: "public" }, extensions: [topics] } as const;

/** A group of three that lists a server. */
async function scene() {
  const server = await generateSigner(crypto, SUITE);
  const people = [await party("alice", options), await party("bob", options), await party("carol", options)];
  const { credential } = (people[0] as (typeof people)[number]).client;
  const { groups } = await gather(people);
  const [a, b, c] = groups as [(typeof groups)[number], (typeof groups)[number], (typeof groups)[number]];
  const list = [externalSenders([{ signatureKey: server.publicKey, credential }])];
  const { commit } = await a.commit({ extensions: list });
  await a.mergePendingCommit();
  for (const one of [b, c]) await one.receive(commit);
  const known = { suite: SUITE, groupId: a.groupId, epoch: a.epoch, senderIndex: 0 };
  return { a, b, c, server, known };
}

describe("the references of proposals", () => {
  it("are those by which members know them, whoever sends them", async () => {
    const { a, b, server, known } = await scene();
    const dave = await party("dave", options);
    const sent = [
      await b.propose({ update: true }),
      await b.propose({ custom: topic }),
      await externalProposal(crypto, server, known, { remove: 2 }),
      await externalProposal(crypto, server, known, { custom: topic }, { extensions: [topics] }),
      await proposeJoin(dave.client, { groupId: a.groupId, epoch: a.epoch }),
    ];
    for (const message of sent) {
      await a.receive(message);
      const reference = await proposalReference(crypto, SUITE, message, [topics]);
      expect(reference).toEqual(a.proposals.at(-1)?.reference);
    }
    expect(a.proposals).toHaveLength(sent.length);
  });

  it("aren't given for other messages, nor for damaged ones", async () => {
    const { a, b } = await scene();
    const proposal = await b.propose({ update: true });
    const { commit } = await a.update();
    const reference = (message: Uint8Array, suite = SUITE) =>
      failure(proposalReference(crypto, suite, message));
    expect(await reference(commit)).toMatchObject({ code: "usage" });
    expect(await reference(await a.encrypt("hello"))).toMatchObject({ code: "usage" });
    expect(await reference(proposal.subarray(0, -1))).toBeInstanceOf(DecodeError);
    expect(await reference(concat(proposal, proposal))).toBeInstanceOf(DecodeError);
    expect(await reference(await b.propose({ custom: topic }))).toBeInstanceOf(DecodeError);
    expect(await reference(proposal, 77)).toMatchObject({ code: "unsupported" });
    expect(await reference("proposal" as unknown as Uint8Array)).toMatchObject({ code: "usage" });
    for (const wrong of [null, topics, [null], ["topics"]] as unknown as MlsExtension[][]) {
      const refused = await failure(proposalReference(crypto, SUITE, proposal, wrong));
      expect(refused).toMatchObject({ code: "usage" });
      expect(await failure(async () => readMessage(proposal, wrong))).toMatchObject({ code: "usage" });
    }
  });
});

describe("the reference of a key package", () => {
  it("is that by which its client and Welcomes know it, raw or framed", async () => {
    const { client } = await party("dave", options);
    const keyPackage = await client.createKeyPackage();
    const [own] = client.keyPackages();
    for (const form of [keyPackage, keyPackage.subarray(4)])
      expect(await keyPackageReference(crypto, form)).toEqual(own?.reference);
  });

  it("isn't given for anything else", async () => {
    const { a } = await scene();
    expect(await failure(keyPackageReference(crypto, await a.groupInfo()))).toMatchObject({ code: "usage" });
    expect(await failure(keyPackageReference(crypto, new Uint8Array(9)))).toBeInstanceOf(DecodeError);
  });
});

describe("readMessage", () => {
  it("shows to which proposals a commit refers, in its order", async () => {
    const { a, b, server, known } = await scene();
    const removal = await externalProposal(crypto, server, known, { remove: 2 });
    for (const message of [await b.propose({ update: true }), removal, await b.propose({ custom: topic })])
      await a.receive(message);
    const { commit, proposals } = await a.commit({
      add: [await (await party("dave", options)).client.createKeyPackage()],
    });
    const read = readMessage(commit);
    expect(read).toMatchObject({ kind: "public-message", contentType: "commit" });
    const expected = proposals.flatMap(({ reference }) => reference ?? []);
    expect(expected).toHaveLength(3);
    expect("references" in read && read.references).toEqual(expected);
    expect(readMessage(removal)).toMatchObject({ references: undefined });
  });

  it("doesn't show them where a proposal in the commit can't be decoded", async () => {
    const { a, b } = await scene();
    await a.receive(await b.propose({ update: true }));
    const { commit, proposals } = await a.commit({ proposals: [topic] });
    const references = proposals.flatMap(({ reference }) => reference ?? []);
    expect(readMessage(commit)).toMatchObject({ references: undefined, rest: new Uint8Array() });
    expect(readMessage(commit, [topics])).toMatchObject({ references });
  });

  it("finds the end of proposals of the types that extensions define", async () => {
    const { a } = await scene();
    const [first, second] = [await a.propose({ custom: topic }), await a.propose({ remove: 1 })];
    const buffer = concat(first, second);
    expect(readMessage(buffer)).toMatchObject({ proposalType: CUSTOM, rest: undefined });
    const read = readMessage(buffer, [topics]);
    expect(read).toMatchObject({ proposalType: CUSTOM, message: first, rest: second });
    expect(() => readMessage(first.subarray(0, -1), [topics])).toThrow(DecodeError);
  });
});

describe("a commit of very many references", () => {
  it("isn't decoded before they are read, and no reference is shorter than a hash", async () => {
    const { a, b } = await scene();
    await a.receive(await b.propose({ update: true }));
    const { commit } = await a.commit();
    const [reference] = (readMessage(commit) as { references: readonly Uint8Array[] }).references;
    // The list of proposals, type and length before each reference, becomes one of the same with empty references.
    const { length } = reference as Uint8Array;
    const at = Buffer.from(commit).indexOf(reference as Uint8Array) - 3;
    const many = new Uint8Array(1 << 20).map((_, i) => (i % 2 === 0 ? 2 : 0));
    const size = Uint8Array.of(0x80, many.length >> 16, (many.length >> 8) & 0xff, many.length & 0xff);
    const bomb = concat(commit.subarray(0, at), size, many, commit.subarray(at + 3 + length));
    const read = readMessage(bomb);
    expect(read).toMatchObject({ kind: "public-message", rest: new Uint8Array() });
    expect("references" in read && read.references).toBeUndefined();
  });

  it("is read from a copy of the message: later changes of the buffer change nothing", async () => {
    const { a, b } = await scene();
    await a.receive(await b.propose({ update: true }));
    const { commit, proposals } = await a.commit();
    const read = readMessage(commit);
    commit.fill(0);
    expect("references" in read && read.references).toEqual(proposals.map(({ reference }) => reference));
  });
});
