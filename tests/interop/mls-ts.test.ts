// RFC 9420: groups shared with OpenMLS, by mls-ts (WebAssembly), live in one process.

import {
  basicCredential,
  type CommitOptions,
  type CryptoProvider,
  externalSenders,
  generateSigner,
  insecureAcceptAll,
  type MlsExtension,
  type Signer,
} from "@copse/core";
import { proposeJoin } from "@copse/core/external";
import { PublicGroup } from "@copse/core/public-group";
import { grease } from "@copse/extensions";
import { cannot, MlsTsClient, SUITE } from "@copse/peer-mls-ts";
import { utf8 } from "@copse/test-support/bytes";
import { vectorProviders } from "@copse/test-support/providers";
import * as raw from "mls-ts";
import { describe, expect, it } from "vitest";
import { attempt, Company, rawKeyPackage } from "./company.js";
import { CopsePeer, TsMlsPeer } from "./peers.js";

const serving = (await vectorProviders()).filter(({ suites }) => suites.some(({ id }) => id === SUITE));

it("runs on every provider that has the suite", () => {
  expect(serving.map(({ name }) => name)).toEqual([
    "node",
    "webcrypto",
    "libsodium",
    "sodium-native",
    "hpke",
    "noble",
  ]);
});

/** An extension type for private use (§17.3). */
const UNKNOWN = 0xf0c5;
const OPTIONS = { suite: SUITE, handshake: "private", treeInWelcome: true } as const;

/** GREASE (§13.5) in some of its places. */
function greaseIn(...parts: (keyof MlsExtension)[]): MlsExtension {
  const all = grease();
  return { name: all.name, ...Object.fromEntries(parts.map((part) => [part, all[part]])) };
}

/** An external sender of a group (§12.1.8.1). */
async function senderNamed(name: string, signer?: Signer) {
  const { publicKey } = signer ?? (await generateSigner(serving[0] as CryptoProvider, SUITE));
  return { signatureKey: publicKey, credential: basicCredential(utf8(name)) };
}

