// What isn't kept is said to be, and a group goes on all the same.
import { randomBytes } from "node:crypto";
import { afterEach, describe, expect, it } from "vitest";
import { newCounters } from "../src/server/counters.js";
import { GroupRows } from "../src/server/groups/group-rows.js";
import { ENTRY_BYTES, Logs } from "../src/server/groups/logs.js";
import { settingsOf } from "../src/server/options.js";
import { Store } from "../src/server/store.js";
import { ROUTES } from "../src/wire/routes.js";
import { decode, encode } from "../src/wire/shape.js";
import { bearer, post, tokenOf } from "./raw.js";
import {
  bytes,
  epochKey,
  groupOf,
  handshake,
  message,
  newId,
  refusal,
  SUITE,
  TestService,
} from "./support.js";

let service: TestService | undefined;

afterEach(async () => {
  await service?.stop();
  service = undefined;
});

const cursorOf = (answer: { readonly kind: string; readonly cursor?: string }) => answer.cursor as string;

it("a log that is too large loses its oldest entries, and goes on", async () => {
  service = await new TestService({ groupBytes: 20_000 }).start();
  const alice = await service.connect("alice");
  const [groupId, key, next] = [groupOf("large"), await epochKey(1), await epochKey(2)];
  const made = cursorOf(await alice.submit(handshake(groupId, key)));
  const first = await alice.send(message(groupId, key));
  const id = newId();
  const cursors: string[] = [await alice.send(message(groupId, key, { id, message: bytes(3000) }))];
  for (let i = 0; i < 9; i++) cursors.push(await alice.send(message(groupId, key, { message: bytes(3000) })));
  const late = alice.subscribe({ groupId, after: first, key: () => key })[Symbol.asyncIterator]();
  expect(await refusal(late.next())).toBe("expired");
  const read = async (source: typeof key) => {
    const log = alice.subscribe({ groupId, after: "", key: () => source })[Symbol.asyncIterator]();
    return (await log.next()).value?.entries ?? [];
  };
  const kept = (await read(key)).map(({ cursor }: { cursor: string }) => cursor);
  expect(kept.length).toBeLessThan(7);
  expect(kept).toEqual(cursors.slice(-kept.length));
  expect(service.server.counters.expired).toBe(12 - kept.length);
  // What was sent is known longer than it is kept, and the chain goes on from a handshake that is gone.
  expect(await alice.send(message(groupId, key, { id, message: bytes(3000) }))).toBe(cursors[0]);
  const commit = handshake(groupId, next, { after: made, key: () => key });
  const ended = cursorOf(await alice.submit(commit));
  const again = handshake(groupId, await epochKey(2, 9), { after: made, key: () => key });
  expect(await refusal(alice.submit(again))).toBe("expired");
  const third = await epochKey(3);
  expect(await refusal(alice.submit(handshake(groupId, third, { after: ended, key: () => next })))).toBe(
    "done",
  );
  // One that is larger than all that is kept is there until the next one.
  const huge = await alice.send(message(groupId, third, { message: bytes(30_000) }));
  expect((await read(third)).map(({ cursor }: { cursor: string }) => cursor)).toEqual([huge]);
});

it("what is too old is deleted: entries, Welcomes, IDs, logins and key packages", async () => {
  let time = 0;
  const DAY = 86_400_000;
  service = await new TestService({
    now: () => Date.now() + time,
    times: { entries: 100, welcomes: DAY, ids: DAY },
  }).start();
  const [alice, bob] = [await service.connect("alice"), await service.connect("bob")];
  const [groupId, key] = [groupOf("old"), await epochKey(1)];
  const notAfter = BigInt(Math.floor(Date.now() / 1000) + 1000);
  const reference = bytes(32);
  await bob.publishKeyPackages([
    { reference, keyPackage: bytes(9), suite: SUITE, notAfter, lastResort: false },
  ]);
  await alice.submit(handshake(groupId, key, { welcomes: [{ reference, welcome: bytes(9) }] }));
  const cursor = await alice.send(message(groupId, key));
  time = 2 * DAY;
  // The entries, and the Welcome.
  while (service.server.counters.expired < 3) await new Promise((resolve) => setTimeout(resolve, 10));
  const log = alice.subscribe({ groupId, after: cursor, key: () => key })[Symbol.asyncIterator]();
  expect((await log.next()).value).toEqual({ entries: [], behind: 0 });
  const inbox = bob.inbox("")[Symbol.asyncIterator]();
  expect((await inbox.next()).value).toEqual({ entries: [], behind: 0 });
  expect(await bob.countKeyPackages(SUITE)).toEqual({ single: 0, lastResort: 0 });
  expect(service.server.counters.logins).toBeGreaterThan(2);
  const next = await alice.send(message(groupId, key));
  expect(next).not.toBe(cursor);
});

