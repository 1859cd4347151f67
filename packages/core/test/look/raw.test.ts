// RFC 9420 §6: key packages, Welcomes and GroupInfos come in an MLSMessage, or raw: and no bytes are taken for the other.

import { DecodeError, type Group, MlsError, unframe } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { CIPHER_SUITES } from "@copse/core/provider";
import { PublicGroup } from "@copse/core/public-group";
import { nodeProvider } from "@copse/provider-node";
import { gather, keyPackageIn, type Party, party } from "@copse/test-support/clients";
import { failure } from "@copse/test-support/errors";
import { describe, expect, it } from "vitest";
import { concat } from "../../src/bytes.js";
import { encode } from "../../src/codec/codec.js";
import { MlsMessage, readGroupInfo, readKeyPackage, readWelcome } from "../../src/wire/mls-message.js";
import { GroupInfo } from "../../src/wire/welcome.js";

const MAX = 1 << 20;
const crypto = nodeProvider();
const SUITES = CIPHER_SUITES.map(({ id }) => id);

interface Made {
  readonly alice: Group;
  readonly bob: Party;
  readonly keyPackage: Uint8Array;
  readonly welcome: Uint8Array;
  readonly groupInfo: Uint8Array;
}

async function make(suite: number): Promise<Made> {
  const { groups } = await gather([await party("alice", { suite, policy: { handshake: "public" } })]);
  const alice = groups[0] as Group;
  const bob = await party("bob", { suite });
  const keyPackage = await bob.client.createKeyPackage();
  const { welcome } = await alice.add(keyPackage);
  await alice.mergePendingCommit();
  return { alice, bob, keyPackage, welcome: welcome as Uint8Array, groupInfo: await alice.groupInfo() };
}

/** What a message of each kind is read as, wherever the structure is expected. */
const READERS = {
  keyPackage: readKeyPackage,
  welcome: (bytes: Uint8Array) => readWelcome(bytes, MAX),
  groupInfo: (bytes: Uint8Array) => readGroupInfo(bytes, MAX),
} as const;
const KINDS = Object.keys(READERS) as (keyof typeof READERS)[];

describe.each(SUITES)("in suite %i", (suite) => {
  it("raw structures are taken wherever framed ones are", async () => {
    const { alice, bob, welcome, groupInfo } = await make(suite);
    const staged = await bob.client.readWelcome(unframe(welcome));
    expect(staged.epoch).toBe(1n);
    const joined = await bob.client.join(unframe(welcome));
    expect(joined.epochAuthenticator).toEqual(alice.epochAuthenticator);

    const authentication = { validate: () => true };
    const follower = await PublicGroup.follow({ crypto, authentication, groupInfo: unframe(groupInfo) });
    await follower.resume(unframe(groupInfo));
    expect(follower.treeHash).toEqual(alice.treeHash);

    const carol = await party("carol", { suite });
    const raw = unframe(await carol.client.createKeyPackage());
    expect((await bob.client.readKeyPackage(raw)).suite).toBe(suite);
    await alice.propose({ add: raw });
    const { welcome: added } = await alice.add({ keyPackage: raw, credential: "carol" }, { references: [] });
    await alice.mergePendingCommit();
    await carol.client.join(unframe(added as Uint8Array));

    const dave = await party("dave", { suite });
    const { commit } = await joinByExternalCommit(dave.client, unframe(await alice.groupInfo()));
    expect(await alice.receive(commit)).toMatchObject({ external: true });
  });

  it("each structure is read the same, framed and raw, and as nothing else", async () => {
    const made = await make(suite);
    // The first bytes may be those of a message of another kind.
    const refusal = expect.objectContaining({ code: expect.stringMatching(/^(decode|usage)$/) });
    for (const kind of KINDS) {
      const framed = made[kind];
      const raw = unframe(framed);
      expect(READERS[kind](raw)).toEqual(READERS[kind](framed));
      for (const other of KINDS.filter((one) => one !== kind)) {
        expect(() => READERS[other](framed), `${kind} as ${other}`).toThrow(
          expect.objectContaining({ code: "usage", message: expect.stringMatching(/got a message of wire/) }),
        );
        expect(() => READERS[other](raw), `a raw ${kind} as ${other}`).toThrow(refusal);
      }
      for (const bytes of [framed, raw]) {
        for (let length = 0; length < bytes.length; length += 1 + Math.floor(length / 100)) {
          expect(() => READERS[kind](bytes.subarray(0, length))).toThrow(refusal);
        }
        expect(() => READERS[kind](Uint8Array.of(...bytes, 0))).toThrow(refusal);
      }
    }
    const message = await made.alice.encrypt("hello");
    for (const kind of KINDS) {
      expect(() => READERS[kind](message)).toThrow(expect.objectContaining({ code: "usage" }));
    }
  });
});

