// RFC 9420 §6, §12.4.3, §16: what can be refused cheaply is refused before anything is decoded, hashed or derived.

import type { Group } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { PublicGroup } from "@copse/core/public-group";
import { nodeProvider } from "@copse/provider-node";
import { instrumentProvider } from "@copse/provider-select";
import { four, type Meeting, type Party, party } from "@copse/test-support/clients";
import { code, failure, refused, saying } from "@copse/test-support/errors";
import { frame, type Insider, insider } from "@copse/test-support/insiders";
import { beforeAll, describe, expect, it } from "vitest";
import { decode, encode } from "../../src/codec/codec.js";
import { peekContent } from "../../src/wire/framed-content.js";
import { MlsMessage } from "../../src/wire/mls-message.js";
import { findGroupSecrets } from "../../src/wire/welcome.js";

const SUITE = 1;
const crypto = instrumentProvider(nodeProvider());
let meeting: Meeting;
let alice: Group;
let bob: Group;
let mallory: Insider;
let newMember: Party;

beforeAll(async () => {
  meeting = await four(SUITE, { crypto, policy: { handshake: "public" } });
  [alice, bob] = meeting.groups as [Group, Group];
  mallory = await insider(meeting.parties[2] as Party, meeting.groups[2] as Group);
  newMember = await party("new-member", { suite: SUITE, crypto });
});

/** How often the provider was asked for what costs more than a look, since the last call of this. */
function asked(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { operations } of crypto.report()) {
    for (const [name, { items }] of Object.entries(operations)) counts[name] = (counts[name] ?? 0) + items;
  }
  crypto.reset();
  return counts;
}

const changed = (bytes: Uint8Array, at: number): Uint8Array =>
  bytes.map((byte, i) => (i === (at < 0 ? bytes.length + at : at) ? byte ^ 1 : byte));

describe("a tree is hashed before its GroupInfo is verified", () => {
  const follow = (groupInfo: Uint8Array) =>
    PublicGroup.follow({ crypto, authentication: newMember.config.authentication, groupInfo });
  it.each<[string, (groupInfo: Uint8Array) => Promise<unknown>]>([
    ["joinByExternalCommit", (groupInfo) => joinByExternalCommit(newMember.client, groupInfo)],
    ["PublicGroup.follow", follow],
  ])("by %s", async (_, give) => {
    const groupInfo = await alice.groupInfo();
    asked();
    const error = await failure(give(changed(groupInfo, -1)));
    expect(saying(error)).toBe("12.4.3: new members must verify the signature of the GroupInfo");
    expect(asked()).toEqual({ "signature.verify": 1 });
    await give(groupInfo);
  });
  it("by join", async () => {
    const { client } = await party("another", { suite: SUITE, crypto });
    const { welcome } = await alice.add([await client.createKeyPackage()]);
    await alice.clearPendingCommit();
    const count = async (work: () => Promise<unknown>) => {
      asked();
      await work().catch(() => undefined);
      return asked();
    };
    // The tree of another group, in its place: the signature is that of nobody in it.
    const other = await four(SUITE, { crypto, policy: { ratchetTreeInWelcome: false } });
    const { welcome: bare } = await (other.groups[0] as Group).add([await client.createKeyPackage()]);
    const hashes = await count(() => client.join(bare as Uint8Array, { ratchetTree: alice.ratchetTree }));
    expect(hashes["signature.verify"]).toBe(1);
    expect(hashes["hash.hash"] ?? 0).toBe(0);
    expect(hashes["hash.hashAll"] ?? 0).toBe(0);
    await client.join(welcome as Uint8Array);
  });
});

/** A commit of Mallory's whose proposals are no proposals, as the signed bytes have them. */
async function malformedCommit(): Promise<Uint8Array> {
  const reference = new Uint8Array(32).fill(0xee);
  const commit = { proposals: [{ type: 2 as const, reference }], path: undefined };
  const good = await frame(mallory, { contentType: 3, commit });
  const at = good.findIndex((byte, i) => byte === 0xee && good[i + 1] === 0xee && good[i + 2] === 0xee);
  // The type of the ProposalOrRef: there is no type 7.
  return good.map((byte, i) => (i === at - 2 ? 7 : byte));
}

