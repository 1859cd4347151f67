// RFC 9420 §5.1: in a group with members on all providers, a crafted key package and crafted signatures leave nobody
// behind: either all members accept, or all refuse, and the group goes on.

import { Client, type CryptoProvider, type Group, insecureAcceptAll, type Signer } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { webCryptoProvider } from "@copse/provider-webcrypto";
import { gather, type Meeting, party, send } from "@copse/test-support/clients";
import { failure, saying } from "@copse/test-support/errors";
import { vectorProviders } from "@copse/test-support/providers";
import type { EdDSA } from "@noble/curves/abstract/edwards.js";
import { ed448 } from "@noble/curves/ed448.js";
import { ed25519 } from "@noble/curves/ed25519.js";
import { bytesToNumberLE, concatBytes, numberToBytesLE } from "@noble/curves/utils.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { shake256 } from "@noble/hashes/sha3.js";
import { beforeAll, describe, expect, it } from "vitest";

const KEY_RULE = "5.1.1: a public signature key must be one of the suite's signature scheme";

/** How Mallory makes R and S. */
type Way = "honest" | "R is the neutral point" | "R is a torsion point" | "R has torsion" | "S is too large";

interface Scheme {
  readonly curve: EdDSA;
  hash(data: Uint8Array): Uint8Array;
}

const DOM4 = Uint8Array.from(Buffer.from("SigEd448\0\0"));
const ED25519: Scheme = { curve: ed25519, hash: (data) => sha512(data) };
const ED448: Scheme = {
  curve: ed448,
  hash: (data) => shake256(concatBytes(DOM4, data), { dkLen: 114 }),
};

/** A signer that signs as `way` says at the time, with torsion in its public key if `mixed`. */
class Mallory implements Signer {
  way: Way = "honest";
  private readonly secret = 0x5eed5eed5eed5eed5eed5eed5eed5eedn;
  private nonce = 0x0ddn;
  readonly publicKey: Uint8Array;

  constructor(
    readonly algorithm: Signer["algorithm"],
    private readonly scheme: Scheme,
    mixed: boolean,
  ) {
    const point = this.base.multiply(this.secret);
    this.publicKey = (mixed ? point.add(this.torsion) : point).toBytes();
  }

  private get base() {
    return this.scheme.curve.Point.BASE;
  }

  private get torsion() {
    const { Point, lengths } = this.scheme.curve;
    // y = 0: a point of order 4.
    return Point.fromBytes(new Uint8Array(lengths.publicKey as number));
  }

  private k(R: Uint8Array, message: Uint8Array): bigint {
    const { Point } = this.scheme.curve;
    return bytesToNumberLE(this.scheme.hash(concatBytes(R, this.publicKey, message))) % Point.Fn.ORDER;
  }

  sign(message: Uint8Array): Uint8Array {
    const { Point } = this.scheme.curve;
    const order = Point.Fn.ORDER;
    const end = (R: Uint8Array, r: bigint) => {
      const S = (r + this.k(R, message) * this.secret) % order;
      const sent = this.way === "S is too large" ? S + order : S;
      return concatBytes(R, numberToBytesLE(sent, R.length));
    };
    if (this.way === "R is the neutral point") return end(Point.ZERO.toBytes(), 0n);
    if (this.way === "R is a torsion point") return end(this.torsion.toBytes(), 0n);
    const own = this.way === "R has torsion" ? this.torsion : Point.ZERO;
    // Tries until k makes the torsion in the public key, if there is any, disappear.
    for (;;) {
      const R = this.base
        .multiply(++this.nonce)
        .add(own)
        .toBytes();
      if (this.k(R, message) % 8n === 0n) return end(R, this.nonce);
    }
  }
}

/** A provider that believes everything. */
function lax(provider: CryptoProvider, id: number): CryptoProvider {
  const inner = provider.suite(id);
  const signature = {
    ...inner.signature,
    validatePublicKey() {},
    verify: () => true,
    verifyAll: (requests: readonly unknown[]) => requests.map(() => true),
  };
  const suite = { ...inner, signature };
  return { ...provider, suites: [inner.suite], suite: () => suite };
}

/** All members' outcomes of a message, which must be the same; and what it is. */
async function verdictOf(members: readonly Group[], message: Uint8Array): Promise<string> {
  const verdicts = new Set<string>();
  for (const member of members) {
    const read = () => member.receive(message).then(({ kind }) => `read as ${kind}`);
    verdicts.add(await read().catch(async (error) => saying(await failure(Promise.reject(error)))));
  }
  expect([...verdicts], "all members say the same").toHaveLength(1);
  return [...verdicts][0] as string;
}

