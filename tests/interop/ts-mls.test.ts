// RFC 9420: groups shared with ts-mls, an implementation that nobody here wrote, live in one process.
import { MlsError, ValidationError } from "@copse/core";
import { type Handshake, TsMlsClient } from "@copse/peer-ts-mls";
import { utf8 } from "@copse/test-support/bytes";
import { describe, expect, it } from "vitest";
import { Cast, SUITES, serving } from "./cast.js";
import type { Kind, Peer } from "./peers.js";
import { Room } from "./room.js";

/** Private handshakes on every provider; public ones on the first, because the others see nothing new in them. */
const settings = SUITES.flatMap((suite) =>
  serving(suite).flatMap((crypto, index) => {
    const handshakes: readonly Handshake[] = index === 0 ? ["private", "public"] : ["private"];
    return handshakes.map((handshake) => ({ suite, crypto, provider: crypto.name, handshake }));
  }),
);

it("runs on every provider that is meant to serve a suite", () => {
  expect(SUITES.map((suite) => serving(suite).map(({ name }) => name))).toEqual([
    ["node", "webcrypto", "libsodium"],
    ["node", "webcrypto"],
    ["node", "webcrypto", "libsodium"],
  ]);
});

describe.each(settings)("suite $suite on $provider, $handshake handshakes, with ts-mls", (setting) => {
  const { suite, crypto, handshake } = setting;
  const newCast = () => new Cast([crypto], { suite, handshake, treeInWelcome: true });

  it.each([
    { creator: "copse", joiner: "ts-mls", treeInWelcome: true },
    { creator: "copse", joiner: "ts-mls", treeInWelcome: false },
    { creator: "ts-mls", joiner: "copse", treeInWelcome: true },
    { creator: "ts-mls", joiner: "copse", treeInWelcome: false },
  ] as const)("$joiner joins $creator's group, the tree in the Welcome: $treeInWelcome", async (one) => {
    const cast = newCast();
    const { treeInWelcome } = one;
    const creator = await cast.one(one.creator, { treeInWelcome });
    const joiner = await cast.one(one.joiner, { treeInWelcome });
    const room = await Room.create(creator);
    await room.commit(creator, { add: [joiner] });
    await room.chat();
    // A path by each, so that each has decrypted what the other encrypted to it.
    await room.commit(joiner);
    await room.commit(creator);
    await room.chat();
    // Several at once, in a tree with unmerged leaves, by the one who joined.
    await room.commit(joiner, { add: [await cast.copse(), await cast.tsMls(), await cast.copse()] });
    await room.chat();
    for (const member of room.members) await room.commit(member);
    await room.chat();
  });

  it("each commits what the other proposes: Add and Remove", async () => {
    const cast = newCast();
    const [ours, theirs] = [await cast.copse(), await cast.tsMls()];
    const room = await Room.create(ours);
    const crowd = await Promise.all(
      ["copse", "ts-mls", "copse", "ts-mls"].map((kind) => cast.one(kind as Kind)),
    );
    await room.commit(ours, { add: [theirs, ...crowd] });
    for (const [proposer, committer] of [
      [ours, theirs],
      [theirs, ours],
    ] as const) {
      await room.propose(proposer, { add: await cast.copse() });
      await room.propose(proposer, { add: await cast.tsMls() });
      await room.commit(committer);
      await room.chat();
    }
    await room.propose(theirs, { remove: crowd[0] as Peer });
    await room.commit(ours);
    // ts-mls makes a path for two removals, not for one.
    await room.propose(ours, { remove: crowd[1] as Peer });
    await room.commit(theirs, { remove: [crowd[2] as Peer] });
    await room.chat();
    // Blank leaves are filled again, and removed and added ones mixed in one commit of ours.
    await room.propose(theirs, { add: await cast.tsMls() });
    await room.commit(ours, { add: [await cast.copse()], remove: [crowd[3] as Peer] });
    await room.commit(theirs);
    await room.chat();
  });

  it("their Update proposal is committed by us, and ours by us before them", async () => {
    const cast = newCast();
    const [ours, theirs, second] = [await cast.copse(), await cast.tsMls(), await cast.copse()];
    const room = await Room.create(theirs);
    await room.commit(theirs, { add: [ours, second] });
    const leaf = () => theirs.ratchetTree;
    for (const proposers of [[theirs], [second], [theirs, second]]) {
      const before = leaf();
      for (const proposer of proposers) await room.propose(proposer, { update: true });
      await room.commit(ours);
      expect(leaf()).not.toEqual(before);
      await room.chat();
      // The new leaf keys are in use.
      for (const proposer of proposers) await room.commit(proposer);
    }
    await room.chat();
  });

  it("removed members are shut out on both sides", async () => {
    const cast = newCast();
    const [ours, theirs] = [await cast.copse(), await cast.tsMls()];
    const room = await Room.create(ours);
    const ourOwn = [await cast.copse(), await cast.copse(), await cast.copse()] as const;
    const theirOwn = [await cast.tsMls(), await cast.tsMls(), await cast.tsMls()] as const;
    await room.commit(ours, { add: [theirs, ...ourOwn, ...theirOwn] });
    await room.chat();
    // As it was before: the key of the new epoch isn't to be had from the old state, either.
    const saved = await ourOwn[1].group.save();
    await room.commit(ours, { remove: [theirOwn[0]] });
    await room.commit(ours, { remove: [ourOwn[0]] });
    await room.commit(theirs, { remove: [ourOwn[1], theirOwn[1]] });
    await room.commit(ours, { remove: [ourOwn[2], theirOwn[2]] });
    await room.chat();
    expect(room.members).toEqual([ours, theirs]);
    await expect(ourOwn[1].group.encrypt("let me in")).rejects.toMatchObject({ code: "removed" });
    const restored = await ourOwn[1].client.restore(saved);
    expect(restored.active).toBe(true);
    for (const member of room.members) {
      const secret = await member.encrypt(utf8("secret"));
      await expect(restored.receive(secret)).rejects.toMatchObject({ code: "future-epoch" });
    }
  });

  it.each([
    { what: "one Remove by value", rule: /^12\.4: the path/ },
    { what: "one Remove by reference", rule: /^12\.4: the path/ },
    { what: "one Update by reference", rule: /^12\.4: the path/ },
    { what: "two Removes and an Add, with a path for the removed,", rule: /^7\.6: / },
  ])("ts-mls's commit of $what is refused, and nothing changes", async ({ what, rule }) => {
    const cast = newCast();
    const [ours, theirs, third] = [await cast.copse(), await cast.tsMls(), await cast.copse()];
    const [fourth, fifth] = [await cast.copse(), await cast.copse()];
    const room = await Room.create(ours);
    await room.commit(ours, { add: [theirs, third, fourth, fifth] });
    if (what === "one Remove by reference") await room.propose(ours, { remove: third });
    if (what === "one Update by reference") await room.propose(third, { update: true });
    const two = what.startsWith("two");
    const removed = two ? [third, fourth] : what === "one Remove by value" ? [third] : [];
    const saved = await Promise.all([ours, fifth].map(({ group }) => group.save()));
    const { commit } = await theirs.commit(
      two ? [await (await cast.copse()).keyPackage()] : [],
      removed.map(({ leafIndex }) => leafIndex),
    );
    for (const member of [ours, third, fourth, fifth]) {
      const refused = member.receive(commit);
      await expect(refused).rejects.toThrow(ValidationError);
      await expect(refused).rejects.toMatchObject({ rule: expect.stringMatching(rule) });
    }
    expect(await Promise.all([ours, fifth].map(({ group }) => group.save()))).toEqual(saved);
    // Theirs has gone a way of its own; without it the group goes on.
    const next = await ours.commitWith({ remove: [theirs.leafIndex] });
    await fifth.receive(next.commit);
    expect(ours.epoch).toBe(2n);
    expect(fifth.epochAuthenticator).toEqual(ours.epochAuthenticator);
    await expect(theirs.receive(await ours.encrypt(utf8("not for you")))).rejects.toThrow();
  });
});

it("a P-256 key in compressed form, as ts-mls makes it, is refused", async () => {
  const cast = new Cast(serving(2), { suite: 2, handshake: "private", treeInWelcome: true });
  const ours = await cast.copse();
  await ours.createGroup(utf8("group"));
  const saved = await ours.group.save();
  const theirs = await TsMlsClient.create(2, "compressed", { compressedKey: true });
  await expect(ours.commit([await theirs.keyPackage()])).rejects.toThrow(MlsError);
  expect(await ours.group.save()).toEqual(saved);
});
