// What a client can use up is bounded, and the others go on meanwhile.
import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { Raw, tokenOf } from "./raw.js";
import { bytes, epochKey, groupOf, handshake, message, refusal, SUITE, TestService } from "./support.js";

let service: TestService | undefined;

async function start(options: ConstructorParameters<typeof TestService>[0]): Promise<TestService> {
  service = await new TestService(options).start();
  return service;
}

afterEach(async () => {
  await service?.stop();
  service = undefined;
});

const NONE = { perSecond: 0, burst: 2 };
const keyPackage = (value: number) => ({
  reference: bytes(32, value),
  keyPackage: bytes(10, value),
  suite: SUITE,
  notAfter: 4_000_000_000n,
  lastResort: false,
});

describe("a rate ends a client's calls and no other's", () => {
  it("of claims, by the claimer and by the claimed", async () => {
    const running = await start({ rates: { claim: NONE, claimed: { perSecond: 0, burst: 3 } } });
    const [alice, eve, bob] = await Promise.all(["alice", "eve", "bob"].map((name) => running.connect(name)));
    await bob!.publishKeyPackages([1, 2, 3, 4, 5].map(keyPackage));
    for (const _ of [1, 2]) expect(await eve!.claimKeyPackages("bob", SUITE)).toHaveLength(1);
    expect(await refusal(eve!.claimKeyPackages("bob", SUITE))).toBe("limit");
    expect(await alice!.claimKeyPackages("bob", SUITE)).toHaveLength(1);
    expect(await refusal(alice!.claimKeyPackages("bob", SUITE))).toBe("limit");
    expect(await bob!.countKeyPackages(SUITE)).toEqual({ single: 2, lastResort: 0 });
    expect(running.server.counters.limited).toBe(2);
  });

  it("of claims of what is good once: then one of last resort is handed out", async () => {
    const running = await start({ rates: { claimedByOne: NONE, claimed: { perSecond: 0, burst: 3 } } });
    const [alice, eve, bob] = await Promise.all(["alice", "eve", "bob"].map((name) => running.connect(name)));
    const last = { ...keyPackage(9), lastResort: true };
    await bob!.publishKeyPackages([...[1, 2, 3, 4].map(keyPackage), last]);
    const claims: number[] = [];
    for (const by of [eve, eve, eve, eve, alice, alice]) {
      // Names of nobody use up nothing.
      expect(await by!.claimKeyPackages("nobody", SUITE)).toEqual([]);
      claims.push((await by!.claimKeyPackages("bob", SUITE))[0]![0]!);
    }
    expect(claims).toEqual([1, 2, 9, 9, 3, 9]);
    expect(await bob!.countKeyPackages(SUITE)).toEqual({ single: 1, lastResort: 1 });
  });

  it("of new groups, by the address", async () => {
    const running = await start({ rates: { group: NONE } });
    const key = await epochKey(1);
    const make = async (user: string, name: string) =>
      refusal((await running.connect(user)).submit(handshake(groupOf(name), key)));
    expect([await make("one", "a"), await make("two", "b"), await make("three", "c")]).toEqual([
      "done",
      "done",
      "limit",
    ]);
    // What is there isn't new.
    expect(await make("one", "a")).not.toBe("limit");
  });

  it("of whoever joins without a key, or asks for the GroupInfo without being a member", async () => {
    const running = await start({ rates: { join: { perSecond: 0, burst: 2 } } });
    const [alice, eve] = [await running.connect("alice"), await running.connect("eve")];
    const [groupId, key] = [groupOf("joins"), await epochKey(1)];
    const made = await alice.submit(handshake(groupId, key));
    const after = made.kind === "accepted" ? made.cursor : "";
    await alice.send(message(groupId, key));
    for (const _ of [1, 2, 3]) expect(await alice.groupInfo(groupId)).toMatchObject({ handshake: after });
    expect(await refusal(eve.groupInfo(groupId))).toBe("forbidden");
    expect(await refusal(eve.submit(handshake(groupId, await epochKey(2), { after })))).toBe("forbidden");
    expect(await refusal(eve.groupInfo(groupId))).toBe("limit");
    expect(await refusal(eve.submit(handshake(groupId, await epochKey(2), { after })))).toBe("limit");
  });

  it("of messages and handshakes, which are taken again when there is room", async () => {
    let time = 0;
    const running = await start({
      now: () => 1e12 + time,
      rates: { message: { perSecond: 1, burst: 1 }, handshake: { perSecond: 1, burst: 1 } },
    });
    const alice = await running.connect("alice");
    const [groupId, key] = [groupOf("rates"), await epochKey(1)];
    await alice.submit(handshake(groupId, key));
    const commit = alice.submit(handshake(groupOf("more"), key));
    await expect(commit).rejects.toMatchObject({ code: "limit", retry: "later", retryAfter: 1000 });
    // She proves the key: or else the first message would be sent twice.
    const log = alice.subscribe({ groupId, after: "", key: () => key })[Symbol.asyncIterator]();
    await log.next();
    await alice.send(message(groupId, key));
    expect(await refusal(alice.send(message(groupId, key)))).toBe("limit");
    time += 1000;
    expect(await refusal(alice.send(message(groupId, key)))).toBe("done");
    expect(await refusal(alice.submit(handshake(groupOf("more"), key)))).toBe("done");
  });

  it("of logins and new names, by the address", async () => {
    const running = await start({ rates: { register: NONE } });
    for (const name of ["one", "two"]) await (await running.connect(name)).login();
    expect(await refusal((await running.connect("three")).login())).toBe("limit");
    expect(await refusal((await running.connect("one")).login())).toBe("done");
  });
});

