// What is to be sent: first into the storage, then to the service, in order, until it stands in the log.
import { type AbortSignalLike, type Bytes, MlsError } from "@copse/core";
import { MessengerError, problemOf, refusedBy } from "../messenger/errors.js";
import { Again, Backoff, called, type Deferred, deferred, pause } from "../messenger/platform.js";
import type { MessageEntry, Outgoing } from "../messenger/types.js";
import { framed } from "../messenger/wire.js";
import { DeliveryError } from "../service.js";
import { messageEntry } from "./history.js";
import { byOrder, type Item, idAtService, type Later, packItem, readItem, someVersion } from "./item.js";
import { withKey } from "./reach.js";
import { type EntryChange, KEYS } from "./record.js";
import type { Room } from "./room.js";
import { followedIn } from "./said.js";
import { Senders } from "./senders.js";

/** How many messages are encrypted in one write. */
const AT_ONCE = 256;
/** How often the service may forbid a message of a member, who may be behind, before it is given up. */
const TRIES = 12;

/** Not encrypted yet, or to be encrypted anew. */
const UNSEALED = { message: undefined, epoch: undefined } as const;

/** Asked for, and not in the storage yet. */
interface Fresh {
  readonly item: Item;
  readonly stored: Deferred<void>;
}

export class Outbox {
  readonly #room: Room;
  /** In their order. */
  items: Item[] = [];
  #fresh: Fresh[] = [];
  /** Those of them that are being written. */
  #taken: readonly Fresh[] = [];
  readonly senders = new Senders();
  /**
   * Those that the service has, by their numbers; they aren't in the log yet, as far as it was read. Of one that it has in some
   * form, that one is still to come, or came when nobody could read it: `known`, and `sought` when the log is read for it.
   */
  readonly #accepted = new Map<number, "sent" | "known" | "sought">();
  /** Those that were handed to the service, by their numbers: whether it may have several forms of it, encrypted anew. */
  readonly #forms = new Map<number, "one" | "several">();
  readonly #sending = new Again(async () => {
    await this.#send();
    this.#seek();
    this.#room.host.settles();
  });
  readonly #storing = new Again(() => this.#store());

  constructor(room: Room) {
    this.#room = room;
  }

  async load(): Promise<void> {
    const { client } = this.#room.host;
    const found = await client.listEntries(KEYS.outbox(this.#room.id));
    this.items = found.map(({ value }) => readItem(value)).sort(byOrder);
    for (const { number } of this.items) this.#room.used(number);
    // Nobody knows what the service has of them.
    for (const { number, message } of this.items)
      if (message !== undefined) this.#forms.set(number, "several");
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  get #count(): number {
    return this.items.length + this.#taken.length + this.#fresh.length;
  }

  get #bytes(): number {
    const stored = this.items.reduce((sum, { data }) => sum + data.length, 0);
    return [...this.#taken, ...this.#fresh].reduce((sum, { item }) => sum + item.data.length, stored);
  }

  /** As entries of the history, which they will be. */
  entries(): MessageEntry[] {
    const sender = this.#room.ownPerson();
    return this.items
      .filter(({ kind }) => kind === "message")
      .map(({ id, time, epoch, data }) => messageEntry({ place: undefined, id, time, sender, epoch, data }));
  }

  /** @throws MessengerError `limit`, `aborted` */
  async add(data: Bytes, signal: AbortSignalLike | undefined): Promise<Outgoing> {
    const { limits, maxMessage, now, newId } = this.#room.host;
    if (data.length > maxMessage)
      throw new MessengerError("usage", `expected at most ${maxMessage} bytes, got ${data.length}`);
    if (this.#count >= limits.outbox || this.#bytes + data.length > limits.outboxBytes)
      throw new MessengerError("limit", `${this.#count} messages wait in the outbox already`);
    const common = { id: newId(), time: now(), version: 0, ...UNSEALED };
    const item: Item = { ...common, number: this.#room.nextNumber(), kind: "message", data };
    const fresh = { item, stored: deferred<void>() };
    const outgoing = this.senders.add(item.number, item.id);
    const store = () => {
      this.#fresh.push(fresh);
      this.#storing.wake();
      return fresh.stored.promise;
    };
    // What is being written may be sent all the same.
    const giveUp = () => {
      this.#fresh = this.#fresh.filter((one) => one !== fresh);
    };
    try {
      await called(this.#room.host, { signal, giveUp }, store);
    } catch (error) {
      this.senders.forget(item.number);
      throw error;
    }
    return outgoing;
  }

  /** Adds a proposal that was made just now: the change that stores it. @param add is called when it is stored */
  proposal(message: Bytes, epoch: bigint): { readonly change: EntryChange; add(): void } {
    const { now, newId } = this.#room.host;
    const common = { id: newId(), time: now(), version: 0, message, epoch };
    const number = this.#room.nextNumber();
    const item: Item = { ...common, number, kind: "proposal", data: new Uint8Array() };
    return { change: this.#change(item), add: () => void this.items.push(item) };
  }

  #change(item: Item): EntryChange {
    return { key: KEYS.item(this.#room.id, item.number), value: packItem(item) };
  }

  /** The item that an entry of the log is. */
  find(id: string): Item | undefined {
    return this.items.find((one) => idAtService(one) === id);
  }

  drop(item: Item): void {
    this.items = this.items.filter(({ number }) => number !== item.number);
    this.#forget(item);
  }

  /** The service has nothing under the ID that it has now. */
  #forget({ number }: Item): void {
    this.#accepted.delete(number);
    this.#forms.delete(number);
  }

  /** It stands in the log where nobody can read it: it is sent once more, as another one for the service. */
  again(item: Item): void {
    this.#forget(item);
    const again = { ...item, version: item.version + 1, ...UNSEALED };
    this.#replace([again]);
    this.wake();
  }

  /** Encrypts items anew, as others for the service: the branch is left for which they were encrypted. */
  renewed(items: readonly Item[]): Later {
    const renewed = items.map((one) => ({ ...one, version: someVersion(), ...UNSEALED }));
    const apply = () => {
      for (const one of renewed) this.#forget(one);
      this.#replace(renewed);
      this.wake();
    };
    return { changes: renewed.map((one) => this.#change(one)), apply };
  }

  /**
   * Sends once more what stands in a branch that is left, before all that came later. Who has read it there knows it again.
   * @param ended the IDs of items that stand in the log now: they don't wait any more
   */
  repeated(entries: readonly MessageEntry[], ended?: ReadonlySet<string>): Later {
    const waiting = new Set(this.items.map(({ id }) => id).filter((id) => ended?.has(id) !== true));
    const left = entries.filter(({ id }) => !waiting.has(id));
    const items = left.map(
      ({ id, time, data, place }): Item => ({
        ...{ number: this.#room.nextNumber(), id, kind: "message", time, version: someVersion() },
        ...{ data: data.slice(), ...UNSEALED, place },
      }),
    );
    const apply = () => {
      this.items = [...this.items, ...items].sort(byOrder);
      this.wake();
    };
    return { changes: items.map((one) => this.#change(one)), apply };
  }

  /** Has the log read to its end as it is now, if what the service has may not be there. */
  #seek(): void {
    const known = [...this.#accepted].filter(([, state]) => state === "known");
    for (const [number] of known) this.#accepted.set(number, "sought");
    if (known.length > 0) this.#room.readAgain();
  }

  /** All is read that the service had when reading began. What it should have, and isn't there, is sent again. */
  recheck(): void {
    for (const item of this.items) {
      const state = this.#accepted.get(item.number);
      if (state === "sought") this.again(item);
      else if (state === "sent") this.#accepted.delete(item.number);
    }
    this.wake();
  }

  wake(): void {
    if (!this.isEmpty) this.#sending.wake();
  }

  /** Rejects whoever waits. */
  end(error: MessengerError): void {
    for (const { stored } of this.#fresh) stored.reject(error);
    this.#fresh = [];
    this.senders.end(error);
  }

  /** Gives up all that is stored. Call it in a turn. */
  async refuse(error: MessengerError): Promise<void> {
    const { items } = this;
    if (items.length === 0) return;
    const keys = items.map(({ number }) => KEYS.item(this.#room.id, number));
    await this.#room.host.client.writeEntries(keys.map((key) => ({ key, value: undefined })));
    for (const item of items) this.drop(item);
    const told = items.filter(({ number }) => this.senders.reject(number, error));
    if (told.length < items.length) this.#room.problem("delivery", error.message, { cause: error });
  }

  async idle(): Promise<void> {
    await this.#storing.idle();
    await this.#sending.idle();
  }

  #replace(items: readonly Item[]): void {
    const byNumber = new Map(items.map((one) => [one.number, one]));
    this.items = this.items.map((one) => byNumber.get(one.number) ?? one);
  }

  /** Whether an item must be encrypted, for the first time or anew. */
  #mustSeal(item: Item): boolean {
    if (item.kind === "proposal" || this.#accepted.has(item.number)) return false;
    return item.message === undefined || item.epoch !== this.#room.group?.epoch;
  }

  async #store(): Promise<void> {
    while (this.#fresh.length > 0) {
      const taken = this.#fresh.splice(0, AT_ONCE);
      this.#taken = taken;
      try {
        await this.#room.turn(() => this.#storeNow(taken.map(({ item }) => item)));
        this.#taken = [];
        for (const { stored } of taken) stored.resolve();
      } catch (error) {
        await this.#room.recover(error);
        this.#taken = [];
        for (const { stored } of taken) stored.reject(error);
      }
    }
    this.#room.host.settles();
    this.wake();
  }

  async #storeNow(fresh: readonly Item[]): Promise<void> {
    this.#room.needMember();
    const isFirst = !this.items.some((one) => this.#mustSeal(one));
    if (isFirst && (await this.#seal(fresh, true))) return;
    await this.#room.host.client.writeEntries(fresh.map((one) => this.#change(one)));
    this.items.push(...fresh);
  }

  /** Encrypts items, and stores them so. @returns whether it could */
  async #seal(items: readonly Item[], areFresh: boolean): Promise<boolean> {
    const { isReady, group } = this.#room;
    if (!isReady || group === undefined) return false;
    if (group.proposals.some(({ willCommit }) => willCommit)) return false;
    let sealed: Item[] = [];
    const alongside = (messages: readonly Bytes[]) => {
      const { epoch } = group;
      sealed = items.map((one, i) => ({ ...one, message: messages[i] as Bytes, epoch }));
      return sealed.map((one) => this.#change(one));
    };
    try {
      await group.encryptAll(
        items.map(({ id, data }) => framed(id, data)),
        { alongside },
      );
    } catch (error) {
      // First there are proposals to commit, or it isn't a member any more.
      if (error instanceof MlsError && ["pending", "removed", "closed", "stale-state"].includes(error.code))
        return false;
      throw error;
    }
    if (areFresh) this.items.push(...sealed);
    else this.#replace(sealed);
    return true;
  }

  /** Hands items to the service, one after the other, as long as it can. */
  async #send(): Promise<void> {
    const room = this.#room;
    const backoff = new Backoff(room.host.limits);
    while (!room.isEnded) {
      const item = this.items.find(({ number }) => !this.#accepted.has(number));
      if (item === undefined || this.#mustWait(item)) return;
      try {
        if (this.#mustSeal(item)) {
          if (!(await room.turn(() => this.#sealNext()))) return;
          continue;
        }
        if (!room.isReady) return;
        if (item.kind === "proposal" && item.epoch !== room.group?.epoch) {
          await this.#remove(item);
          continue;
        }
        await this.#hand(item);
        backoff.reset();
      } catch (error) {
        if (room.isEnded) return;
        if (!(await this.#isOver(item, error, backoff.refusals)))
          await pause(backoff.next(error), room.signal);
      }
    }
  }

  /** Whether it is looked first whether one before it is sent again: it would come after this one. */
  #mustWait(item: Item): boolean {
    const followed = followedIn(this.#room.record);
    // What the service may have is asked for in its order: if nobody has joined anew, it is none that comes later.
    if (followed === 0n && this.#forms.get(item.number) === "several") return false;
    // Who has joined anew can't read what stands behind that, and was encrypted before it.
    const isOpen = (one: Item) =>
      this.#accepted.get(one.number) !== "sent" || (one.epoch ?? followed) < followed;
    return this.items.slice(0, this.items.indexOf(item)).some(isOpen);
  }

  async #sealNext(): Promise<boolean> {
    const items = this.items.filter((one) => this.#mustSeal(one)).slice(0, AT_ONCE);
    if (items.length === 0) return true;
    for (const { number } of items) if (this.#forms.has(number)) this.#forms.set(number, "several");
    return this.#seal(items, false);
  }

  async #hand(item: Item): Promise<void> {
    const { host, groupId, keys, signal } = this.#room;
    const { message, epoch } = item as Item & { message: Bytes; epoch: bigint };
    const { number, version } = item;
    const isRepeated = this.#forms.get(number) === "several";
    if (!isRepeated) this.#forms.set(number, "one");
    // First: its entry in the log may be read before the answer comes.
    this.#accepted.set(number, "sent");
    try {
      const outgoing = { id: idAtService(item), groupId, epoch, message, key: keys.source };
      await withKey(this.#room, () => host.service.send(outgoing, { signal }));
      host.reached(true);
    } catch (error) {
      // Under this ID the service has the same message, encrypted in an earlier epoch. Others give the first answer again.
      const hasIt = error instanceof DeliveryError && error.code === "invalid" && isRepeated;
      if (!hasIt) {
        this.#accepted.delete(number);
        throw error;
      }
    }
    const isThere = this.items.some((one) => one.number === number && one.version === version);
    // Where nobody orders, what isn't there may still come.
    if (isThere) this.#accepted.set(number, isRepeated && host.settling === undefined ? "known" : "sent");
  }

  /** Whether an item is given up because of an error. */
  async #isOver(item: Item, error: unknown, tries: number): Promise<boolean> {
    if (!(error instanceof DeliveryError)) {
      await this.#room.recover(error);
      const message = "a message can't be sealed or stored";
      this.#room.problem(problemOf(error), message, { retry: true, cause: error });
      return false;
    }
    const { code } = error;
    const mayChange = code === "forbidden" || code === "not-found";
    const again = error.retry === "later" || code === "closed" || (mayChange && tries < TRIES);
    if (code === "unavailable") this.#room.host.reached(false, error);
    if (again || !this.items.some(({ number }) => number === item.number)) return !again;
    if (!(await this.#isRemoved(item))) return false;
    // Who has asked for `sent` is told by it.
    const isTold = this.senders.reject(item.number, refusedBy("a message", error));
    if (!isTold) this.#room.failed("the service refuses a message", error, false);
    return true;
  }

  /** Removes it. @returns whether it is gone: it may be, though the storage fails */
  async #isRemoved(item: Item): Promise<boolean> {
    try {
      await this.#remove(item);
    } catch (cause) {
      await this.#room.recover(cause);
      this.#room.problem("storage", "a message can't be given up", { retry: true, cause });
    }
    return !this.items.some(({ number }) => number === item.number);
  }

  async #remove(item: Item): Promise<void> {
    const change = { key: KEYS.item(this.#room.id, item.number), value: undefined };
    await this.#room.turn(async () => {
      await this.#room.host.client.writeEntries([change]);
      this.drop(item);
    });
  }
}