describe("bytes that could begin both", () => {
  it("a raw KeyPackage of suite 5, a raw Welcome and a raw GroupInfo of suites 1, 3 and 4 begin like an MLSMessage", async () => {
    const starts = [];
    for (const suite of [1, 3, 4, 5]) {
      const made = await make(suite);
      starts.push(...KINDS.map((kind) => unframe(made[kind]).subarray(0, 4).join()));
    }
    // The version, and then the suite in the place of the wire formats 3 (Welcome), 4 (GroupInfo) and 5 (KeyPackage).
    for (const start of ["0,1,0,3", "0,1,0,4", "0,1,0,5"]) expect(starts).toContain(start);
  });

  it("a KeyPackage of suite 5 with an empty init_key, which would be taken for a framed one, isn't read", async () => {
    const { keyPackage } = await make(5);
    const structure = { ...keyPackageIn(keyPackage), initKey: new Uint8Array() };
    const raw = unframe(encode(MlsMessage, { version: 1, wireFormat: 5, keyPackage: structure }));
    expect(() => readKeyPackage(raw)).toThrow(DecodeError);
    expect(readKeyPackage(concat(Uint8Array.of(0, 1, 0, 5), raw)).initKey).toHaveLength(0);
  });

  it("a GroupInfo of suite 4 with an empty group ID, which would be taken for a framed one, isn't read", async () => {
    const { groupInfo } = await make(4);
    const info = readGroupInfo(groupInfo, MAX);
    const { groupContext } = info;
    // With this epoch, the bytes after the suite and the empty group ID are those of a version and a suite.
    for (const epoch of [1n, 0x0100_0400_0000_0000n]) {
      const structure = { ...info, groupContext: { ...groupContext, groupId: new Uint8Array(), epoch } };
      expect(() => readGroupInfo(encode(GroupInfo, structure), MAX)).toThrow(DecodeError);
    }
  });

  it("a Welcome of suite 1 for nobody, which begins like a framed one, isn't read", () => {
    // Suite 1, no secrets, and three bytes that would be the GroupInfo.
    expect(() => readWelcome(Uint8Array.of(0, 1, 0, 3, 9, 9, 9), MAX)).toThrow(DecodeError);
  });
});

describe("unframe", () => {
  it("refuses what has no raw form", async () => {
    const { alice, keyPackage } = await make(1);
    const error = await failure(async () => unframe(await alice.encrypt("hello")));
    expect([error.code, error.message]).toEqual([
      "usage",
      "expected a KeyPackage, Welcome or GroupInfo, got a message of wire format 2",
    ]);
    for (const bytes of [unframe(keyPackage), keyPackage.subarray(1), Uint8Array.of(...keyPackage, 0)]) {
      expect(() => unframe(bytes)).toThrow(DecodeError);
    }
    expect(() => unframe("x" as unknown as Uint8Array)).toThrow(MlsError);
  });

  it("hands out a copy", async () => {
    const { keyPackage } = await make(1);
    const raw = unframe(keyPackage);
    raw.fill(0);
    expect(readKeyPackage(keyPackage).cipherSuite).toBe(1);
  });
});
