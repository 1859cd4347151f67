// RFC 9420: two clients of ts-mls alone, so that a failure of an interoperability test isn't the wrapper's.
import { type Handshake, type Suite, TsMlsClient } from "@copse/peer-ts-mls";
import { utf8 } from "@copse/test-support/bytes";
import { describe, expect, test } from "vitest";

async function pair(suite: Suite, handshake: Handshake): Promise<[TsMlsClient, TsMlsClient]> {
  const [alice, bob] = await Promise.all([
    TsMlsClient.create(suite, "alice"),
    TsMlsClient.create(suite, "bob"),
  ]);
  await alice.createGroup(utf8("group"));
  const { welcome } = await alice.commit({ add: [await bob.keyPackage()], handshake });
  await bob.join(welcome!);
  return [alice, bob];
}

async function agree(...clients: TsMlsClient[]): Promise<void> {
  const [first, ...others] = clients;
  const secret = await first!.exportSecret("label", utf8("context"), 32);
  for (const other of others) {
    expect(other.epoch).toBe(first!.epoch);
    expect(other.epochAuthenticator()).toEqual(first!.epochAuthenticator());
    expect(await other.exportSecret("label", utf8("context"), 32)).toEqual(secret);
    expect(other.ratchetTree()).toEqual(first!.ratchetTree());
  }
}

describe.each<Suite>([1, 2, 3])("suite %i", (suite) => {
  test.each<Handshake>(["private", "public"])("a session with %s handshakes", async (handshake) => {
    const [alice, bob] = await pair(suite, handshake);
    await agree(alice, bob);
    expect(alice.members.map(({ leafIndex, identity }) => [leafIndex, identity])).toEqual([
      [0, "alice"],
      [1, "bob"],
    ]);

    expect(await bob.receive(await alice.encrypt(utf8("hello")))).toMatchObject({
      kind: "application",
      data: utf8("hello"),
    });
    expect(await alice.receive(await bob.encrypt(utf8("hi"), utf8("aad")))).toMatchObject({
      data: utf8("hi"),
      authenticatedData: utf8("aad"),
    });

    const { commit } = await bob.commit({ handshake });
    expect(await alice.receive(commit)).toEqual({ kind: "commit", removed: false });
    await agree(alice, bob);

    const [carol, dave] = await Promise.all([
      TsMlsClient.create(suite, "carol"),
      TsMlsClient.create(suite, "dave"),
    ]);
    const added = await bob.commit({
      add: [await carol.keyPackage()],
      handshake,
      ratchetTreeExtension: false,
    });
    await alice.receive(added.commit);
    await carol.join(added.welcome!, bob.ratchetTree());
    const proposal = await carol.propose({ add: await dave.keyPackage() }, handshake);
    for (const other of [alice, bob]) expect(await other.receive(proposal)).toEqual({ kind: "proposal" });
    const second = await alice.commit({ handshake });
    for (const other of [bob, carol]) await other.receive(second.commit);
    await dave.join(second.welcome!);
    await agree(alice, bob, carol, dave);

    // Two at once, since ts-mls leaves out the path for one.
    const removal = await alice.commit({ remove: [bob.ownLeafIndex, carol.ownLeafIndex], handshake });
    await dave.receive(removal.commit);
    expect(alice.members).toHaveLength(2);
    await agree(alice, dave);
    await expect(bob.receive(await alice.encrypt(utf8("secret")))).rejects.toThrow();
  });

  test("an Update proposal, committed or overtaken", async () => {
    const [alice, bob] = await pair(suite, "private");
    const before = bob.members[1]!;
    // Two updates, since ts-mls leaves out the path for one.
    const carol = await TsMlsClient.create(suite, "carol");
    const { commit, welcome } = await alice.commit({ add: [await carol.keyPackage()] });
    await bob.receive(commit);
    await carol.join(welcome!);
    for (const [proposer, others] of [
      [bob, [alice, carol]],
      [carol, [alice, bob]],
    ] as const) {
      const proposal = await proposer.propose({ update: true });
      for (const other of others) await other.receive(proposal);
    }
    const updated = await alice.commit();
    for (const other of [bob, carol]) await other.receive(updated.commit);
    await agree(alice, bob, carol);
    expect(bob.members[1]!.signatureKey).toEqual(before.signatureKey);

    await bob.propose({ update: true });
    const overtaking = await alice.commit();
    for (const other of [bob, carol]) await other.receive(overtaking.commit);
    const reply = await bob.commit();
    for (const other of [alice, carol]) await other.receive(reply.commit);
    await agree(alice, bob, carol);
  });
});

test("wrong bytes are refused with the name of what was expected", async () => {
  const [alice, bob] = await pair(1, "private");
  await expect(alice.commit({ add: [utf8("no")] })).rejects.toThrow("not an MLSMessage");
  await expect(alice.join(await bob.encrypt(utf8("x")))).rejects.toThrow("not a Welcome");
  await expect(alice.receive(await bob.keyPackage())).rejects.toThrow("neither");
  const stranger = await TsMlsClient.create(1, "eve");
  await expect(stranger.encrypt(utf8("x"))).rejects.toThrow("eve is in no group");
});
