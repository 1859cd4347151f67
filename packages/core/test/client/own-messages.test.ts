// RFC 9420 §14: own messages that the delivery service sends back.
import type { Group } from "@copse/core";
import { four, type Party } from "@copse/test-support/clients";
import { failure, saying } from "@copse/test-support/errors";
import { frame, insider } from "@copse/test-support/insiders";
import { describe, expect, it } from "vitest";
import { ContentType } from "../../src/wire/framed-content.js";
import { SenderType } from "../../src/wire/index.js";
import { ProposalType } from "../../src/wire/proposal.js";

const SUITE = 1;
const authenticatedData = new Uint8Array([4, 5, 6]);

describe("own messages that come back", () => {
  it.each(["public", "private"] as const)(
    "are recognised, with their epoch and authenticated data, in %s handshakes",
    async (handshake) => {
      const { groups } = await four(SUITE, { policy: { handshake } });
      const [alice] = groups as [Group];
      const { epoch } = alice;
      const own = { kind: "own", epoch, authenticatedData };
      // An encrypted message is recognised by its sender data alone, which any member could have made.
      const application = await alice.encrypt("mine", { authenticatedData });
      expect(await alice.receive(application)).toEqual({ ...own, verified: false });
      const proposal = await alice.propose({ update: true }, { authenticatedData });
      expect(await alice.receive(proposal)).toEqual({ ...own, verified: handshake === "public" });
      expect(alice.proposals).toHaveLength(1);
      const { commit } = await alice.commit({ authenticatedData });
      expect(await alice.receive(commit)).toMatchObject({ kind: "commit", own: true, authenticatedData });
      // And once more after it was merged.
      expect(await alice.receive(commit)).toEqual({ ...own, verified: true });
      expect(await alice.receive(application)).toEqual({ ...own, verified: false });
    },
  );
  it("aren't taken for this client's if another member made them", async () => {
    const { groups, parties } = await four(SUITE, { policy: { handshake: "public" } });
    const [alice, , mallory] = groups as [Group, Group, Group];
    const forged = await frame(
      await insider(parties[2] as Party, mallory),
      {
        contentType: ContentType.proposal,
        proposal: { proposalType: ProposalType.remove, removed: 1 },
      },
      { sender: { senderType: SenderType.member, leafIndex: 0 } },
    );
    expect(saying(await failure(alice.receive(forged)))).toMatch(
      /^6\.1: recipients must verify the signature/,
    );
  });
});
