// RFC 9420 §8.6, §12.4: what own commits leave out, so that no member is left behind and no commit is blocked.

import type { Group } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { gather, type Party, party } from "@copse/test-support/clients";
import { failure, named, refused, saying } from "@copse/test-support/errors";
import { frame, insider } from "@copse/test-support/insiders";
import { keepAll } from "@copse/test-support/policies";
import { describe, expect, it } from "vitest";
import { ContentType } from "../../src/wire/framed-content.js";
import { filled, SUITE } from "../proposals.js";

// By default, commits include no PSK that others propose.
const member = (name: string, policy = {}) =>
  party(name, { suite: SUITE, policy: { authorize: keepAll, ...policy } });
const RULE = "8.6: a resumption PSK must be known";

/** Alice and Bob, whom Carol joined one epoch ago. */
async function lateCarol() {
  const { groups, parties } = await gather([await member("alice"), await member("bob")]);
  const [a, b] = groups as [Group, Group];
  const carol = await member("carol");
  const old = a.epoch;
  const { commit, welcome } = await a.add(await carol.client.createKeyPackage());
  await b.receive(commit);
  await a.mergePendingCommit();
  const c = await carol.client.join(welcome as Uint8Array);
  return { a, b, c, old, parties: [...parties, carol] };
}

describe("a resumption PSK", () => {
  it("in an external commit doesn't leave behind who joined later", async () => {
    const { a, b, c, old, parties } = await lateCarol();
    const { client } = parties[1] as Party;
    const join = async (psks: { resumption: bigint }[], from = a) => {
      const groupInfo = await from.groupInfo();
      return joinByExternalCommit(client, groupInfo, { resync: true, replace: true, psks });
    };
    expect(saying(await failure(join([{ resumption: old }])))).toMatch(named(RULE));
    // Bob missed a commit by which Dave joined: Bob's state doesn't say so, but the tree does.
    const { commit } = await a.add(await (await member("dave")).client.createKeyPackage());
    await c.receive(commit);
    await a.mergePendingCommit();
    expect(saying(await failure(join([{ resumption: b.epoch }])))).toMatch(named(RULE));
    const removal = await a.remove(3);
    await c.receive(removal.commit);
    await a.mergePendingCommit();
    const again = await join([{ resumption: b.epoch }]);
    for (const group of [a, c]) await group.receive(again.commit);
    expect(a.epochAuthenticator).toEqual(c.epochAuthenticator);
  });

  it("that a member proposed doesn't lock out whom the same commit adds", async () => {
    const { a, b, c } = await lateCarol();
    const dave = await member("dave");
    for (const message of [
      await b.propose({ psk: { resumption: b.epoch } }),
      await b.propose({ add: await dave.client.createKeyPackage() }),
    ]) {
      for (const group of [a, c]) await group.receive(message);
    }
    const { commit, welcome } = await a.commit();
    for (const group of [b, c]) expect(await group.receive(commit)).toMatchObject({ added: [{}] });
    await a.mergePendingCommit();
    const d = await dave.client.join(welcome as Uint8Array);
    expect(d.epochAuthenticator).toEqual(a.epochAuthenticator);
  });

  it("that a member proposed doesn't leave members behind who are younger than its epoch", async () => {
    const { a, b, c, old, parties } = await lateCarol();
    const proposal = await b.propose({ psk: { resumption: old } });
    for (const group of [a, c]) await group.receive(proposal);
    // It is known after a restart too who joined when.
    const saved = await a.save();
    await a.close();
    const restored = await (parties[0] as Party).client.restore(saved);
    const { commit } = await restored.commit();
    for (const group of [b, c]) expect((await group.receive(commit)).kind).toBe("commit");
    await restored.mergePendingCommit();
    expect(c.epochAuthenticator).toEqual(b.epochAuthenticator);
  });

  it("of an epoch before a member joined, by Welcome or external commit, can't be committed", async () => {
    const { a, b, c, old } = await lateCarol();
    for (const options of [{ psks: [{ resumption: old }] }, { psks: [{ resumption: a.epoch }] }]) {
      const dave = await member("dave");
      const add = options.psks[0]?.resumption === old ? [] : [await dave.client.createKeyPackage()];
      const error = await refused(a, () => a.commit({ ...options, add }));
      expect(saying(error)).toMatch(named(RULE));
    }
    const removing = await a.commit({ psks: [{ resumption: old }], remove: [2] });
    expect((await b.receive(removing.commit)).kind).toBe("commit");
    await a.clearPendingCommit();
    expect(c.active).toBe(true);
  });

  it("of a time before an external commit can't be committed either, except without who joined by it", async () => {
    const { groups } = await gather([await member("alice"), await member("bob")]);
    const [a, b] = groups as [Group, Group];
    const old = a.epoch;
    const { commit } = await joinByExternalCommit((await member("carol")).client, await a.groupInfo());
    for (const group of [a, b]) await group.receive(commit);
    expect(saying(await refused(a, () => a.commit({ psks: [{ resumption: old }] })))).toMatch(named(RULE));
    const own = await a.commit({ psks: [{ resumption: a.epoch }] });
    expect((await b.receive(own.commit)).kind).toBe("commit");
  });

  it("that the caller asks for goes before received Adds, and receivers take any that they have", async () => {
    const { a, b, c } = await lateCarol();
    const dave = await member("dave");
    await a.receive(await b.propose({ add: await dave.client.createKeyPackage() }));
    const { commit, welcome } = await a.commit({ psks: [{ resumption: a.epoch }] });
    expect(welcome).toBeUndefined();
    for (const group of [b, c]) expect((await group.receive(commit)).kind).toBe("commit");
  });
});

it("more received PSKs than a commit may have don't block commits", async () => {
  const people = [await member("alice"), await member("bob"), await member("carol"), await member("dave")];
  const { groups, parties } = await gather(people);
  const [a, , , d] = groups as [Group, Group, Group, Group];
  for (const [index, count] of [
    [1, 200],
    [2, 60],
  ] as const) {
    const from = await insider(parties[index] as Party, groups[index] as Group);
    for (let i = 0; i < count; i++) {
      const psk = { pskType: 2, usage: 1, pskGroupId: a.groupId, pskEpoch: a.epoch } as const;
      const proposal = { proposalType: 4, psk: { ...psk, pskNonce: filled(32).fill(i) } } as const;
      const message = await frame(from, { contentType: ContentType.proposal, proposal });
      for (const group of [a, d]) await group.receive(message);
    }
  }
  const { commit } = await a.commit();
  expect((await d.receive(commit)).kind).toBe("commit");
});