describe("a commit is decoded before it is authenticated", () => {
  it("by its membership tag, for members", async () => {
    expect(saying(await refused(bob, await malformedCommit()))).toMatch(/^6\.2: the membership tag/);
  });
  it("by its signature, for followers", async () => {
    const follower = await PublicGroup.follow({
      crypto,
      authentication: newMember.config.authentication,
      groupInfo: await bob.groupInfo(),
    });
    const error = await failure(follower.receive(await malformedCommit()));
    expect(saying(error)).toBe("6.1: recipients must verify the signature with the sender's key");
  });
  it("its new member's key is found without decoding it", async () => {
    const { client } = await party("joiner", { suite: SUITE, crypto });
    const { commit } = await joinByExternalCommit(client, await alice.groupInfo());
    const message = decode(MlsMessage, commit);
    if (message.wireFormat !== 1) throw new Error("no PublicMessage");
    const { content } = message.publicMessage;
    expect(peekContent(content).signatureKey).toEqual(client.signatureKey);
  });
});

describe("a Welcome's whole list is decoded", () => {
  it("to find one entry of it", async () => {
    const { client } = await party("invited", { suite: SUITE, crypto });
    const { welcome } = await alice.add([await client.createKeyPackage()]);
    await alice.clearPendingCommit();
    const message = decode(MlsMessage, welcome as Uint8Array);
    if (message.wireFormat !== 3) throw new Error("no Welcome");
    const [entry] = message.welcome.secrets;
    const [empty, short] = [new Uint8Array(), new Uint8Array(16)];
    const junk = { newMember: empty, encryptedGroupSecrets: { kemOutput: short, ciphertext: short } };
    const long = {
      ...message.welcome,
      secrets: [...Array.from({ length: 50_000 }, () => junk), entry as typeof junk],
    };
    const bytes = encode(MlsMessage, { version: 1, wireFormat: 3, welcome: long });
    const received = decode(MlsMessage, bytes);
    if (received.wireFormat !== 3) throw new Error("no Welcome");
    let looks = 0;
    const found = findGroupSecrets(received.welcome, 32, (newMember) => {
      looks++;
      return newMember;
    });
    expect(looks).toBe(1);
    expect(found?.found).toEqual(entry?.newMember);
    await client.join(bytes);
  });
});

describe("a message is decoded before its size is checked", () => {
  const huge = (header: readonly number[], size: number): Uint8Array => {
    const bytes = new Uint8Array(size);
    bytes.set(header);
    return bytes;
  };
  const MB = 1024 * 1024;
  it.each<[string, () => Promise<unknown>]>([
    ["a key package, by add", () => bob.add([huge([0, 1, 0, 5], 129 * 1024)])],
    ["a key package, by propose", () => bob.propose({ add: huge([0, 1, 0, 5], 129 * 1024) })],
    ["a Welcome", () => newMember.client.join(huge([0, 1, 0, 3], 17 * MB))],
    ["a GroupInfo", () => joinByExternalCommit(newMember.client, huge([0, 1, 0, 4], 17 * MB))],
    [
      "a ratchet tree",
      async () =>
        joinByExternalCommit(newMember.client, await alice.groupInfo({ ratchetTree: false }), {
          ratchetTree: new Uint8Array(17 * MB),
        }),
    ],
    ["an application message", () => bob.receive(grown(application, 17 * MB))],
    ["a proposal", () => bob.receive(grown(proposal, 257 * 1024))],
    ["a commit", () => bob.receive(grown(commit, MB))],
    ["a commit, by a follower", async () => (await followerOf(bob)).receive(grown(commit, MB))],
  ])("%s", async (_, give) => {
    // It has only a header: whatever decodes it says so.
    expect(await failure(give)).toEqual(code("limit"));
  });

  let application: Uint8Array = new Uint8Array();
  let proposal: Uint8Array = new Uint8Array();
  let commit: Uint8Array = new Uint8Array();
  beforeAll(async () => {
    const carol = meeting.groups[3] as Group;
    application = await carol.encrypt("x");
    proposal = await carol.propose({ update: true });
    ({ commit } = await carol.update());
  });
  const grown = (bytes: Uint8Array, size: number): Uint8Array => {
    const longer = new Uint8Array(size);
    longer.set(bytes.subarray(0, 100));
    return longer;
  };
  const followerOf = async (group: Group) =>
    PublicGroup.follow({
      crypto,
      authentication: newMember.config.authentication,
      groupInfo: await group.groupInfo(),
    });
});
