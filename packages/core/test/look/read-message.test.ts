// RFC 9420 §6: what anybody can read of a message, without a group: where it belongs, and where it ends.

import {
  customProposal,
  DecodeError,
  externalSenders,
  type Group,
  generateSigner,
  MlsError,
} from "@copse/core";
import { encode, type MlsExtension, opaque, utf8 } from "@copse/core/extension";
import { joinByExternalCommit, proposeJoin } from "@copse/core/external";
import { readMessage, type UnverifiedMessage } from "@copse/core/message";
import { PublicGroup } from "@copse/core/public-group";
import { nodeProvider } from "@copse/provider-node";
import { gather, type Party, party } from "@copse/test-support/clients";
import { failure } from "@copse/test-support/errors";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { concat } from "../../src/bytes.js";
import { Writer } from "../../src/codec/writer.js";

const SUITE = 1;
const CUSTOM = 0xf0f0;
const topics: MlsExtension = {
  name: "topics",
  proposals: [{ proposalType: CUSTOM, name: "topic", codec: opaque, pathRequired: false, external: false }],
};

let all: Readonly<Record<string, Uint8Array>>;
let group: Group;
let bob: Party;
let reference: Uint8Array;

beforeAll(async () => {
  const options = { suite: SUITE, policy: { handshake: "public" }, extensions: [topics] } as const;
  const { parties, groups } = await gather([await party("alice", options), await party("mallory", options)]);
  group = groups[0] as Group;
  const quiet = (await gather([await party("carol", { suite: SUITE })])).groups[0] as Group;
  bob = await party("bob", options);
  const server = await generateSigner(nodeProvider(), SUITE);
  const { credential } = (parties[0] as Party).client;
  const extensions = [externalSenders([{ signatureKey: server.publicKey, credential }])];
  const { commit } = await group.commit({ extensions });
  await group.mergePendingCommit();
  const follower = await PublicGroup.follow({
    crypto: nodeProvider(),
    authentication: { validate: () => true },
    groupInfo: await group.groupInfo(),
  });
  const keyPackage = await bob.client.createKeyPackage();
  [{ reference }] = bob.client.keyPackages() as unknown as [{ reference: Uint8Array }];
  const { welcome } = await quiet.add(keyPackage);
  await quiet.clearPendingCommit();
  const { commit: privateCommit } = await quiet.update();
  const groupInfo = await group.groupInfo();
  const authenticatedData = utf8("label");
  all = {
    application: await group.encrypt("hello", { authenticatedData }),
    "a private commit": privateCommit,
    "a private proposal": await quiet.propose({ update: true }),
    "a public commit": commit,
    "a public proposal": await group.propose({ remove: 1 }, { authenticatedData }),
    "a server's proposal": await follower.propose(server, { remove: 1 }),
    "a new member's proposal": await proposeJoin(bob.client, { groupId: group.groupId, epoch: group.epoch }),
    "a new member's commit": (await joinByExternalCommit(bob.client, groupInfo)).commit,
    welcome: welcome as Uint8Array,
    groupInfo,
    keyPackage,
    custom: await group.propose({ custom: customProposal(CUSTOM, encode(opaque, utf8("topic"))) }),
  };
});

const read = (name: string) => readMessage(all[name] as Uint8Array);

describe("readMessage", () => {
  it("says where each message belongs, and that nothing of it is verified", () => {
    const here = { groupId: group.groupId, epoch: group.epoch, verified: false };
    const empty = new Uint8Array();
    const label = utf8("label");
    const member = { kind: "member", leafIndex: 0 };
    const privately = { kind: "private-message", verified: false };
    expect(read("application")).toMatchObject({
      ...here,
      kind: "private-message",
      contentType: "application",
      authenticatedData: label,
    });
    expect(read("a private commit")).toMatchObject({ ...privately, contentType: "commit", epoch: 0n });
    expect(read("a private proposal")).toMatchObject({ ...privately, contentType: "proposal" });
    const publicly = { ...here, kind: "public-message", authenticatedData: empty, proposalType: undefined };
    expect(read("a public commit")).toMatchObject({
      ...publicly,
      epoch: group.epoch - 1n,
      contentType: "commit",
      sender: member,
    });
    expect(read("a public proposal")).toMatchObject({
      ...publicly,
      contentType: "proposal",
      sender: member,
      proposalType: 3,
      authenticatedData: label,
    });
    expect(read("a server's proposal")).toMatchObject({
      ...publicly,
      contentType: "proposal",
      proposalType: 3,
      sender: { kind: "external", senderIndex: 0 },
    });
    const newMember = { kind: "new-member" };
    expect(read("a new member's proposal")).toMatchObject({
      ...publicly,
      contentType: "proposal",
      proposalType: 1,
      sender: newMember,
    });
    expect(read("a new member's commit")).toMatchObject({
      ...publicly,
      contentType: "commit",
      sender: newMember,
    });
    expect(read("welcome")).toMatchObject({ kind: "welcome", suite: SUITE, references: [reference] });
    expect(read("groupInfo")).toMatchObject({ ...here, kind: "group-info", suite: SUITE, signer: 0 });
    const { credential, signatureKey } = bob.client;
    expect(read("keyPackage")).toMatchObject({
      kind: "key-package",
      suite: SUITE,
      credential,
      signatureKey,
      verified: false,
    });
  });

  it("walks through a buffer that holds one message after the other", () => {
    const { custom: _, ...closed } = all;
    const messages = Object.values(closed);
    const buffer = concat(...messages);
    const found: UnverifiedMessage[] = [];
    for (let rest: Uint8Array | undefined = buffer; rest?.length; ) {
      const one: UnverifiedMessage = readMessage(rest);
      found.push(one);
      rest = one.rest;
    }
    expect(found.map(({ message }) => message)).toEqual(messages);
    expect(found.at(-1)?.rest).toEqual(new Uint8Array());
    // A copy, which stays as it is, and a view, so that a long buffer isn't copied for each message.
    expect(found[0]?.message.buffer).not.toBe(buffer.buffer);
    expect(found[0]?.rest?.buffer).toBe(buffer.buffer);
  });

  it("can't tell where a proposal of an unknown type ends, and says so", () => {
    const custom = read("custom");
    expect(custom).toMatchObject({
      kind: "public-message",
      contentType: "proposal",
      proposalType: CUSTOM,
      groupId: group.groupId,
      sender: { kind: "member", leafIndex: 0 },
      rest: undefined,
    });
    expect(custom.message).toEqual(all.custom);
  });

  it("shows what the bytes say, also where a group refuses them", async () => {
    const message = (all["a public commit"] as Uint8Array).slice();
    // The last byte of the epoch, behind the header and the group ID.
    const at = 4 + 1 + group.groupId.length + 7;
    message[at] = 99;
    expect(readMessage(message)).toMatchObject({ epoch: 99n, verified: false });
    expect(await failure(group.receive(message))).toBeInstanceOf(MlsError);
  });

  it("takes memory that threads share, and hands out memory that they don't", () => {
    const shared = new Uint8Array(new SharedArrayBuffer(2 * (all.application as Uint8Array).length));
    shared.set(all.application as Uint8Array);
    shared.set(all.application as Uint8Array, shared.length / 2);
    const one = readMessage(shared);
    for (const bytes of [one.message, one.rest]) expect(bytes?.buffer).toBeInstanceOf(ArrayBuffer);
    expect(readMessage(one.rest as Uint8Array).message).toEqual(all.application);
  });
});

