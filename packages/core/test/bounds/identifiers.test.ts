// RFC 9420 §8.1, §8.4, §16: group IDs and PSK IDs, which are looked up before anything is known of their sender.

import { DecodeError, type Group, type MlsError, ProposalType } from "@copse/core";
import { joinByExternalCommit, proposeJoin } from "@copse/core/external";
import { PublicGroup } from "@copse/core/public-group";
import { nodeProvider } from "@copse/provider-node";
import { pair, party } from "@copse/test-support/clients";
import { code, failure } from "@copse/test-support/errors";
import { describe, expect, it } from "vitest";
import { toHex } from "../../src/bytes.js";
import { KeyPackageStore, MAX_JOINED } from "../../src/client/key-packages.js";
import { type Codec, decode, encode, opaque, struct, uint8, uint16, uint64 } from "../../src/codec/codec.js";
import type { KeptKeyPackage } from "../../src/key-package/index.js";
import { GroupContext } from "../../src/wire/group-context.js";
import { MAX_ID_SIZE } from "../../src/wire/limits.js";
import { MlsMessage, peekMessage } from "../../src/wire/mls-message.js";
import { Proposal } from "../../src/wire/proposal.js";
import { PreSharedKeyID, PskTypes } from "../../src/wire/psk.js";
import { filled, SUITE } from "../proposals.js";

const largest = filled(MAX_ID_SIZE);
const tooLong = filled(MAX_ID_SIZE + 1);

it("the longest group ID and PSK ID can be used", async () => {
  const options = { suite: SUITE, externalPsk: () => filled(32) };
  const [alice, bob] = [await party("alice", options), await party("bob", options)];
  const group = await alice.client.createGroup({ groupId: largest });
  const psks = [{ external: largest }];
  const { welcome } = await group.commit({ add: [await bob.client.createKeyPackage()], psks });
  await group.mergePendingCommit();
  const joined = await bob.client.join(welcome as Uint8Array);
  expect(await joined.receive(await group.encrypt("hi"))).toMatchObject({ kind: "application" });
  expect(await group.receive((await joined.commit({ psks })).commit)).toMatchObject({ kind: "commit" });
});

describe("longer ones are refused where they are made", () => {
  type Way = (group: Group) => Promise<unknown>;
  it.each<[string, Way]>([
    [
      "createGroup",
      async () => (await party("carol", { suite: SUITE })).client.createGroup({ groupId: tooLong }),
    ],
    [
      "proposeJoin",
      async () =>
        proposeJoin((await party("carol", { suite: SUITE })).client, { groupId: tooLong, epoch: 1n }),
    ],
    ["a PSK", (group) => group.commit({ psks: [{ external: tooLong }] })],
    ["a ReInit", (group) => group.propose({ reinit: { groupId: tooLong, cipherSuite: 1, extensions: [] } })],
  ])("by %s", async (_, way) => {
    const { a } = await pair({ suite: SUITE, externalPsk: () => filled(32) });
    expect(await failure(way(a))).toEqual(code("limit"));
  });
  it("by a proposal as it goes over the wire", async () => {
    const { a } = await pair({ suite: SUITE });
    const proposal = {
      proposalType: ProposalType.reinit,
      version: 1,
      cipherSuite: 1,
      extensions: [],
    } as const;
    const error = await failure(a.commit({ proposals: [{ ...proposal, groupId: tooLong }] }));
    expect(error).toEqual(code("encode"));
  });
});

