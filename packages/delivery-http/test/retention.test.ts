// What isn't kept is said to be, and a group goes on all the same.
import { afterEach, expect, it } from "vitest";
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