describe("a group that nobody uses", () => {
  const DAY = 86_400_000;
  const times = { entries: 100, welcomes: DAY, ids: DAY, groups: 10 * DAY, login: 50 * DAY };
  const clock = { days: 0 };

  async function started(more: ConstructorParameters<typeof TestService>[0] = {}) {
    clock.days = 0;
    service = await new TestService({ now: () => Date.now() + clock.days * DAY, times, ...more }).start();
    const [alice, bob, eve] = await Promise.all(
      ["alice", "bob", "eve"].map((user) => service!.connect(user)),
    );
    const { counters } = service.server;
    const ended = async (count: number) => {
      while (counters.groupsEnded < count) await new Promise((resolve) => setTimeout(resolve, 10));
    };
    return { service, counters, ended, alice: alice!, bob: bob!, eve: eve! };
  }

  it("ends, with all that was kept of it, and nobody gets its ID", async () => {
    const { service, counters, ended, alice, bob, eve } = await started();
    const [groupId, other, key] = [groupOf("ends"), groupOf("stays"), await epochKey(1)];
    for (const id of [groupId, other]) {
      const made = cursorOf(await alice.submit(handshake(id, key)));
      await bob.send(message(id, key));
      await alice.submit(handshake(id, await epochKey(2, 20), { after: made, key: () => key }));
    }
    clock.days = 8;
    await bob.send(message(other, key));
    clock.days = 11;
    await ended(1);
    // For whoever was a member, too: with or without a key.
    expect(await refusal(alice.send(message(groupId, key)))).toBe("not-found");
    expect(await alice.groupInfo(groupId)).toBeUndefined();
    const log = bob.subscribe({ groupId, after: "", key: () => key })[Symbol.asyncIterator]();
    await expect(log.next()).rejects.toMatchObject({ code: "not-found", message: "the group has ended" });
    for (const client of [eve, alice])
      expect(await refusal(client.submit(handshake(groupId, await epochKey(1, 30))))).toBe("forbidden");
    expect(await refusal(eve.submit(handshake(groupId, key, { after: "at-3" })))).toBe("not-found");
    await service.restart();
    expect(await refusal(eve.submit(handshake(groupId, key)))).toBe("forbidden");
    // The other one has been used meanwhile.
    expect(await refusal(bob.send(message(other, key)))).toBe("done");
    expect(counters.groupsEnded).toBe(1);
    await service.server.close();
    const store = await Store.open(service.folder, newCounters());
    for (const table of ["entry", "submission", "epoch_key", "proof", "known", "inbox"])
      expect(store.all(`SELECT * FROM ${table} WHERE grp NOT IN (SELECT id FROM grp)`), table).toEqual([]);
    store.close();
  });

  it("makes room for another one, which has nothing of it", async () => {
    const { ended, alice, eve, service } = await started({ limits: { groups: 1 } });
    const [key, next] = [await epochKey(1), groupOf("next")];
    await alice.submit(handshake(groupOf("first"), key));
    await eve.login();
    expect(await refusal(eve.submit(handshake(next, key)))).toBe("limit");
    // What is sealed now is opened when another group is there.
    const token = await tokenOf(service.server.url, "alice", await service.signer("alice phone"));
    const asked = await post(
      service.server.url,
      ROUTES.challengeKey.path,
      encode(ROUTES.challengeKey.body, { groupId: groupOf("first"), key: key.publicKey }),
      bearer(token),
    );
    const sealed = decode(ROUTES.challengeKey.answer, asked.bytes);
    const proof = await key.open(sealed.kemOutput, sealed.ciphertext);
    clock.days = 11;
    await ended(1);
    clock.days = 0;
    const made = await eve.submit(handshake(next, await epochKey(1, 31)));
    expect(made.kind).toBe("accepted");
    const body = encode(ROUTES.proveKey.body, { challenge: sealed.challenge, proof });
    const proven = await post(service.server.url, ROUTES.proveKey.path, body, bearer(token));
    expect(proven.code).toBe("done");
    expect(await refusal(alice.groupInfo(next))).toBe("forbidden");
  });

  it("doesn't end while a member reads it, or has not long ago", async () => {
    const { ended, counters, alice, bob } = await started();
    const key = await epochKey(1);
    for (const name of ["unused", "watched", "read"]) await alice.submit(handshake(groupOf(name), key));
    const subscribe = async (name: string) => {
      const log = bob
        .subscribe({ groupId: groupOf(name), after: "", key: () => key })
        [Symbol.asyncIterator]();
      await log.next();
      return log;
    };
    const watched = await subscribe("watched");
    clock.days = 9;
    await (await subscribe("read")).return?.();
    // Another call, so that its subscription has ended.
    await bob.countKeyPackages(SUITE);
    clock.days = 11;
    await ended(1);
    expect(await refusal(alice.send(message(groupOf("unused"), key)))).toBe("not-found");
    for (const name of ["watched", "read"])
      expect(await refusal(alice.send(message(groupOf(name), key)))).toBe("done");
    await watched.return?.();
    clock.days = 30;
    await ended(3);
    expect(counters.failed).toBe(0);
  });

  it("isn't ended before what is kept by time is too old", async () => {
    const { ended, alice } = await started({ times: { ...times, groups: DAY, welcomes: 20 * DAY } });
    const key = await epochKey(1);
    for (const name of ["old", "young"]) {
      await alice.submit(handshake(groupOf(name), key));
      clock.days += 10;
    }
    clock.days = 21;
    await ended(1);
    expect(await refusal(alice.send(message(groupOf("old"), key)))).toBe("not-found");
    expect(await refusal(alice.send(message(groupOf("young"), key)))).toBe("done");
  });
});