describe("readMessage of what is no message", () => {
  it("is a DecodeError for every truncation", () => {
    for (const [name, message] of Object.entries(all)) {
      if (name === "custom") continue;
      for (let length = 0; length < message.length; length += 1 + Math.floor(length / 50)) {
        expect(() => readMessage(message.subarray(0, length)), `${name}, ${length} bytes`).toThrow(
          DecodeError,
        );
      }
    }
  });

  it("is a DecodeError for junk, or else the bytes are split in two", () => {
    const headed = fc
      .tuple(fc.constantFrom(1, 2, 3, 4, 5), fc.uint8Array({ maxLength: 200 }))
      .map(([wireFormat, body]) => Uint8Array.of(0, 1, 0, wireFormat, ...body));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 100 }), headed), (bytes) => {
        let one: UnverifiedMessage;
        try {
          one = readMessage(bytes);
        } catch (error) {
          return error instanceof DecodeError;
        }
        return one.message.length + (one.rest?.length ?? 0) === bytes.length;
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    ["a raw structure", () => (all.keyPackage as Uint8Array).slice(4), DecodeError],
    ["text", () => "hello" as unknown as Uint8Array, MlsError],
    ["an unknown wire format", () => Uint8Array.of(0, 1, 0, 9, 1, 2, 3), DecodeError],
    ["another version", () => Uint8Array.of(0, 2, ...(all.application as Uint8Array).slice(2)), DecodeError],
  ])("refuses %s", (_, bytes, type) => {
    expect(() => readMessage(bytes())).toThrow(type);
  });
});

describe("its work is bounded", () => {
  const SIZE = 1 << 20;

  /** A Welcome with as many entries as fit, each with a reference of so many bytes. */
  function crowded(reference: number): Uint8Array {
    const entry = Uint8Array.of(reference, ...new Uint8Array(reference), 0, 0);
    const secrets = new Uint8Array(Math.floor(SIZE / entry.length) * entry.length);
    for (let at = 0; at < secrets.length; at += entry.length) secrets.set(entry, at);
    const writer = new Writer();
    writer.varint(secrets.length);
    writer.raw(secrets);
    return concat(Uint8Array.of(0, 1, 0, 3, 0, 1), writer.finish(), Uint8Array.of(0));
  }

  it("a Welcome with references that are no hashes is refused, before there are many", () => {
    expect(() => readMessage(crowded(0))).toThrow(/expected a KeyPackageRef of 32 or more bytes, got 0/);
    const { references } = readMessage(crowded(32)) as Extract<UnverifiedMessage, { kind: "welcome" }>;
    expect(references.length).toBe(Math.floor(SIZE / 35));
  });

  it("a buffer of very many messages is copied for none of them", () => {
    // The smallest message: a PrivateMessage with empty vectors. If each copied the rest, it would be 20 GB.
    const smallest = Uint8Array.of(0, 1, 0, 2, 0, ...new Uint8Array(8), 1, 0, 0, 0);
    const count = 50_000;
    const buffer = new Uint8Array(count * smallest.length);
    for (let i = 0; i < count; i++) buffer.set(smallest, i * smallest.length);
    let [found, shared] = [0, 0];
    for (let rest: Uint8Array | undefined = buffer; rest?.length; found++) {
      rest = readMessage(rest).rest;
      if (rest?.buffer === buffer.buffer) shared++;
    }
    expect([found, shared]).toEqual([count, count]);
  });
});
