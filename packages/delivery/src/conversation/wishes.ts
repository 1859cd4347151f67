// What the next commits are to do. Wishes are in the storage until they came true, or can't any more.
import type { AbortSignalLike, ByteArray } from "@copse/core";
import { endOf, MessengerError } from "../messenger/errors.js";
import { called, type Deferred, deferred } from "../messenger/platform.js";
import { pack } from "../messenger/wire.js";
import { type EntryChange, KEYS, type Wish } from "./record.js";
import type { Room } from "./room.js";

/** How many wishes wait at a time. */
const MAX_WISHES = 1000;

export class Wishes {
  readonly #room: Room;
  readonly #waiting = new Map<number, Deferred<void>>();
  /** How often each was tried in vain. */
  readonly #tries = new Map<number, number>();
  /** Key packages that were claimed for them. */
  readonly claimed = new Map<number, Map<string, readonly ByteArray[]>>();

  constructor(room: Room) {
    this.#room = room;
  }

  make(
    kind: Wish["kind"],
    users: readonly string[] = [],
    clients?: readonly string[],
  ): { readonly wish: Wish; readonly change: EntryChange } {
    if (this.#room.wishes.length >= MAX_WISHES)
      throw new MessengerError("limit", `${MAX_WISHES} wishes wait already`);
    const wish: Wish = { number: this.#room.nextNumber(), kind, users, clients };
    return { wish, change: { key: KEYS.wish(this.#room.id, wish.number), value: pack(wish) } };
  }

  /** Takes a stored wish that nobody waits for. */
  keep(wish: Wish): void {
    this.#room.wishes = [...this.#room.wishes, wish];
  }

  /** Takes a stored wish. @returns resolves when it came true */
  enter(wish: Wish): Promise<void> {
    const waits = deferred<void>();
    const { signal } = this.#room.host;
    // It was closed while the wish was written.
    if (signal.aborted) waits.reject(endOf(signal));
    else this.#waiting.set(wish.number, waits);
    this.keep(wish);
    return waits.promise;
  }

  /** Stores a wish, and waits until it came true. @throws MessengerError */
  async fulfil(
    { kind, users = [], clients }: Pick<Wish, "kind" | "clients"> & Partial<Wish>,
    signal: AbortSignalLike | undefined,
  ): Promise<void> {
    const room = this.#room;
    let wished: Wish | undefined;
    let isGivenUp = false;
    const work = async () => {
      const { wish, done } = await room.turn(async () => {
        room.needMember();
        const { wish, change } = this.make(kind, users, clients);
        await room.host.client.writeEntries([change]);
        return { wish, done: this.enter(wish) };
      });
      wished = wish;
      if (isGivenUp) void this.withdraw(wish);
      room.tellState();
      room.wake();
      await done;
    };
    const giveUp = () => {
      isGivenUp = true;
      if (wished !== undefined) void this.withdraw(wished);
    };
    await called(room.host, { signal, giveUp }, work);
  }

  /** Gives a wish up, unless a commit for it is on its way. */
  async withdraw(wish: Wish): Promise<void> {
    const room = this.#room;
    const isSubmitted = () => room.record.pending?.wishes.includes(wish.number) === true;
    await room
      .turn(async () => {
        if (isSubmitted() || !room.wishes.includes(wish)) return;
        await room.host.client.writeEntries([this.#deletion(wish)]);
        this.ended([wish.number]);
      })
      .catch(() => undefined);
    room.tellState();
  }

  #deletion({ number }: Wish): EntryChange {
    return { key: KEYS.wish(this.#room.id, number), value: undefined };
  }

  /** Ends a wish. Call it in a turn. @param error why it can't come true; `undefined`: it did */
  async end(wish: Wish, error?: MessengerError): Promise<void> {
    await this.#room.host.client.writeEntries([this.#deletion(wish)]);
    // Who has asked for it is told by the call. After a restart nobody waits for that.
    const isAwaited = this.#waiting.has(wish.number);
    this.ended([wish.number], error);
    if (error === undefined || isAwaited) return;
    const { kind, users, clients = [] } = wish;
    const message = `${kind} ${[...users, ...clients].join(", ")}`.trim();
    this.#room.problem("change", `${message}: ${error.message}`, { cause: error });
  }

  /** Wishes that are stored no longer. */
  ended(numbers: readonly number[], error?: MessengerError): void {
    const room = this.#room;
    room.wishes = room.wishes.filter(({ number }) => !numbers.includes(number));
    for (const number of numbers) {
      const waits = this.#waiting.get(number);
      if (error === undefined) waits?.resolve();
      else waits?.reject(error);
      this.#waiting.delete(number);
      this.#tries.delete(number);
      this.claimed.delete(number);
    }
    room.host.settles();
  }

  /** After the storage was read again: those that aren't there came true. */
  found(): void {
    const there = this.#room.wishes.map(({ number }) => number);
    this.ended([...this.#waiting.keys()].filter((number) => !there.includes(number)));
  }

  /** Rejects whoever waits; the wishes stay. */
  close(error: MessengerError): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  /** Notes that a commit for wishes came too late. @returns how often that happened to the one that it happened to most */
  lost(numbers: readonly number[]): number {
    for (const number of numbers) this.#tries.set(number, this.tries(number) + 1);
    return Math.max(0, ...numbers.map((number) => this.tries(number)));
  }

  tries(number: number): number {
    return this.#tries.get(number) ?? 0;
  }
}
