// One group at a service in memory: its log, the chain of its handshakes, and the keys that they register.
import { toHex } from "@copse/core";
import {
  type Access,
  checkMayWrite,
  checkSameSubmission,
  heirsOf,
  isConfirmedBy,
  learns,
  mayWrite,
  overtaking,
  patienceOfAll,
  type RegisteredKey,
  rootOf,
} from "../rules.js";
import { DeliveryError, type Handshake, type LogEntry, type OutgoingMessage } from "../service.js";
import type { ClientRecord } from "./directory.js";
import { cursorOf, Log, type Retention } from "./log.js";

/** An entry as it is kept. */
export interface Kept extends Omit<LogEntry, "cursor"> {
  readonly size: number;
}

/** The key of a handshake, with what changes of it. */
export interface GroupKey extends RegisteredKey {
  root: number | undefined;
  overtaken: number | undefined;
  readsUpTo: number;
  readonly submitter: ClientRecord;
  /** Who has proven it. */
  readonly provers: Set<ClientRecord>;
}

/** A handshake in the chain. */
interface Link {
  readonly place: number;
  readonly key: GroupKey;
  /** The place of the handshake that follows. */
  next: number | undefined;
}

export interface GroupOptions {
  readonly ordering: "service" | "none";
  readonly grace: number;
  readonly retention: Retention;
}

const nameOf = (suite: number, publicKey: Uint8Array) => `${suite} ${toHex(publicKey)}`;

export class Group {
  readonly log = new Log<Kept>();
  /** Who has proven a key, made the group, or was sent a Welcome. */
  readonly users = new Set<string>();
  readonly #options: GroupOptions;
  readonly #ids = new Map<string, number>();
  /** By place: the newest, those whose entries are kept, and those of keys that are good by themselves. */
  readonly #links = new Map<number, Link>();
  readonly #keys = new Map<string, GroupKey>();
  #first: Link | undefined;
  #newest: Link | undefined;
  groupInfo: { bytes: Uint8Array; handshake: number } | undefined;

  constructor(options: GroupOptions) {
    this.#options = options;
  }

  get hasHandshakes(): boolean {
    return this.#newest !== undefined;
  }

  /** The entry as a reader gets it, with bytes of its own. */
  entry(kept: Kept, place: number): LogEntry {
    const { kind, id, epoch, message, time } = kept;
    return { cursor: cursorOf(place), kind, id, epoch, message: message.slice(), time };
  }

  /** The key with this public half. */
  key(suite: number, publicKey: Uint8Array): GroupKey | undefined {
    return this.#keys.get(nameOf(suite, publicKey));
  }

  /** The place of what was sent under this ID. @throws DeliveryError `invalid` if that was something else */
  known(kind: LogEntry["kind"], { id, epoch, message }: OutgoingMessage | Handshake): number | undefined {
    const place = this.#ids.get(id);
    if (place !== undefined) checkSameSubmission(this.log.at(place) as Kept, { kind, epoch, message });
    return place;
  }

