// One group at a service in memory: its log, the chain of its handshakes, and the keys that they register.
import { toHex } from "@copse/core";
import { checkSameSubmission, keysThatReadUpTo, mayWrite, type RegisteredKey, readsUpTo } from "../rules.js";
import { DeliveryError, type Handshake, type LogEntry, type OutgoingMessage } from "../service.js";
import { cursorOf, Log, type Retention } from "./log.js";

/** An entry as it is kept. */
export interface Kept extends Omit<LogEntry, "cursor"> {
  readonly size: number;
}

/** A key in a group, with what changes of it. */
export interface GroupKey extends RegisteredKey<number> {
  overtaken: number | undefined;
  readsUpTo: number;
}

/** A handshake in the chain. */
interface Link {
  readonly place: number;
  readonly key: GroupKey;
  readonly proven: GroupKey | undefined;
  readonly time: number;
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
  /** Who has proven a key, or made the group. */
  readonly users = new Set<string>();
  readonly #options: GroupOptions;
  readonly #ids = new Map<string, number>();
  /** By place; the newest, and those whose entries are kept. */
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

  /** The key with this public half; if several handshakes have registered it, that of the newest. */
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
    if (proven !== undefined && next > (readsUpTo(proven) ?? next)) this.checkMayWrite(proven, now);
    return this.entry(first, next);
  }

  /** @throws DeliveryError `forbidden` */
  checkMayWrite(key: GroupKey | undefined, now: number): void {
    if (key === undefined || !mayWrite(key, now, this.#options.grace))
      throw new DeliveryError("forbidden", "the key isn't that of the group's newest epoch");
  }

  /**
   * For how long a reader may wait for what members write with an older key, in milliseconds; `undefined` for the newest key.
   * @throws DeliveryError `forbidden` if nothing more can come
   */
  patience(key: GroupKey, now: number): number | undefined {
    if (key.overtaken === undefined) return undefined;
    this.checkMayWrite(key, now);
    return key.overtaken + this.#options.grace - now + 1;
  }

  accept(handshake: Handshake, proven: GroupKey | undefined, now: number): number {
    const { nextKey, groupInfo } = handshake;
    const place = this.#append("handshake", handshake, now);
    const previous = this.#newest;
    for (const key of keysThatReadUpTo(proven, previous, now, this.#options.grace)) key.readsUpTo = place;
    const { suite, publicKey } = nextKey;
    const key: GroupKey = { suite, publicKey, overtaken: undefined, readsUpTo: place };
    const link: Link = { place, key, proven, time: now, next: undefined };
    if (previous !== undefined) {
      previous.next = place;
      previous.key.overtaken = now;
    }
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
    this.log.retain(this.#options.retention, now, ({ id }, place) => {
      this.#ids.delete(id);
      if (place !== this.#newest?.place) this.#forget(place);
    });
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
