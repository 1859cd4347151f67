// RFC 9420 §6.1, §6.2, §16.4.3: a follower can't check MACs, so it may accept what members refuse, and needs a way back.
import type { Group } from "@copse/core";
import { PublicGroup } from "@copse/core/public-group";
import { nodeProvider } from "@copse/provider-node";
import { pair, party, publicIn } from "@copse/test-support/clients";
import { code } from "@copse/test-support/errors";
import { expect, it } from "vitest";
import { encode } from "../../src/codec/codec.js";
import { MlsMessage } from "../../src/wire/mls-message.js";
import { SUITE } from "../proposals.js";

const crypto = nodeProvider();
const options = { suite: SUITE, crypto, policy: { handshake: "public" } } as const;
const authentication = { validate: () => true };

/** A commit whose confirmation tag somebody changed on the way. */
function withFlippedTag(commit: Uint8Array): Uint8Array {
  const publicMessage = publicIn(commit);
  const confirmationTag = (publicMessage.auth.confirmationTag as Uint8Array).map((byte) => byte ^ 1);
  const changed = { ...publicMessage, auth: { ...publicMessage.auth, confirmationTag } };
  return encode(MlsMessage, { version: 1, wireFormat: 1, publicMessage: changed } as never);
}

const same = (follower: PublicGroup, group: Group) => {
  expect(follower.epoch).toBe(group.epoch);
  expect(follower.treeHash).toEqual(group.treeHash);
  expect(follower.confirmedTranscriptHash).toEqual(group.confirmedTranscriptHash);
};

it("a follower that a flipped tag has put out of step goes on by a member's GroupInfo", async () => {
  const { a, b } = await pair(options);
  const follower = await PublicGroup.follow({ crypto, authentication, groupInfo: await a.groupInfo() });
  const before = await a.groupInfo();
  const { commit } = await a.update();
  const flipped = withFlippedTag(commit);
  await expect(b.receive(flipped)).rejects.toThrow();
  await follower.receive(flipped);
  await expect(follower.receive(commit)).rejects.toEqual(code("fork"));
  await b.receive(commit);
  await a.mergePendingCommit();
  const next = await b.update();
  await a.receive(next.commit);
  await b.mergePendingCommit();
  // Its transcript is another one: it is out of step for good.
  await follower.receive(next.commit).catch(() => undefined);
  expect(follower.confirmedTranscriptHash).not.toEqual(a.confirmedTranscriptHash);
  await follower.resume(await b.groupInfo());
  same(follower, a);
  // Back to before the commit too, if that is the newest that members confirm.
  await follower.resume(before);
  await follower.receive(commit);
  await follower.receive(next.commit);
  same(follower, a);
});

it("a stranger's group of the same ID doesn't take the place of the followed one", async () => {
  const { a } = await pair(options);
  const follower = await PublicGroup.follow({ crypto, authentication, groupInfo: await a.groupInfo() });
  const { client } = await party("stranger", options);
  const fake = await client.createGroup({ groupId: a.groupId });
  await expect(follower.resume(await fake.groupInfo())).rejects.toEqual(code("unknown-sender"));
  const other = await client.createGroup();
  await expect(follower.resume(await other.groupInfo())).rejects.toEqual(code("wrong-group"));
  same(follower, a);
});
