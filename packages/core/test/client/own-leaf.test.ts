// RFC 9420 §5.3.1, §7.3: a committer's own new leaf is held to what every receiver holds it to.
import { basicCredential, type Group } from "@copse/core";
import { gather, party } from "@copse/test-support/clients";
import { failure } from "@copse/test-support/errors";
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
    expect((await failure(mallory.client.joinByExternalCommit(groupInfo, resync))).code).toBe(
      "authentication",
    );
    const again = await named("carol");
    const { commit: resynced } = await again.client.joinByExternalCommit(groupInfo, resync);
    expect(await alice.receive(resynced)).toMatchObject({ kind: "commit", removed: [{ leafIndex: 2 }] });
  });
});
