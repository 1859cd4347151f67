// RFC 9420 §5.3.1, §7.3: a committer's own new leaf is held to what every receiver holds it to.

import {
  type AuthenticationService,
  basicCredential,
  type Group,
  type Identity,
  insecureAcceptAll,
} from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { nodeProvider } from "@copse/provider-node";
import { gather, type PartyOptions, party } from "@copse/test-support/clients";
import { failure, refused, saying } from "@copse/test-support/errors";
import { describe, expect, it } from "vitest";

const SUITE = 1;

/** Believes everybody, and so leaves it to the default who may take whose place: nobody with another name. */
const authentication = { validate: () => true };
const named = (name: string) => party(name, { suite: SUITE, authentication });

describe("a credential that the own authentication service refuses", () => {
  it("is neither proposed nor committed", async () => {
    const { groups } = await gather([await named("alice"), await named("bob")]);
    const [alice] = groups as [Group];
    const credential = basicCredential("mallory");
    expect((await failure(alice.propose({ update: { credential } }))).code).toBe("authentication");
    expect((await failure(alice.commit({ identity: { credential } }))).code).toBe("authentication");
    expect(alice.hasPendingCommit).toBe(false);
    await alice.commit({ identity: { credential: basicCredential("alice") } });
  });

  it("doesn't take another's place by an external commit", async () => {
    const { groups } = await gather([await named("alice"), await named("bob"), await named("carol")]);
    const [alice, bob] = groups as [Group, Group];
    // A free leaf to the left of the one that is replaced.
    const { commit } = await alice.remove(1);
    await alice.mergePendingCommit();
    await bob.receive(commit);
    const groupInfo = await alice.groupInfo();
    const resync = { resync: ({ leafIndex }: { leafIndex: number }) => leafIndex === 2 };
    const mallory = await named("mallory");
    expect((await failure(joinByExternalCommit(mallory.client, groupInfo, resync))).code).toBe(
      "authentication",
    );
    const again = await named("carol");
    const { commit: resynced } = await joinByExternalCommit(again.client, groupInfo, resync);
    expect(await alice.receive(resynced)).toMatchObject({ kind: "commit", removed: [{ leafIndex: 2 }] });
  });
});

describe("a committer's new leaf", () => {
  const make = (name: string, more: Partial<PartyOptions> = {}) => party(name, { suite: SUITE, ...more });

  it("goes before a received Add with its signature key, which doesn't keep it from committing", async () => {
    const { groups } = await gather([await make("alice"), await make("bob")]);
    const [alice, bob] = groups as [Group, Group];
    const dave = await make("dave");
    const carol = await make("carol");
    for (const { client } of [dave, carol]) {
      await alice.receive(await bob.propose({ add: await client.createKeyPackage() }));
    }
    // Somebody else already has the key that Alice switches to.
    const { commit } = await alice.update({ signer: dave.signer });
    expect(await bob.receive(commit)).toMatchObject({ added: [{ credential: carol.client.credential }] });
    expect(await alice.mergePendingCommit()).toMatchObject({ added: [{ leafIndex: 2 }] });
    expect(bob.epochAuthenticator).toEqual(alice.epochAuthenticator);
  });

  it("with the key of an Add of its own, or of a member, is refused before the path is made", async () => {
    const crypto = nodeProvider();
    const provider = crypto.suite(SUITE);
    let derived = 0;
    const hpke = Object.create(provider.hpke, {
      deriveKeyPair: {
        value: (ikm: Uint8Array) => {
          derived++;
          return provider.hpke.deriveKeyPair(ikm);
        },
      },
    });
    const counting = { ...crypto, suite: () => ({ ...provider, hpke }) };
    const [first, second] = [await make("alice", { crypto: counting }), await make("bob")];
    const { groups } = await gather([first, second]);
    const [alice] = groups as [Group];
    const dave = await make("dave");
    const add = [await dave.client.createKeyPackage()];
    derived = 0;
    for (const attempt of [
      () => alice.commit({ add, identity: { signer: dave.signer } }),
      () => alice.update({ signer: second.signer }),
    ]) {
      expect(saying(await refused(alice, attempt))).toMatch(/^7\.3: signature_key must be unique/);
    }
    expect(derived).toBe(0);
    await alice.update();
    expect(derived).toBeGreaterThan(0);
  });

  it("goes before a received Add that the application takes for its client", async () => {
    const nameOf = ({ credential }: Identity) => String((credential as { identity?: Uint8Array }).identity);
    const authentication: AuthenticationService = {
      ...insecureAcceptAll(),
      sameClient: (a, b) => nameOf(a) === nameOf(b),
    };
    const { groups } = await gather([
      await make("alice", { authentication }),
      await make("bob", { authentication }),
    ]);
    const [alice, bob] = groups as [Group, Group];
    const dave = await make("dave");
    await alice.receive(await bob.propose({ add: await dave.client.createKeyPackage() }));
    const { commit } = await alice.update({ credential: basicCredential("dave") });
    expect(await bob.receive(commit)).toMatchObject({ kind: "commit", added: [] });
  });
});
