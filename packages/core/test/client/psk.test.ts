// RFC 9420 §8.4, §12.1.4: pre-shared keys in commits.

import type { Group } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { four, gather, type Party, party } from "@copse/test-support/clients";
import { failure, refused, saying } from "@copse/test-support/errors";
import { by, forge, insider } from "@copse/test-support/insiders";
import { describe, expect, it } from "vitest";
import { utf8 } from "../../src/bytes.js";
import { ProposalType } from "../../src/wire/proposal.js";

const SUITE = 1;

describe("pre-shared keys", () => {
  const psk = utf8("a secret that all know from elsewhere");
  const externalPsk = (id: Uint8Array) => (id[0] === 7 ? psk : undefined);
  it("change the secrets, and a commit with an unknown one is refused without side effects", async () => {
    const { groups } = await four(SUITE, { externalPsk });
    const [alice, bob] = groups as [Group, Group];
    const { commit } = await alice.commit({
      psks: [{ external: new Uint8Array([7]) }, { resumption: alice.epoch }],
    });
    await bob.receive(commit);
    await alice.mergePendingCommit();
    expect(bob.epochAuthenticator).toEqual(alice.epochAuthenticator);
    expect((await failure(alice.commit({ psks: [{ external: new Uint8Array([8]) }] }))).code).toBe("missing");
    expect(alice.hasPendingCommit).toBe(false);
    const mixed = await gather([
      await party("knows", { suite: SUITE, externalPsk }),
      await party("doesn't", { suite: SUITE }),
    ]);
    const [a, b] = mixed.groups as [Group, Group];
    const made = await a.commit({ psks: [{ external: new Uint8Array([7]) }] });
    expect((await refused(b, made.commit)).code).toBe("missing");
  });
  it("with usage reinit or branch, or with a nonce of another length, are refused in a commit", async () => {
    const { parties, groups } = await four(SUITE);
    const from = await insider(parties[2] as Party, groups[2] as Group);
    const bob = groups[1] as Group;
    const { groupId, epoch } = from.epoch.groupContext;
    const pskNonce = new Uint8Array(32);
    for (const usage of [2, 3] as const) {
      const id = { pskType: 2, usage, pskGroupId: groupId, pskEpoch: epoch, pskNonce } as const;
      const proposals = by(2, { proposalType: ProposalType.psk, psk: id });
      expect(saying(await refused(bob, await forge(from, { proposals })))).toMatch(
        /^12\.1\.4: a resumption PSK/,
      );
    }
    const short = {
      pskType: 2,
      usage: 1,
      pskGroupId: groupId,
      pskEpoch: epoch,
      pskNonce: new Uint8Array(16),
    } as const;
    const proposals = by(2, { proposalType: ProposalType.psk, psk: short });
    expect(saying(await refused(bob, await forge(from, { proposals })))).toMatch(/^12\.1\.4: psk_nonce/);
  });
  it("can be in an external commit", async () => {
    const { groups } = await four(SUITE, { externalPsk });
    const [alice, bob] = groups as [Group, Group];
    const joiner = await party("joiner", { suite: SUITE, externalPsk });
    const { group, commit } = await joinByExternalCommit(joiner.client, await alice.groupInfo(), {
      psks: [{ external: new Uint8Array([7]) }],
    });
    for (const one of [alice, bob]) await one.receive(commit);
    await group.mergePendingCommit();
    expect(group.epochAuthenticator).toEqual(bob.epochAuthenticator);
  });
});