  /**
   * What has followed a handshake.
   * @param proven whoever has a key sees what is read with it, and what came first if it may write: it can't follow otherwise
   * @throws DeliveryError `invalid`, `expired`, `forbidden`
   */
  follower(after: string, proven: GroupKey | undefined, now: number): LogEntry | undefined {
    if (this.#options.ordering === "none" || this.#newest === undefined) return undefined;
    const place = after === "" ? 0 : this.log.place(after);
    const link = this.#links.get(place);
    if (after !== "" && link === undefined) {
      if (place <= this.log.dropped) throw new DeliveryError("expired", "the handshake isn't kept any more");
      throw new DeliveryError("invalid", "after: expected the cursor of a handshake");
    }
    const next = link === undefined ? this.#first?.place : link.next;
    if (next === undefined) return undefined;
    const first = this.log.at(next);
    if (first === undefined) throw new DeliveryError("expired", "what came first isn't kept any more");
    if (proven !== undefined && !learns(this.access(proven), next, now, this.#options.grace))
      this.checkMayWrite(proven, now);
    return this.entry(first, next);
  }

  access(key: GroupKey): Access {
    if (key.root === key.place) return { key, root: key };
    return { key, root: key.root === undefined ? undefined : this.#links.get(key.root)?.key };
  }

  /** @throws DeliveryError `forbidden`, `limit` */
  checkMayWrite(key: GroupKey | undefined, now: number): void {
    if (key === undefined) throw new DeliveryError("forbidden", "expected the key of an epoch, got none");
    checkMayWrite(this.access(key), now, this.#options.grace);
  }

  /** Of the keys that a client has proven. */
  accessOf(client: ClientRecord): Access[] {
    return Array.from(this.#provenBy(client), (key) => this.access(key));
  }

  /**
   * For how long a reader may wait for what members write with an older key, in milliseconds; `undefined` without an end.
   * @throws DeliveryError `forbidden` if nothing more can come
   */
  patience(all: readonly Access[], now: number): number | undefined {
    const { grace } = this.#options;
    const left = patienceOfAll(all, now, grace);
    for (const access of left < 0 ? all : []) checkMayWrite(access, now, grace);
    return left === Number.POSITIVE_INFINITY ? undefined : left + 1;
  }

  /** Takes note that a client has proven a key, which may confirm its handshake. */
  proved(key: GroupKey, client: ClientRecord, now: number): void {
    key.provers.add(client);
    // It isn't kept any more.
    if (this.#links.get(key.place)?.key !== key) return;
    if (!isConfirmedBy(key, client, this.#provenBy(client), now, this.#options.grace)) return;
    const keys = Array.from(this.#links.values(), (link) => link.key);
    const heirs = heirsOf(
      key.place,
      keys.filter(({ place }) => place > key.place),
    );
    for (const one of keys) {
      Object.assign(one, overtaking(one, key.place, now));
      if (heirs.has(one.place)) one.root = key.place;
    }
    // Who reads with another key may read less now, and who has joined by this one more.
    this.log.wake();
  }

  *#provenBy(client: ClientRecord): Iterable<GroupKey> {
    for (const { key } of this.#links.values()) if (key.provers.has(client)) yield key;
  }

  /** @throws DeliveryError `invalid` if a handshake has registered the key: a proof of it would count for both */
  checkNew({ suite, publicKey }: Handshake["nextKey"]): void {
    if (this.key(suite, publicKey) !== undefined)
      throw new DeliveryError("invalid", "nextKey: another handshake has registered this key");
  }

  accept(handshake: Handshake, parent: GroupKey | undefined, submitter: ClientRecord, now: number): number {
    const { nextKey, groupInfo } = handshake;
    const place = this.#append("handshake", handshake, now);
    const previous = this.#newest;
    if (parent !== undefined) parent.readsUpTo = place;
    const { suite, publicKey } = nextKey;
    const key: GroupKey = {
      suite,
      publicKey,
      place,
      parent: parent?.place,
      root: rootOf(place, parent, previous === undefined),
      overtaken: undefined,
      readsUpTo: place,
      submitter,
      provers: new Set(),
    };
    const link: Link = { place, key, next: undefined };
    if (previous !== undefined) previous.next = place;
    this.#first ??= link;
    this.#newest = link;
    this.#links.set(place, link);
    this.#keys.set(nameOf(suite, publicKey), key);
    this.groupInfo = { bytes: groupInfo, handshake: place };
    this.retain(now);
    return place;
  }

  send(message: OutgoingMessage, now: number): number {
    const place = this.#append("message", message, now);
    this.retain(now);
    return place;
  }

  #append(kind: LogEntry["kind"], { id, epoch, message }: OutgoingMessage | Handshake, time: number): number {
    const place = this.log.append({ kind, id, epoch, message, time, size: message.length });
    this.#ids.set(id, place);
    return place;
  }

  /** Drops what isn't to be kept any more. */
  retain(now: number): void {
    this.log.retain(this.#options.retention, now, ({ id }) => this.#ids.delete(id));
    for (const [place, { key }] of this.#links) {
      if (place > this.log.dropped) return;
      const isGood = key.root === place && mayWrite(key, now, this.#options.grace);
      if (place !== this.#newest?.place && !isGood) this.#forget(place);
    }
  }

  #forget(place: number): void {
    const key = this.#links.get(place)?.key;
    this.#links.delete(place);
    const name = key && nameOf(key.suite, key.publicKey);
    if (name !== undefined && this.#keys.get(name) === key) this.#keys.delete(name);
  }

  /** Puts a GroupInfo in the place of the newest. @returns whether the group's last handshake is still this one */
  publish(bytes: Uint8Array, handshake: string): boolean {
    const newest = this.#newest?.place;
    const isNewest = newest !== undefined && this.log.place(handshake) === newest;
    if (isNewest) this.groupInfo = { bytes, handshake: newest };
    return isNewest;
  }
}
