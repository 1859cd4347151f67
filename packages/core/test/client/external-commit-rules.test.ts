// RFC 9420 §12.2, §12.4.3.2: external commits that an insider signs and MACs well.
import type { Group } from "@copse/core";
import { four, type Meeting, type Party, party } from "@copse/test-support/clients";
import { refused, saying } from "@copse/test-support/errors";
import { frame, insider } from "@copse/test-support/insiders";
import { describe, expect, it } from "vitest";
import { EMPTY } from "../../src/bytes.js";
import { decode } from "../../src/codec/codec.js";
import { createUpdatePath } from "../../src/tree/treekem.js";
import { ProposalOrRefType } from "../../src/wire/commit.js";
import { type Content, ContentType, SenderType } from "../../src/wire/framed-content.js";
import { type MlsMessage as Message, MlsMessage } from "../../src/wire/mls-message.js";
import { ProposalType } from "../../src/wire/proposal.js";

const SUITE = 1;

describe("the sender's type decides which rules a commit is held to", () => {
  /** An external commit of these proposals, well signed, with a good path. */
  async function external(
    { parties, groups }: Meeting,
    joiner: Party,
    listed: readonly ({ removed: number } | { add: Uint8Array } | "init" | "reference")[],
    withPath = true,
  ): Promise<Uint8Array> {
    const [known] = (groups[1] as Group).proposals;
    const { epoch, config } = await insider(parties[0] as Party, groups[0] as Group);
    let { tree } = epoch;
    for (const one of listed) {
      if (typeof one === "object" && "removed" in one) tree = tree.remove(one.removed);
    }
    const { signer } = joiner;
    const { credential, capabilities } = keyPackageOf(await joiner.client.createKeyPackage()).leafNode;
    const made = await createUpdatePath(config.provider, tree, {
      sender: tree.leftmostBlank(),
      unsignedLeaf: { credential, capabilities, extensions: [], signatureKey: signer.publicKey },
      signer,
      groupId: epoch.groupContext.groupId,
      exclude: new Set(),
      groupContext: () => EMPTY,
    });
    const commit = {
      proposals: listed.map((one) => {
        if (one === "reference") {
          return { type: ProposalOrRefType.reference, reference: known?.reference as Uint8Array } as const;
        }
        const proposal =
          one === "init"
            ? ({ proposalType: ProposalType.externalInit, kemOutput: new Uint8Array(32) } as const)
            : "add" in one
              ? ({ proposalType: ProposalType.add, keyPackage: keyPackageOf(one.add) } as const)
              : ({ proposalType: ProposalType.remove, removed: one.removed } as const);
        return { type: ProposalOrRefType.proposal, proposal } as const;
      }),
      path: withPath ? made.updatePath : undefined,
    };
    const content: Content = { contentType: ContentType.commit, commit };
    const sender = { senderType: SenderType.newMemberCommit };
    return frame({ config, epoch, signer }, content, { sender });
  }
  const keyPackageOf = (bytes: Uint8Array) =>
    (decode(MlsMessage, bytes) as Extract<Message, { wireFormat: 5 }>).keyPackage;
  it("an external commit is held to the rules of external commits, whatever its proposals", async () => {
    // §12.4.3.2: only a successor of the removed credential may take its place.
    const meeting = await four(SUITE, { authentication: { validate: () => true } });
    const [alice, bob] = meeting.groups as [Group, Group];
    const joiner = await party("joiner", { suite: SUITE });
    const add = await (await party("friend", { suite: SUITE })).client.createKeyPackage();
    // A proposal that is known, so that it could be referred to.
    await bob.receive(await alice.propose({ update: true }));
    const cases: [string, Uint8Array][] = [
      [
        "12.4.3.2: an external commit must not include any proposals by ref",
        await external(meeting, joiner, ["init", "reference"]),
      ],
      ["12.4.3.2: external commits must contain a path", await external(meeting, joiner, ["init"], false)],
      ["12.2: an external commit must contain exactly one", await external(meeting, joiner, [])],
      [
        "12.2: an external commit must contain exactly one",
        await external(meeting, joiner, ["init", "init"]),
      ],
      ["12.2: an external commit must contain no other", await external(meeting, joiner, ["init", { add }])],
      [
        "12.2: an external commit must contain at most one Remove",
        await external(meeting, joiner, ["init", { removed: 2 }, { removed: 3 }]),
      ],
      ["authentication", await external(meeting, joiner, ["init", { removed: 2 }])],
    ];
    for (const [rule, message] of cases) {
      const said = await refused(bob, message).then(saying, String);
      expect(said.startsWith(rule), `${said} where ${rule} belongs`).toBe(true);
    }
    // A former self may come back in its own place.
    const again = await party("mallory", { suite: SUITE });
    const back = await external(meeting, again, ["init", { removed: 2 }]);
    const error = await refused(bob, back);
    expect(error.code).not.toBe("authentication");
  });
});
