// RFC 9420 §14: `fork` is what a member's signature proves. Bytes that anybody could have made never give it.

import type { Group } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { PublicGroup } from "@copse/core/public-group";
import { nodeProvider } from "@copse/provider-node";
import { gather, party } from "@copse/test-support/clients";
import { failure } from "@copse/test-support/errors";
import { describe, expect, test } from "vitest";
import { Calls, SUITE, stickyAuthentication } from "./stuck.js";

/** Each byte from the message's header on, changed in one bit; the last bytes among them. */
function* changed(message: Uint8Array): Generator<Uint8Array> {
  for (let at = 4; at < message.length; at += at < message.length - 40 ? 7 : 1) {
    const copy = message.slice();
    copy[at] = (copy[at] as number) ^ 1;
    yield copy;
  }
}

describe.each(["private", "public"] as const)("with %s handshakes", (handshake) => {
  async function three() {
    const people = await Promise.all(
      ["alice", "bob", "carol"].map((name) => party(name, { suite: SUITE, policy: { handshake } })),
    );
    return (await gather(people)).groups as [Group, Group, Group];
  }

  test("a fork is reported for a commit of a member, and not for junk that anybody makes of it", async () => {
    const [a, b, c] = await three();
    const followed =
      handshake === "public"
        ? await PublicGroup.follow({
            crypto: nodeProvider(),
            authentication: stickyAuthentication(new Calls()),
            groupInfo: await c.groupInfo(),
          })
        : undefined;
    const [won, lost] = [await a.update(), await b.update()];
    for (const receiver of [c, followed]) {
      if (receiver === undefined) continue;
      for (const junk of changed(won.commit)) {
        // To a follower, who can't check them, some changed tags look right: those are left out.
        if (receiver === followed) break;
        expect((await failure(receiver.receive(junk))).code, "in the same epoch").not.toBe("fork");
      }
      await receiver.receive(won.commit);
      for (const junk of changed(lost.commit)) {
        const { code } = await failure(receiver.receive(junk)).catch(() => ({ code: "accepted" }));
        const tags = handshake === "public" && equalUpTo(junk, lost.commit, lost.commit.length - 66);
        if (!tags) expect(code, "in a past epoch").not.toBe("fork");
      }
      expect((await failure(receiver.receive(lost.commit))).code).toBe("fork");
    }
  });
});

/** In a PublicMessage, the confirmation tag and the membership tag are last: the signature doesn't cover them. */
function equalUpTo(one: Uint8Array, other: Uint8Array, length: number): boolean {
  return one.subarray(0, length).every((byte, i) => byte === other[i]);
}

test("a stranger's external commit that came too late is no fork", async () => {
  const members = [await party("alice", { suite: SUITE }), await party("bob", { suite: SUITE })];
  const carol = await party("carol", { suite: SUITE });
  const [a, b] = (await gather(members)).groups as [Group, Group];
  const { commit } = await joinByExternalCommit(carol.client, await a.groupInfo());
  await b.receive((await a.update()).commit);
  expect((await failure(b.receive(commit))).code).toBe("past-epoch");
});