describe.each(serving.map((crypto) => ({ crypto, provider: crypto.name })))(
  "on $provider, with OpenMLS",
  ({ crypto }) => {
    let made = 0;
    const ours = (options: { treeInWelcome?: boolean } = {}) =>
      CopsePeer.create(crypto, { ...OPTIONS, ...options, name: `copse ${made++}` });
    const theirs = () => new MlsTsClient(`mls-ts ${made++}`);

    it("they join ours, and each renews what it can", async () => {
      const [creator, second, stranger] = [await ours(), await ours({ treeInWelcome: false }), theirs()];
      const company = await Company.create(creator);
      await company.commit(creator, { add: [stranger, second] });
      await company.chat();
      for (const by of [creator, second]) await company.commit(by, { forcePath: true });
      await company.add(stranger, theirs());
      await company.commit(second, { add: [theirs(), await ours()] });
      await company.chat();
      for (const by of company.ours) await company.commit(by, { forcePath: true });
      for (const by of company.theirs) await company.add(by, theirs());
      await company.chat();
    });

    it("ours join theirs", async () => {
      const stranger = theirs();
      const company = await Company.create(stranger);
      await company.add(stranger, await ours());
      await company.add(stranger, theirs());
      await company.add(company.theirs[1] as MlsTsClient, await ours());
      await company.chat();
      for (const by of company.ours) await company.commit(by, { forcePath: true });
      for (const by of company.theirs) await company.add(by, await ours());
      for (const by of company.ours) await company.commit(by, { forcePath: true });
      await company.chat();
    });

    it("members are removed, on both sides, and their leaves filled again", async () => {
      const creator = await ours();
      const company = await Company.create(creator);
      const others = [theirs(), await ours(), theirs(), await ours(), theirs(), theirs()];
      await company.commit(creator, { add: others });
      await company.commit(creator, { remove: [others[0], others[3]] as never });
      await company.add(others[2] as MlsTsClient, await ours());
      await company.chat();
      await company.commit(others[1] as CopsePeer, {
        remove: [others[4] as MlsTsClient],
        add: [theirs(), await ours()],
      });
      await company.chat();
      for (const by of company.ours) await company.commit(by, { forcePath: true });
      await company.chat();
      // Down to two, from a tree of eight leaves.
      const kept = [creator, others[2]];
      await company.commit(creator, { remove: company.members.filter((one) => !kept.includes(one)) });
      await company.chat();
      await company.add(others[2] as MlsTsClient, theirs());
      await company.chat();
    });

    it("they commit what ours propose: Adds, Removes and Updates", async () => {
      const [creator, second, third, stranger] = [await ours(), await ours(), await ours(), theirs()];
      const company = await Company.create(creator);
      await company.commit(creator, { add: [second, stranger, third, theirs()] });
      const added = await ours();
      const propose = async (by: CopsePeer, request: Parameters<CopsePeer["propose"]>[0]) =>
        company.handshake(await by.propose(request), by);
      await propose(second, { update: true });
      await propose(creator, { add: await added.keyPackage() });
      await propose(creator, { remove: third.leafIndex });
      const last = await ours();
      await company.add(stranger, last, [added, last]);
      await company.chat();
      // The keys of the Update are in use.
      await company.commit(second, { forcePath: true });
      await company.commit(creator, { forcePath: true });
      await company.chat();
    });

    it("ours join from outside, and rejoin after they lost their state", async () => {
      const [creator, stranger] = [await ours(), theirs()];
      const company = await Company.create(creator);
      await company.commit(creator, { add: [stranger, theirs()] });
      const outsider = await ours();
      await company.joinExternally(outsider);
      await company.chat();
      await company.add(stranger, await ours());
      await company.joinExternally(outsider, { resync: true });
      await company.chat();
      await company.commit(outsider, { forcePath: true });
      await company.chat();
    });

    it("a server and newMembers propose, and both sides commit it", async () => {
      const server = await generateSigner(crypto, SUITE);
      const [creator, stranger, second] = [await ours(), theirs(), theirs()];
      const company = await Company.create(creator);
      await company.commit(creator, { add: [stranger, second] });
      await company.commit(creator, { extensions: [externalSenders([await senderNamed("server", server)])] });
      const follow = async () =>
        PublicGroup.follow({
          crypto,
          authentication: insecureAcceptAll(),
          groupInfo: await creator.group.groupInfo(),
        });
      const [added, newMember] = [theirs(), await ours()];
      await company.handshake(await (await follow()).propose(server, { add: added.keyPackage() }));
      await company.commit(creator, {}, [added]);
      await company.handshake(await (await follow()).propose(server, { remove: company.leafOf(second) }));
      await company.handshake(await proposeJoin(newMember.client, creator.group));
      const last = theirs();
      await company.add(stranger, last, [newMember, last]);
      expect(company.members).not.toContain(second);
      await company.chat();
    });

    it("messages come in any order, and to ours also late", async () => {
      const [creator, stranger] = [await ours(), theirs()];
      const company = await Company.create(creator);
      await company.commit(creator, { add: [stranger] });
      const texts = Array.from({ length: 6 }, (_, i) => utf8(`message ${i}`));
      const mine = await Promise.all(texts.map((text) => creator.encrypt(text)));
      const yours = texts.map((text) => stranger.encrypt(text));
      for (const i of [3, 0, 5, 1]) {
        await company.deliver(stranger, mine[i] as Uint8Array, texts[i] as Uint8Array);
        await company.deliver(creator, yours[i] as Uint8Array, texts[i] as Uint8Array);
      }
      await company.commit(creator, { forcePath: true });
      await company.deliver(creator, yours[2] as Uint8Array, texts[2] as Uint8Array);
      await expect(creator.receive(yours[0] as Uint8Array)).rejects.toMatchObject({ name: "MlsError" });
    });

    it("ours loses a race against theirs, and commits again", async () => {
      const [creator, stranger] = [await ours(), theirs()];
      const company = await Company.create(creator);
      await company.commit(creator, { add: [stranger, theirs()] });
      const lost = await creator.group.commit({ forcePath: true });
      await company.add(stranger, await ours());
      await expect(creator.receive(lost.commit)).rejects.toThrow();
      await company.commit(creator, { forcePath: true });
      await company.chat();
    });

    it("the group's extensions change, with unknown ones of leaves, and GREASE where OpenMLS takes it", async () => {
      const options = {
        extensions: [greaseIn("greaseCapabilities", "groupInfoExtensions")],
        capabilities: { extensions: [UNKNOWN] },
        leafExtensions: [{ extensionType: UNKNOWN, extensionData: utf8("unknown to others") }],
      } as const;
      const greasy = () => CopsePeer.create(crypto, { ...OPTIONS, name: `greasy ${made++}` }, options);
      const [creator, stranger] = [await greasy(), theirs()];
      const company = await Company.create(creator);
      await company.commit(creator, { add: [stranger, await greasy()] });
      await company.commit(creator, { extensions: [externalSenders([await senderNamed("server")])] });
      await company.add(stranger, await greasy());
      await company.commit(creator, { extensions: [] });
      await company.add(stranger, theirs());
      await company.chat();
    });
  },
);