describe("a group ID or PSK ID of 15 MB is looked up before it is refused", () => {
  const rest = { epoch: uint64, treeHash: opaque, transcript: opaque, extensions: opaque };
  const context = encode(struct({ version: uint16, suite: uint16, groupId: opaque, ...rest }), {
    ...{ version: 1, suite: SUITE, groupId: tooLong, epoch: 0n },
    ...{ treeHash: filled(), transcript: filled(), extensions: new Uint8Array() },
  });
  const message = (wireFormat: number) =>
    encode(struct({ version: uint16, wireFormat: uint16, groupId: opaque, epoch: uint64, rest: opaque }), {
      ...{ version: 1, wireFormat, groupId: tooLong, epoch: 0n, rest: filled() },
    });
  const read = (codec: Codec<unknown>, bytes: Uint8Array, types?: unknown) => () =>
    decode(codec, bytes, types);
  const psk = (...parts: readonly Uint8Array[]) =>
    Uint8Array.from(parts.flatMap((part, i) => (i === 0 ? [...part] : [...encode(opaque, part)])));
  const custom = new PskTypes(new Map([[9, { codec: opaque }]]));
  it.each<[string, () => unknown]>([
    ["GroupContext", read(GroupContext, context)],
    ["PublicMessage", read(MlsMessage, message(1))],
    ["PrivateMessage", read(MlsMessage, message(2))],
    ["the header of a message", () => peekMessage(message(2))],
    ["external PSK", read(PreSharedKeyID, psk(Uint8Array.of(1), tooLong, filled()))],
    ["nonce of a PSK", read(PreSharedKeyID, psk(Uint8Array.of(1), filled(), tooLong))],
    ["resumption PSK", read(PreSharedKeyID, psk(Uint8Array.of(2, 1), tooLong, filled()))],
    ["PSK of a registered type", read(PreSharedKeyID, psk(Uint8Array.of(9), tooLong, filled()), custom)],
    ["ReInit", read(Proposal, psk(Uint8Array.of(0, 5), tooLong))],
  ])("in a %s", (_, decoded) => {
    expect(decoded).toThrow(DecodeError);
    expect(decoded).toThrow(/at most 1024 bytes, got 10/);
  });
  it("in a GroupInfo whose signature is junk", async () => {
    const { client } = await party("alice", { suite: SUITE });
    const groupInfo = await (await client.createGroup({ groupId: largest })).groupInfo();
    // The length of the ID is in bytes 8 and 9 of an MLSMessage with a GroupInfo.
    expect([...groupInfo.subarray(8, 10)]).toEqual([0x44, 0x00]);
    const forged = new Uint8Array(groupInfo.length + 1);
    forged.set(groupInfo.subarray(0, 10));
    forged.set(groupInfo.subarray(10), 11);
    forged[9] = 1;
    const options = { crypto: nodeProvider(), authentication: { validate: () => true }, groupInfo: forged };
    for (const join of [joinByExternalCommit(client, forged), PublicGroup.follow(options as never)]) {
      expect((await failure(join)).message).toContain("expected at most 1024 bytes, got 1025");
    }
  });
});

it("a PSK of a registered type with a long identifier isn't written", () => {
  const id = { pskType: 9, data: tooLong, pskNonce: filled() };
  expect(() => encode(PreSharedKeyID, id)).toThrow("at most 1024 bytes, got 1025");
});

it("the hexadecimal of many bytes is that of their pieces", () => {
  const bytes = Uint8Array.from({ length: 3000 }, (_, i) => i * 7);
  for (const length of [0, 1, 1023, 1024, 1025, 3000]) {
    expect(toHex(bytes.subarray(0, length))).toBe(Buffer.from(bytes.subarray(0, length)).toString("hex"));
  }
});

it("a key package of last resort remembers groups without end", () => {
  const store = new KeyPackageStore(nodeProvider().suite(SUITE).hpke, () => false);
  const leafNodeSource = { type: 1, lifetime: { notBefore: 0n, notAfter: 1n } };
  const keyPackage = { leafNode: { leafNodeSource } };
  const own = { reference: filled(), initKey: {}, keyPackage, joined: [] } as unknown as KeptKeyPackage;
  store.add(own);
  const group = (i: number) => ({
    groupId: encode(struct({ a: uint8, b: uint16 }), { a: 1, b: i }),
    epoch: 1n,
  });
  const use = (i: number, epoch = 1n) => store.use(own, true, { ...group(i), epoch }, () => i);
  for (let i = 0; i < MAX_JOINED; i++) use(i);
  expect(() => use(MAX_JOINED)).toThrow(expect.objectContaining({ code: "limit" }) as unknown as MlsError);
  // It can still be used to enter one of these again, and by no Welcome twice.
  expect(use(0, 2n)).toBe(0);
  expect(() => use(0, 2n)).toThrow(expect.objectContaining({ code: "duplicate" }) as unknown as MlsError);
  expect(store.all[0]?.joined).toHaveLength(MAX_JOINED);
});