describe("a group's log", () => {
  it("counts what an entry takes besides its message", async () => {
    service = await new TestService().start();
    await (await service.connect("alice")).submit(handshake(groupOf("small"), await epochKey(1)));
    await service.server.close();
    const store = await Store.open(service.folder, newCounters());
    try {
      const [rows, logs] = [new GroupRows(store, settingsOf({ data: "" })), new Logs(store)];
      const size = () =>
        store.one<{ bytes: number }>(
          "SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size",
        )!.bytes;
      const [before, count] = [size(), 1500];
      await store.write(() => {
        for (let i = 0; i < count; i++) {
          // In no order, as they come.
          const id = randomBytes(16).toString("hex");
          const one = { id, epoch: 2n ** 40n, message: bytes(1) };
          const group = rows.find(groupOf("small"))!;
          logs.append({ kind: "message", group, client: 1, time: Date.now() }, one);
        }
      });
      const each = (size() - before) / count;
      expect(each).toBeLessThan(ENTRY_BYTES);
      expect(each).toBeGreaterThan(ENTRY_BYTES / 2);
    } finally {
      store.close();
    }
  });

  it("is bounded for messages of a byte as for large ones, and so are their IDs", async () => {
    const groupBytes = 40 * ENTRY_BYTES;
    service = await new TestService({ groupBytes, quotas: { idsOfGroup: 20 } }).start();
    const alice = await service.connect("alice");
    const [groupId, key] = [groupOf("bounded"), await epochKey(1)];
    await alice.submit(handshake(groupId, key));
    const sent: { id: string; cursor: string }[] = [];
    for (let i = 0; i < 4; i++) {
      const ids = Array.from({ length: 25 }, newId);
      const send = (id: string) => alice.send(message(groupId, key, { id, message: bytes(1) }));
      const cursors = await Promise.all(ids.map(send));
      sent.push(...ids.map((id, n) => ({ id, cursor: cursors[n] as string })));
    }
    const log = alice.subscribe({ groupId, after: "", key: () => key })[Symbol.asyncIterator]();
    const kept = (await log.next()).value?.entries.length ?? 0;
    expect(kept).toBeGreaterThan(33);
    expect(kept).toBeLessThan(41);
    const again = ({ id }: { id: string }) => alice.send(message(groupId, key, { id, message: bytes(1) }));
    // What is gone is still known for a while; what has been gone for longer is new.
    const known = sent[100 - kept - 10]!;
    expect(await again(known)).toBe(known.cursor);
    expect(await again(sent[0]!)).not.toBe(sent[0]!.cursor);
  });
});