describe("what OpenMLS refuses, and RFC 9420 doesn't", () => {
  const [crypto] = serving as [CryptoProvider];
  const greasy = (...parts: (keyof MlsExtension)[]) =>
    CopsePeer.create(crypto, { ...OPTIONS, name: "greasy" }, { extensions: [greaseIn(...parts)] });

  it("GREASE in the extensions of leaf nodes, though their capabilities list it (§7.3, §13.5)", async () => {
    const stranger = new MlsTsClient("mls-ts");
    const ours = await greasy("leafNodeExtensions");
    await ours.createGroup(utf8("group"));
    const { welcome } = await ours.commit([stranger.keyPackage()]);
    const join = attempt(() => stranger.join(welcome as Uint8Array, ours.ratchetTree));
    await expect(join).rejects.toThrow("Extensions are not acceptable");
  });

  it("GREASE in the extensions of key packages, though the capabilities list it (§10, §13.5)", async () => {
    const stranger = new MlsTsClient("mls-ts");
    stranger.createGroup("group");
    const keyPackage = await rawKeyPackage(await greasy("keyPackageExtensions"));
    await expect(attempt(() => stranger.add(keyPackage))).rejects.toThrow(
      /not supported in the leaf's capabilities/,
    );
  });
});

describe("an external commit that replaces the last leaf, so that the tree becomes smaller (§7.7, §12.4.3.2)", () => {
  const [crypto] = serving as [CryptoProvider];
  const ours = (name: string) => CopsePeer.create(crypto, { ...OPTIONS, name });

  /** Members at the leaves 0 to 3 and 7 of a tree for 8, and the external commit by which the last comes back. */
  async function rejoined(stranger: MlsTsClient | TsMlsPeer) {
    const creator = await ours("copse");
    await creator.createGroup(utf8("group"));
    const others = await Promise.all(["1", "2", "3", "4", "5", "6"].map(ours));
    const add = [stranger, ...others];
    const { welcome } = await creator.commit(await Promise.all(add.map(async (one) => one.keyPackage())));
    for (const one of add) await one.join(welcome as Uint8Array, creator.ratchetTree);
    const gaps = await creator.commit([], [4, 5, 6]);
    const last = others[5] as CopsePeer;
    for (const one of [stranger, last]) await one.receive(gaps.commit);
    expect(creator.members.map(([leaf]) => leaf)).toEqual([0, 1, 2, 3, 7]);
    const commit = await last.joinByExternalCommit(await creator.group.groupInfo(), { resync: true });
    await creator.receive(commit);
    expect(creator.members.map(([leaf]) => leaf)).toEqual([0, 1, 2, 3, 4]);
    return { creator, commit };
  }

  it("is refused by OpenMLS", async () => {
    const stranger = new MlsTsClient("mls-ts");
    const { commit } = await rejoined(stranger);
    const refused = attempt(() => stranger.receive(commit));
    await expect(refused).rejects.toThrow("length of the received update path");
  });

  it("is accepted by ts-mls, which agrees with ours", async () => {
    const stranger = await TsMlsPeer.create({ ...OPTIONS, name: "ts-mls" });
    const { creator, commit } = await rejoined(stranger);
    await stranger.receive(commit);
    expect(stranger.epochAuthenticator).toEqual(creator.epochAuthenticator);
    expect(stranger.ratchetTree).toEqual(creator.ratchetTree);
  });
});

