// RFC 9420 §14: own messages that the delivery service sends back.
import type { Group } from "@copse/core";
import { four } from "@copse/test-support/clients";
import { describe, expect, it } from "vitest";

const SUITE = 1;

describe("own messages that come back", () => {
  it.each(["public", "private"] as const)("are recognised, in %s handshakes", async (handshake) => {
    const { groups } = await four(SUITE, { policy: { handshake } });
    const [alice] = groups as [Group];
    expect(await alice.receive(await alice.encrypt("mine"))).toEqual({ kind: "own" });
    const proposal = await alice.propose({ update: true });
    expect(await alice.receive(proposal)).toEqual({ kind: "own" });
    expect(alice.proposals).toHaveLength(1);
    const { commit } = await alice.commit();
    expect(await alice.receive(commit)).toMatchObject({ kind: "commit", own: true });
    // And once more after it was merged.
    expect(await alice.receive(commit)).toEqual({ kind: "own" });
  });
});
