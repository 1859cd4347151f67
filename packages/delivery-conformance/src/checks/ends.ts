// How calls and readers end: by their signals, by their callers, and with their connection.
import type { DeliveryService, LogEntry } from "@copse/delivery/service";
import { type Definition, needing } from "../check.js";
import { Reader } from "../reader.js";
import type { TestGroup } from "../room.js";
import { itWaits } from "../time.js";
import { bytes, fail, is, later, refused } from "../tools.js";

/** The platform's, or one like it. */
class Aborter {
  aborted = false;
  readonly reason = new Error("given up");
  readonly #listeners = new Set<() => void>();

  addEventListener(_: "abort", listener: () => void): void {
    this.#listeners.add(listener);
  }
  removeEventListener(_: "abort", listener: () => void): void {
    this.#listeners.delete(listener);
  }
  abort(): void {
    this.aborted = true;
    for (const listener of [...this.#listeners]) listener();
  }
}

async function endsWith(waiting: Promise<unknown>, reason: Error, what: string): Promise<void> {
  const got = await waiting.then(
    () => "an answer",
    (error: unknown) => error,
  );
  if (got !== reason) fail(`${what}: expected the signal's reason, got ${String(got)}`);
}

async function isOver(reader: { readonly iterator: AsyncIterator<unknown> }, what: string): Promise<void> {
  const { done } = await reader.iterator.next();
  is(done, true, `${what}: done after its end`);
}

/** A reader of the log, and one of the inbox, that have caught up. */
async function waitingReaders(alice: DeliveryService, group: TestGroup, signal?: Aborter) {
  const log = group.reader(alice, group.last, { signal });
  const inbox = new Reader(alice.inbox("", signal && { signal }));
  await Promise.all([log.all(), inbox.all()]);
  return [
    ["subscribe", log],
    ["inbox", inbox],
  ] as const;
}

export const endChecks: Record<string, Definition> = {
  "ends: a reader that waits ends with its signal's reason": needing([], async (room) => {
    const alice = await room.connect("alice");
    const group = await room.group(alice);
    const aborter = new Aborter();
    const readers = await waitingReaders(alice, group, aborter);
    const waiting = readers.map(([, reader]) => reader.iterator.next());
    await itWaits();
    aborter.abort();
    for (const [i, [what, reader]] of readers.entries()) {
      await endsWith(waiting[i]!, aborter.reason, what);
      await isOver(reader, what);
    }
    await group.send(alice);
  }),

  "ends: a reader that doesn't wait ends with its signal's reason": needing([], async (room) => {
    const alice = await room.connect("alice");
    const group = await room.group(alice);
    const aborter = new Aborter();
    const readers = await waitingReaders(alice, group, aborter);
    aborter.abort();
    for (const [what, reader] of readers)
      await endsWith(reader.iterator.next(), aborter.reason, `${what}, aborted between two batches`);
    const late = group.reader(alice, "", { signal: aborter });
    await endsWith(late.next(), aborter.reason, "subscribe, aborted before it began");
    const inbox = new Reader(alice.inbox("", { signal: aborter }));
    await endsWith(inbox.next(), aborter.reason, "inbox, aborted before it began");
  }),

  "ends: a call whose signal is aborted rejects with its reason": needing([], async (room) => {
    const alice = await room.connect("alice");
    const group = await room.group(alice);
    const signal = new Aborter();
    signal.abort();
    const options = { signal };
    const info = { groupInfo: bytes("info"), handshake: group.last };
    const source = group.key.source ?? (() => undefined);
    const handshake = await group.handshake();
    const calls: [string, Promise<unknown>][] = [
      ["publishKeyPackages", alice.publishKeyPackages([], options)],
      ["countKeyPackages", alice.countKeyPackages(1, options)],
      ["withdrawKeyPackages", alice.withdrawKeyPackages(undefined, options)],
      ["claimKeyPackages", alice.claimKeyPackages(room.user("alice"), 1, options)],
      ["submit", alice.submit(handshake, options)],
      ["send", alice.send(group.message(), options)],
      ["clearInbox", alice.clearInbox("", options)],
      ["groupInfo", alice.groupInfo(group.id, options)],
      ["publishGroupInfo", alice.publishGroupInfo(group.id, info, source, options)],
    ];
    for (const [what, call] of calls) await endsWith(call, signal.reason, what);
  }),

  "ends: a reader ends when its caller returns": needing([], async (room) => {
    const alice = await room.connect("alice");
    const group = await room.group(alice);
    for (const [what, reader] of await waitingReaders(alice, group)) {
      const waiting = reader.iterator.next();
      await itWaits();
      await reader.end();
      is((await waiting).done, true, `${what}: done of what waited when its caller returned`);
      await isOver(reader, what);
    }
    // As `break` does in a loop.
    const reader = group.reader(alice);
    await reader.next();
    await reader.end();
    await isOver(reader, "subscribe");
    await group.send(alice);
  }),

  "ends: close() ends what waits": needing([], async (room) => {
    const alice = await room.connect("alice");
    const other = await room.connect("alice");
    const group = await room.group(alice);
    const readers = await waitingReaders(alice, group);
    const waiting = readers.map(([, reader]) => reader.iterator.next());
    const [, elsewhere] = (await waitingReaders(other, group))[0];
    const next = later(elsewhere.next());
    await itWaits();
    await alice.close();
    for (const [i, [what, reader]] of readers.entries()) {
      await refused(waiting[i]!, "closed", `${what}, when the connection is closed`);
      await isOver(reader, what);
    }
    const { id } = await group.send(other);
    is(((await next) as LogEntry).id, id, "what a waiting reader of the client's other connection gets");
  }),

  "ends: after close() calls are refused": needing([], async (room) => {
    const alice = await room.connect("alice");
    const group = await room.group(alice);
    await alice.close();
    await alice.close();
    await refused(alice.send(group.message()), "closed", "send");
    await refused(alice.submit(await group.handshake()), "closed", "submit");
    await refused(alice.claimKeyPackages(room.user("alice"), 1), "closed", "claimKeyPackages");
    await refused(group.reader(alice).next(), "closed", "subscribe");
    await refused(new Reader(alice.inbox("")).next(), "closed", "inbox");
  }),
};