/** Each reason of the table, and a way to see that it is still so. */
describe("what mls-ts can't do", () => {
  const [crypto] = serving as [CryptoProvider];
  const publicMethods = (of: { prototype: object }) =>
    Object.getOwnPropertyNames(of.prototype)
      .filter((name) => name !== "constructor")
      .sort();

  /** One of ours with a stranger in its group. */
  async function pair(handshake: "public" | "private" = "private") {
    const options = { externalPsk: () => utf8("a key that both know") };
    const ours = await CopsePeer.create(crypto, { ...OPTIONS, handshake, name: "copse" }, options);
    const theirs = new MlsTsClient("mls-ts");
    await ours.createGroup(utf8("group"));
    const { welcome } = await ours.commit([theirs.keyPackage()]);
    theirs.join(welcome as Uint8Array, ours.ratchetTree);
    return { ours, theirs };
  }

  const hasNoFunction = async () => {
    expect(publicMethods(raw.MlsClient)).toEqual([
      "createGroup",
      "free",
      "group",
      "joinGroup",
      "keyPackage",
      "provider",
      "save",
    ]);
    expect(publicMethods(raw.Group)).toEqual([
      "add",
      "exportKey",
      "exportRatchetTree",
      "free",
      "receive",
      "receiveText",
      "send",
    ]);
  };
  const refuses = async (handshake: "public" | "private", options: CommitOptions, error: RegExp) => {
    const { ours, theirs } = await pair(handshake);
    const { commit } = await ours.commitWith(options);
    await expect(attempt(() => theirs.receive(commit))).rejects.toThrow(error);
  };

  const proofs: Record<keyof typeof cannot, () => Promise<void>> = {
    "commit anything but one Add": hasNoFunction,
    "propose anything but that Add": hasNoFunction,
    "renew its keys": hasNoFunction,
    "join by an external commit": hasNoFunction,
    "make a GroupInfo": hasNoFunction,
    "lose a race": async () => {
      const { ours, theirs } = await pair();
      theirs.add(new MlsTsClient("another").keyPackage());
      const { commit } = await ours.commitWith({ forcePath: true });
      await expect(attempt(() => theirs.receive(commit))).rejects.toThrow();
    },
    "take handshakes as PublicMessages": () => refuses("public", { forcePath: true }, /wire format/),
    "put the tree in a Welcome": async () => {
      const { theirs } = await pair();
      const ours = await CopsePeer.create(crypto, { ...OPTIONS, name: "new" });
      const { welcome } = theirs.add(await rawKeyPackage(ours));
      await expect(ours.join(welcome, undefined)).rejects.toMatchObject({ code: "missing" });
    },
    "read messages of past epochs": async () => {
      const { ours, theirs } = await pair();
      const late = await ours.encrypt(utf8("late"));
      theirs.receive((await ours.commitWith({ forcePath: true })).commit);
      await expect(attempt(() => theirs.receive(late))).rejects.toThrow();
    },
    "send authenticated data": hasNoFunction,
    "use pre-shared keys": () => refuses("private", { psks: [{ external: utf8("id") }] }, /./),
    "take part in a ReInit": async () => {
      const { ours, theirs } = await pair();
      const reinit = { groupId: utf8("next"), cipherSuite: SUITE, extensions: [] };
      theirs.receive((await ours.commitWith({ reinit })).commit);
      await expect(ours.encrypt(utf8("more"))).rejects.toMatchObject({ code: "closed" });
      expect(theirs.encrypt(utf8("more")).length).toBeGreaterThan(0);
    },
    "show its epoch or members": hasNoFunction,
  };

  it.each(Object.keys(cannot) as (keyof typeof cannot)[])("%s", (what) => proofs[what]());
});
