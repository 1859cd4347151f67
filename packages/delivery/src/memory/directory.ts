// Who the clients of a service in memory are, the key packages that they have published, and their inboxes.
import { toHex } from "@copse/core";
import { checkCount, type DeliveryLimits } from "../rules.js";
import { DeliveryError, type InboxEntry, type KeyPackageCount, type OfferedKeyPackage } from "../service.js";
import { cursorOf, Log } from "./log.js";

/** How many key packages that were handed out a service knows of each client: Welcomes may come for them. */
const HANDED_OUT = 10_000;

interface KeptWelcome extends Omit<InboxEntry, "cursor"> {
  readonly size: number;
}

/** One client: its key packages by their references, and its inbox. */
export class ClientRecord {
  readonly user: string;
  /** To be handed out, the oldest first. */
  readonly offered = new Map<string, OfferedKeyPackage>();
  /** Those that were handed out or replaced. */
  readonly handedOut = new Set<string>();
  readonly inbox = new Log<KeptWelcome>();

  constructor(user: string) {
    this.user = user;
  }

  entry(kept: KeptWelcome, place: number): InboxEntry {
    const { reference, groupId, welcome, handshake, time } = kept;
    return {
      cursor: cursorOf(place),
      reference: reference.slice(),
      groupId: groupId.slice(),
      welcome: welcome.slice(),
      handshake,
      time,
    };
  }
}

/** All clients of a service. */
export class Directory {
  readonly #users = new Map<string, Map<string, ClientRecord>>();
  /** Whose a key package is. */
  readonly #owners = new Map<string, ClientRecord>();
  readonly #limits: DeliveryLimits;

  constructor(limits: DeliveryLimits) {
    this.#limits = limits;
  }

  client(user: string, key: string): ClientRecord {
    const known = this.#users.get(user);
    const found = known?.get(key);
    if (found !== undefined) return found;
    checkCount("users", this.#users.size + (known === undefined ? 1 : 0), this.#limits.users);
    checkCount("clients of the user", (known?.size ?? 0) + 1, this.#limits.clients);
    const client = new ClientRecord(user);
    this.#users.set(user, (known ?? new Map()).set(key, client));
    return client;
  }

  publish(client: ClientRecord, keyPackages: readonly OfferedKeyPackage[], now: number): void {
    const fresh = new Map<string, OfferedKeyPackage>();
    for (const one of keyPackages) {
      const reference = toHex(one.reference);
      const owner = this.#owners.get(reference);
      if (owner !== undefined && owner !== client)
        throw new DeliveryError("invalid", "another client has published this key package");
      if (owner === undefined) fresh.set(reference, one);
    }
    this.#dropExpired(client, now);
    checkCount("keyPackages", client.offered.size + fresh.size, this.#limits.keyPackages);
    for (const [reference, one] of fresh) {
      if (one.lastResort)
        for (const [old, { lastResort, suite }] of client.offered)
          if (lastResort && suite === one.suite) this.#handOut(client, old);
      client.offered.set(reference, one);
      this.#owners.set(reference, client);
    }
  }

  count(client: ClientRecord, suite: number, now: number): KeyPackageCount {
    this.#dropExpired(client, now);
    const ofSuite = [...client.offered.values()].filter((one) => one.suite === suite);
    const lastResort = ofSuite.filter((one) => one.lastResort).length;
    return { single: ofSuite.length - lastResort, lastResort };
  }

  withdraw(client: ClientRecord, references: readonly Uint8Array[] | undefined): void {
    for (const reference of references?.map(toHex) ?? [...client.offered.keys()])
      if (client.offered.delete(reference)) this.#owners.delete(reference);
  }

  claim(user: string, suite: number, now: number): Uint8Array[] {
    return [...(this.#users.get(user)?.values() ?? [])].flatMap((client) => {
      this.#dropExpired(client, now);
      const ofSuite = [...client.offered].filter(([, one]) => one.suite === suite);
      const [reference, taken] = ofSuite.find(([, one]) => !one.lastResort) ?? ofSuite[0] ?? [];
      if (reference === undefined || taken === undefined) return [];
      if (!taken.lastResort) this.#handOut(client, reference);
      return [taken.keyPackage.slice()];
    });
  }

  /** Who gets a Welcome for the key package with this reference: who has published it, and has room for it. */
  recipient(reference: Uint8Array): ClientRecord | undefined {
    const client = this.#owners.get(toHex(reference));
    const isFull = client && client.inbox.last - client.inbox.dropped >= this.#limits.inbox;
    return isFull ? undefined : client;
  }

  /** Such a key package is handed out no more, and Welcomes may come for it. */
  #handOut(client: ClientRecord, reference: string): void {
    client.offered.delete(reference);
    client.handedOut.add(reference);
    const [oldest] = client.handedOut;
    if (client.handedOut.size <= HANDED_OUT || oldest === undefined) return;
    client.handedOut.delete(oldest);
    this.#owners.delete(oldest);
  }

  #dropExpired(client: ClientRecord, now: number): void {
    for (const [reference, { notAfter }] of client.offered) {
      if (notAfter * 1000n > BigInt(Math.floor(now))) continue;
      client.offered.delete(reference);
      this.#owners.delete(reference);
    }
  }
}
