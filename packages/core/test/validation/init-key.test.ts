// RFC 9420 §10: an init_key that is no public key of the KEM is refused before anybody keeps it.
import { externalSenders, type Group, generateSigner, type Signer } from "@copse/core";
import { PublicGroup } from "@copse/core/public-group";
import { nodeProvider } from "@copse/provider-node";
import { gather, keyPackageIn, type Party, party } from "@copse/test-support/clients";
import { failure, refused } from "@copse/test-support/errors";
import { frame, type Insider, insider } from "@copse/test-support/insiders";
import { describe, expect, it } from "vitest";
import { encode } from "../../src/codec/codec.js";
import { signWithLabel } from "../../src/crypto/labelled.js";
import { ContentType, SenderType } from "../../src/wire/framed-content.js";
import { type KeyPackage, KeyPackageTBS } from "../../src/wire/key-package.js";
import { ProposalType } from "../../src/wire/proposal.js";
import { fromOutside } from "./forged-messages.js";

const crypto = nodeProvider();

/** A key of the right length that is no public key: all zero for X25519, and off the curve for P-256. */
function noKey(length: number): Uint8Array {
  const key = new Uint8Array(length).fill(length === 32 ? 0 : 1);
  if (length !== 32) key[0] = 4;
  return key;
}

async function withoutKey({ client, signer }: Party): Promise<KeyPackage> {
  const { signature: _, ...made } = keyPackageIn(await client.createKeyPackage());
  const unsigned = { ...made, initKey: noKey(made.initKey.length) };
  return {
    ...unsigned,
    signature: await signWithLabel(signer, "KeyPackageTBS", encode(KeyPackageTBS, unsigned)),
  };
}

describe.each([1, 2])("in suite %i, an init_key that is no public key", (suite) => {
  const options = { suite, policy: { handshake: "public" } } as const;

  async function scene() {
    const server = await generateSigner(crypto, suite);
    const parties = [await party("alice", options), await party("bob", options)];
    const [alice, bob] = (await gather(parties)).groups as [Group, Group];
    const credential = { credentialType: 1, identity: new Uint8Array([1]) } as const;
    const extensions = [externalSenders([{ credential, signatureKey: server.publicKey }])];
    await bob.receive((await alice.commit({ extensions })).commit);
    await alice.mergePendingCommit();
    const { authentication } = (parties[0] as Party).config;
    const groupInfo = await alice.groupInfo();
    const follower = await PublicGroup.follow({ crypto, authentication, groupInfo });
    const from = await insider(parties[0] as Party, alice);
    return { bob, follower, from, server, stranger: await party("stranger", options) };
  }
  const content = (keyPackage: KeyPackage) =>
    ({
      contentType: ContentType.proposal,
      proposal: { proposalType: ProposalType.add, keyPackage },
    }) as const;
  const outside = (from: Insider, signer: Signer, senderType: 2 | 3, keyPackage: KeyPackage) =>
    fromOutside(
      { ...from, signer },
      senderType === SenderType.external ? { senderType, senderIndex: 0 } : { senderType },
      content(keyPackage),
    );

  it.each(["a member", "a new member", "an external sender"])(
    "isn't kept of a proposal of %s",
    async (who) => {
      const { bob, follower, from, server, stranger } = await scene();
      const bad = await withoutKey(stranger);
      const good = keyPackageIn(await stranger.client.createKeyPackage());
      const proposal = (keyPackage: KeyPackage) => {
        if (who === "a member") return frame(from, content(keyPackage));
        if (who === "a new member")
          return outside(from, stranger.signer, SenderType.newMemberProposal, keyPackage);
        return outside(from, server, SenderType.external, keyPackage);
      };
      const message = await proposal(bad);
      expect((await refused(bob, message)).code).toBe("crypto");
      expect((await failure(follower.receive(message))).code).toBe("crypto");
      expect([bob.proposals, follower.proposals]).toEqual([[], []]);
      // Nobody is kept from anything, and the same with a good key is taken.
      await bob.encrypt("still here");
      await bob.update();
      await bob.clearPendingCommit();
      expect(await bob.receive(await proposal(good))).toMatchObject({ kind: "proposal" });
    },
  );
});
