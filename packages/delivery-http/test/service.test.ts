// What a client and a service do together.
import { afterEach, describe, expect, it } from "vitest";
import { bytes, epochKey, groupOf, handshake, message, refusal, SUITE, TestService } from "./support.js";

let service: TestService | undefined;

async function start(...options: ConstructorParameters<typeof TestService>): Promise<TestService> {
  service = await new TestService(...options).start();
  return service;
}

afterEach(async () => {
  await service?.stop();
  service = undefined;
});

const keyPackage = (value: number) => ({
  reference: bytes(32, value),
  keyPackage: bytes(300, value),
  suite: SUITE,
  notAfter: 4_000_000_000n,
  lastResort: false,
});

describe("a conversation by HTTP", () => {
  it("goes from a key package to a message, and on after a restart", async () => {
    const running = await start();
    const alice = await running.connect("alice");
    const bob = await running.connect("bob");
    await bob.publishKeyPackages([keyPackage(1)]);
    expect(await alice.claimKeyPackages("bob", SUITE)).toEqual([bytes(300, 1)]);
    expect(await alice.claimKeyPackages("bob", SUITE)).toEqual([]);

    const groupId = groupOf("trees");
    const [zero, one] = [await epochKey(0), await epochKey(1)];
    const welcomes = [{ reference: bytes(32, 1), welcome: bytes(500) }];
    const made = await alice.submit(handshake(groupId, one, { welcomes, key: () => zero }));
    expect(made.kind).toBe("accepted");
    const inbox = bob.inbox("")[Symbol.asyncIterator]();
    const [welcome] = (await inbox.next()).value?.entries ?? [];
    expect(welcome).toMatchObject({ groupId, welcome: bytes(500), reference: bytes(32, 1) });
    const log = bob.subscribe({ groupId, after: welcome?.handshake ?? "", key: () => one });
    const reader = log[Symbol.asyncIterator]();
    expect(await reader.next()).toMatchObject({ value: { entries: [], behind: 0 } });
    const next = reader.next();
    const cursor = await alice.send(message(groupId, one));
    expect(await next).toMatchObject({ value: { entries: [{ cursor, kind: "message" }], behind: 0 } });

    const lost = reader.next();
    await Promise.all([
      running.restart(),
      expect(lost).rejects.toMatchObject({ code: "unavailable", retry: "later" }),
    ]);
    const again = alice.subscribe({ groupId, after: "", key: () => one })[Symbol.asyncIterator]();
    expect((await again.next()).value?.entries).toHaveLength(2);
    expect(await bob.groupInfo(groupId)).toEqual({ groupInfo: bytes(200), handshake: welcome?.handshake });
    expect(running.server.counters.failed).toBe(0);
  });

  it("has one winner of a race, and shows it to the others", async () => {
    const running = await start();
    const groupId = groupOf("race");
    const one = await epochKey(1);
    const alice = await running.connect("alice");
    const first = await alice.submit(handshake(groupId, one));
    const after = first.kind === "accepted" ? first.cursor : "";
    const keys = await Promise.all([20, 21, 22, 23, 24].map((seed) => epochKey(2, seed)));
    const outcomes = await Promise.all(
      keys.map(async (key) => alice.submit(handshake(groupId, key, { after, key: () => one }))),
    );
    expect(outcomes.filter(({ kind }) => kind === "accepted")).toHaveLength(1);
    expect(outcomes.filter(({ kind }) => kind === "stale")).toHaveLength(4);
    expect(running.server.counters).toMatchObject({ handshakes: 2, stale: 4 });
  });

  it("isn't run twice over one folder", async () => {
    const running = await start();
    const second = new TestService({ data: running.folder });
    await expect(second.start()).rejects.toMatchObject({ code: "storage" });
  });

  it("lets a further client of a user in only if one of the user's has signed for it", async () => {
    const running = await start();
    const phone = await running.connect("alice", "phone");
    await phone.login();
    const laptop = await running.connect("alice", "laptop");
    expect(await refusal(laptop.login())).toBe("forbidden");
    const { publicKey } = await running.signer("alice laptop");
    const admission = await phone.admit({ signatureKey: publicKey, suite: SUITE });
    const admitted = await running.connect("alice", "laptop", { admission });
    await admitted.login();
    // It is good for that key alone.
    expect(await refusal((await running.connect("alice", "tablet", { admission })).login())).toBe(
      "forbidden",
    );
    expect(running.server.counters).toMatchObject({ logins: 2, loginsRefused: 2 });
  });
});
