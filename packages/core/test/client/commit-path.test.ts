// RFC 9420 §12.4: paths of commits, and the leaves that they replace.
import type { Group } from "@copse/core";
import { everyone, four, party, publicIn } from "@copse/test-support/clients";
import { describe, expect, it } from "vitest";
import { toHex } from "../../src/bytes.js";
import { ContentType } from "../../src/wire/framed-content.js";

const SUITE = 1;

describe("a commit's path", () => {
  it("can be forced where none is required", async () => {
    const { groups } = await four(SUITE, { policy: { handshake: "public" } });
    const [alice] = groups as [Group];
    for (const forcePath of [false, true]) {
      const newMember = await party("new-member", { suite: SUITE });
      const { commit } = await alice.commit({ add: [await newMember.client.createKeyPackage()], forcePath });
      const { content } = publicIn(commit).content;
      expect(content.contentType === ContentType.commit && content.commit.path !== undefined).toBe(forcePath);
      await everyone(groups, commit, 0);
      await alice.mergePendingCommit();
    }
  });
  it("follows an Update of leaf 0 by reference", async () => {
    const { groups } = await four(SUITE);
    const [alice, bob] = groups as [Group, Group];
    const before = toHex(alice.ratchetTree);
    await everyone(groups, await alice.propose({ update: true }), 0);
    const { commit } = await bob.commit();
    expect(await alice.receive(commit)).toMatchObject({ updated: [{ leafIndex: 0 }] });
    await bob.mergePendingCommit();
    expect(toHex(alice.ratchetTree)).not.toBe(before);
    const { commit: next } = await (groups[1] as Group).update();
    await alice.receive(next);
    await bob.mergePendingCommit();
    expect(alice.epochAuthenticator).toEqual(bob.epochAuthenticator);
  });
});
