// A group from its creation to its end, in every suite.
import { party, reopened, send } from "@copse/test-support/clients";
import { describe, expect, it } from "vitest";

const member = async (suite: number, name: string) => (await party(name, { suite })).client;

describe.each([1, 2, 3, 4, 5, 6, 7])("a session in suite %i", (suite) => {
  it("creates, adds, updates, removes, and agrees", async () => {
    const [alice, bob, carol] = await Promise.all([
      member(suite, "alice"),
      member(suite, "bob"),
      member(suite, "carol"),
    ]);
    const a = await alice.createGroup();
    const invited = await a.add([await bob.createKeyPackage(), await carol.createKeyPackage()]);
    await a.mergePendingCommit();
    const b = await bob.join(invited.welcome as Uint8Array);
    const c = await carol.join(invited.welcome as Uint8Array);
    await send(a, [b, c], "hello");
    await send(b, [a, c], "hi");

    const updated = await b.update();
    for (const group of [a, c]) await group.receive(updated.commit);
    await b.mergePendingCommit();
    expect(a.epochAuthenticator).toEqual(b.epochAuthenticator);
    expect(c.epochAuthenticator).toEqual(b.epochAuthenticator);

    const proposal = await c.propose({ update: true });
    await a.receive(proposal);
    await b.receive(proposal);
    const covering = await a.commit();
    for (const group of [b, c]) await group.receive(covering.commit);
    await a.mergePendingCommit();
    await send(c, [a, b], "with a new leaf");

    const removal = await a.remove(c.ownLeafIndex);
    expect(await b.receive(removal.commit)).toMatchObject({ kind: "commit", active: true });
    expect(await c.receive(removal.commit)).toMatchObject({ kind: "commit", active: false });
    await a.mergePendingCommit();
    await send(a, [b], "without carol");
    await expect(c.encrypt("let me in")).rejects.toMatchObject({ code: "removed" });
    const secret = await a.exportSecret("label", new Uint8Array([1]), 32);
    expect(await b.exportSecret("label", new Uint8Array([1]), 32)).toEqual(secret);

    const restored = await reopened(bob, b);
    await send(a, [restored], "to a restored group");
    await send(restored, [a], "from a restored group");
  });
});