describe("a quota holds", () => {
  it("for the connections of an address", async () => {
    const running = await start({ quotas: { connectionsOfAddress: 2 } });
    const { hostname, port } = new URL(running.server.url);
    const open = () => connect(Number(port), hostname).on("error", () => undefined);
    const [first, second] = [open(), open()];
    await Promise.all([first, second].map((one) => once(one, "connect")));
    await once(open(), "close");
    first.destroy();
    while ((await refusal((await running.connect("alice")).login())) !== "done");
    second.destroy();
  });

  it("for the sockets of an address that a proxy tells", async () => {
    const running = await start({
      quotas: { connectionsOfAddress: 1 },
      addressOf: ({ url }) => url?.split("?")[1] ?? "",
    });
    const { url } = running.server;
    const token = await tokenOf(url, "alice", await running.signer("alice"));
    const first = await new Raw(url, "?here").open(token);
    await first.until((frames) => frames.length > 0);
    expect(await new Raw(url, "?here").closed).toBe(1006);
    const other = await new Raw(url, "?there").open(token);
    await other.until((frames) => frames.length > 0);
    expect(running.server.counters.limited).toBe(1);
  });

  it("for users, and for the bodies that one client has begun and doesn't end", async () => {
    const running = await start({ limits: { users: 2 }, quotas: { receivingOfClient: 20_000 } });
    const { url, counters } = running.server;
    const [slow, other] = [await running.connect("slow"), await running.connect("other")];
    await other.login();
    const token = await tokenOf(url, "slow", await running.signer("slow phone"));
    expect(await refusal((await running.connect("third")).login())).toBe("limit");
    const { hostname, port } = new URL(url);
    const body = connect(Number(port), hostname).on("error", () => undefined);
    body.write(
      `POST /v1/groups/submit HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/cbor\r\nContent-Length: 90000\r\n\r\n${"x".repeat(30_000)}`,
    );
    while (counters.receiving < 30_000) await other.countKeyPackages(SUITE);
    expect(await refusal(slow.countKeyPackages(SUITE))).toBe("limit");
    body.destroy();
    while (counters.receiving > 0) await other.countKeyPackages(SUITE);
    expect(await refusal(slow.countKeyPackages(SUITE))).toBe("done");
  });

  it("for key packages, inboxes, groups and clients of a user", async () => {
    const running = await start({
      admit: () => true,
      limits: { keyPackages: 2, inbox: 1, clients: 2 },
      quotas: { groupsOfClient: 2 },
    });
    const [alice, bob] = [await running.connect("alice"), await running.connect("bob")];
    await bob.publishKeyPackages([1, 2].map(keyPackage));
    expect(await refusal(bob.publishKeyPackages([keyPackage(3)]))).toBe("limit");
    const key = await epochKey(1);
    const welcome = (value: number) => [{ reference: bytes(32, value), welcome: bytes(9) }];
    await alice.submit(handshake(groupOf("one"), key, { welcomes: welcome(1) }));
    await alice.submit(handshake(groupOf("two"), key, { welcomes: welcome(2) }));
    expect(running.server.counters).toMatchObject({ welcomes: 1, welcomesDropped: 1 });
    expect(await refusal(alice.submit(handshake(groupOf("three"), key)))).toBe("limit");
    await (await running.connect("bob", "laptop")).login();
    expect(await refusal((await running.connect("bob", "tablet")).login())).toBe("limit");
  });
});