/** Each member commits once and says something, and all are in the same epoch with the same secrets. */
async function goesOn(groups: readonly Group[]): Promise<void> {
  for (const committer of groups) {
    const others = groups.filter((group) => group !== committer);
    const { commit } = await committer.update();
    for (const group of others) await group.receive(commit);
    await committer.mergePendingCommit();
    for (const group of others) expect(group.epochAuthenticator).toEqual(committer.epochAuthenticator);
    await send(committer, others, "still here");
  }
}

describe.each([
  ["Ed25519", 1, ED25519, ["node", "webcrypto", "libsodium", "sodium-native", "hpke", "noble"]],
  ["Ed448", 4, ED448, ["node", "hpke", "noble"]],
] as const)("%s: members on all providers", (_, id, scheme, names) => {
  let providers: CryptoProvider[];
  let meeting: Meeting;
  let members: readonly Group[];
  let group: Group;
  let mallory: Mallory;

  /** A group of a member on each provider, and Mallory at the last leaf. */
  const meet = async (mixed: boolean) => {
    const algorithm = providers[0]!.suite(id).suite.signature;
    mallory = new Mallory(algorithm, scheme, mixed);
    const crypto = lax(providers[0]!, id);
    const honest = providers.map((provider) => party(provider.name, { suite: id, crypto: provider }));
    const last = party("mallory", { suite: id, crypto, signer: mallory });
    meeting = await gather(await Promise.all([...honest, last]));
    members = meeting.groups.slice(0, -1);
    group = meeting.groups.at(-1) as Group;
  };

  beforeAll(async () => {
    const library = await webCryptoProvider({ forceLibraryCurves: true });
    const all = [...(await vectorProviders()), { ...library, name: "webcrypto with library curves" }];
    providers = all.filter(({ suites }) => suites.some((suite) => suite.id === id));
    expect(providers.map(({ name }) => name)).toEqual(expect.arrayContaining([...names]));
  });

  it("all refuse a key package under a key of small order", async () => {
    await meet(false);
    const { Point, lengths } = scheme.curve;
    // Under the neutral point R = r B and S = r is a signature of every message.
    const R = Point.BASE.multiply(99n).toBytes();
    const every = concatBytes(R, numberToBytesLE(99n, lengths.publicKey as number));
    const signer: Signer = {
      algorithm: mallory.algorithm,
      publicKey: Point.ZERO.toBytes(),
      sign: () => every.slice(),
    };
    const options = { suite: id, crypto: lax(providers[0]!, id), signer, credential: "trudy" };
    const trudy = await Client.create({ ...options, authentication: insecureAcceptAll() });
    const keyPackage = await trudy.createKeyPackage();
    for (const member of members) {
      expect(saying(await failure(member.add(keyPackage)))).toBe(KEY_RULE);
    }
    expect(await verdictOf(members, await group.propose({ add: keyPackage }))).toBe(KEY_RULE);
    expect(await verdictOf(members, (await group.add(keyPackage)).commit)).toBe(KEY_RULE);
    await group.clearPendingCommit();
    const { commit } = await joinByExternalCommit(trudy, await group.groupInfo());
    expect(await verdictOf(members, commit)).toMatch(/^6\.1/);
    // What Mallory proposed is in her own list alone.
    await goesOn(members);
  });

  const cofactored = scheme === ED448;
  it.each<[Way, boolean]>([
    ["honest", true],
    ["R is the neutral point", false],
    ["R is a torsion point", false],
    ["R has torsion", cofactored],
    ["S is too large", false],
  ])("all give one verdict on signatures where: %s", { timeout: 60_000 }, async (way, accepted) => {
    await meet(false);
    mallory.way = way;
    const message = await group.encrypt("signed in another way");
    const commit = (await group.update()).commit;
    mallory.way = "honest";
    const expected = accepted ? "read as" : "6.1: recipients must verify the signature";
    expect(await verdictOf(members, message)).toContain(expected);
    expect(await verdictOf(members, commit)).toContain(expected);
    if (accepted) await group.mergePendingCommit();
    else await group.clearPendingCommit();
    await goesOn(meeting.groups);
  });

  it("all accept a member whose key has torsion, as long as the signatures fit", {
    timeout: 60_000,
  }, async () => {
    await meet(true);
    await goesOn(meeting.groups);
    mallory.way = "R has torsion";
    const message = await group.encrypt("torsion in R alone");
    const verdict = await verdictOf(members, message);
    expect(verdict).toContain(cofactored ? "read as" : "6.1: recipients must verify the signature");
    mallory.way = "honest";
    await goesOn(meeting.groups);
  });
});
