// Key packages: what becomes of each stands under its reference, in the stream of keys, and its client's shelf names those that can be
// claimed. The first one who takes it there has it.
import { checkCount, type DeliveryLimits } from "@copse/delivery/rules";
import { DeliveryError, type KeyPackageCount, type OfferedKeyPackage } from "@copse/delivery/service";
import { HEADER } from "./entries.js";
import { forEach, fromStored, type Link, type Received } from "./link.js";
import { type Names, tokenOf } from "./names.js";
import type { Records } from "./records.js";
import {
  allOffers,
  decodeClients,
  decodeShelf,
  EMPTY,
  encodeClients,
  encodeShelf,
  fresh,
  isToken,
  type Shelf,
  withOffer,
  without,
} from "./shelf.js";

/** What the entries under a reference say, each after those before it. */
const STORED = "stored";
const TAKEN = "taken";
const WITHDRAWN = "withdrawn";
/** More than ever stand under one reference. */
const ENTRIES = 100;

/** What has become of a key package. */
interface Fate {
  readonly state: typeof STORED | typeof TAKEN | typeof WITHDRAWN | "unknown";
  /** Whose it is, and stays, though it was taken or withdrawn: its Welcome may still come. */
  readonly client: string | undefined;
  /** Its bytes, if it is stored. */
  readonly keyPackage: Uint8Array | undefined;
  /** The call that took it. */
  readonly call: string;
  /** The last entry under its reference. */
  readonly last: number;
}

/** A key package with what it is called. */
type Named = OfferedKeyPackage & { readonly token: string };

export class KeyPackages {
  readonly #link: Link;
  readonly #names: Names;
  readonly #records: Records;
  readonly #limits: DeliveryLimits;
  readonly #user: string;
  readonly #client: string;

  /** @param own the tokens of the user and the client */
  constructor(
    link: Link,
    names: Names,
    records: Records,
    limits: DeliveryLimits,
    own: { readonly user: string; readonly client: string },
  ) {
    this.#link = link;
    this.#names = names;
    this.#records = records;
    this.#limits = limits;
    this.#user = own.user;
    this.#client = own.client;
  }

  /**
   * What has become of a key package, by what stands under its reference, in order. The first one who takes it has it, whatever
   * others were told: a cluster may take several entries at once.
   */
  async #fate(token: string): Promise<Fate> {
    const partition = this.#names.partitionOf(token);
    const [stream, subject] = [this.#names.stream("keys", partition), this.#names.keyPackage(token)];
    const probe = this.#names.probe("keys", partition);
    let fate: Fate = { state: "unknown", client: undefined, keyPackage: undefined, call: "", last: 0 };
    for (let count = 0; count < ENTRIES; count++) {
      // Its Welcome is dropped if nobody knows it: so that must be sure.
      const isUnknown = fate.state === "unknown";
      const found = await this.#link.first(stream, subject, fate.last + 1, isUnknown ? probe : undefined);
      if (found === undefined) break;
      fate = next(fate, fromStored(found));
    }
    return fate;
  }

  /** Says what becomes of a key package. @returns what became of it */
  async #settle(token: string, state: Fate["state"], client: string, last: number, data?: Uint8Array) {
    const call = crypto.randomUUID();
    const headers = { [HEADER.client]: client, [HEADER.state]: state, [HEADER.call]: call };
    const subject = this.#names.keyPackage(token);
    await this.#link.publish({ subject, headers, last, id: `${token}.${last}`, ...(data && { data }) });
    const fate = await this.#fate(token);
    return { fate, isOurs: fate.call === call };
  }

  /** @returns the client that has published the key package with this reference; `undefined` if none has */
  async ownerOf(reference: Uint8Array): Promise<string | undefined> {
    return (await this.#fate(await tokenOf(reference))).client;
  }

  #shelf(client: string) {
    return { kind: "shelf", token: client } as const;
  }

  async #readShelf(client: string): Promise<Shelf> {
    return fresh(decodeShelf((await this.#records.get(this.#shelf(client))).value));
  }

  /** First they are stored, and then put on the shelf, all at once: done again, it goes on, and offers none that was taken. */
  async publish(keyPackages: readonly OfferedKeyPackage[]): Promise<void> {
    const named = await Promise.all(
      keyPackages.map(async (one) => ({ ...one, token: await tokenOf(one.reference) })),
    );
    await this.#register();
    const fates = new Map<string, Fate>();
    await forEach(named, async ({ token }) => {
      const fate = await this.#fate(token);
      if (fate.client !== undefined && fate.client !== this.#client) throw isOthers();
      fates.set(token, fate);
    });
    const wanted = named.filter(({ token }) => fates.get(token)?.state !== TAKEN);
    // What exceeds the limit is refused before anything is stored.
    offer(await this.#readShelf(this.#client), wanted, this.#limits.keyPackages);
    await forEach(wanted, async ({ token, keyPackage }) => {
      const { state, last } = fates.get(token) as Fate;
      if (state === STORED) return;
      const { fate } = await this.#settle(token, STORED, this.#client, last, keyPackage);
      if (fate.client === undefined)
        throw new DeliveryError("unavailable", "NATS hasn't stored a key package");
      if (fate.client !== this.#client) throw isOthers();
    });
    await this.#records.change<void>(this.#shelf(this.#client), (value) => {
      const shelf = offer(fresh(decodeShelf(value)), wanted, this.#limits.keyPackages);
      return { value: shelf && encodeShelf(shelf), result: undefined };
    });
  }

  /** Takes some off a client's shelf. */
  async #takeOff(client: string, tokens: ReadonlySet<string>): Promise<void> {
    await this.#records.change<void>(this.#shelf(client), (value) => {
      const shelf = decodeShelf(value);
      const isThere = allOffers(shelf).some(({ token }) => tokens.has(token));
      return { value: isThere ? encodeShelf(without(shelf, tokens)) : undefined, result: undefined };
    });
  }

  async count(suite: number): Promise<KeyPackageCount> {
    const { single, last } = (await this.#readShelf(this.#client)).get(suite) ?? EMPTY;
    return { single: single.length, lastResort: last ? 1 : 0 };
  }

  async withdraw(references: readonly Uint8Array[] | undefined): Promise<void> {
    const offered = new Set(allOffers(await this.#readShelf(this.#client)).map(({ token }) => token));
    const wanted = references ? await Promise.all(references.map(tokenOf)) : [...offered];
    const tokens = wanted.filter((token) => offered.has(token));
    await this.#takeOff(this.#client, new Set(tokens));
    await forEach(tokens, async (token) => {
      const { state, client, last } = await this.#fate(token);
      if (state === STORED && client === this.#client) await this.#settle(token, WITHDRAWN, client, last);
    });
  }

  async claim(user: string, suite: number): Promise<readonly Uint8Array[]> {
    const { value } = await this.#records.get({ kind: "user", token: await tokenOf(user) });
    const claimed: Uint8Array[] = [];
    await forEach(decodeClients(value), async (client) => {
      const keyPackage = await this.#claimOf(client, suite);
      if (keyPackage !== undefined) claimed.push(keyPackage);
    });
    return claimed;
  }

  async #claimOf(client: string, suite: number): Promise<Uint8Array | undefined> {
    const { single, last } = (await this.#readShelf(client)).get(suite) ?? EMPTY;
    const gone = new Set<string>();
    let claimed: Uint8Array | undefined;
    for (const { token } of single) {
      const before = await this.#fate(token);
      if (before.state === STORED && before.client === client) {
        const { isOurs } = await this.#settle(token, TAKEN, client, before.last);
        if (isOurs) claimed = before.keyPackage;
      }
      gone.add(token);
      if (claimed !== undefined) break;
    }
    // Whoever comes next needn't look at them. If this fails, it costs time, and nothing else.
    if (gone.size > 0) await this.#takeOff(client, gone).catch(() => undefined);
    if (claimed !== undefined || last === undefined) return claimed;
    const fate = await this.#fate(last.token);
    return fate.client === client ? fate.keyPackage : undefined;
  }

  /** Says that this client is one of the user's. */
  #register(): Promise<void> {
    return this.#records.change({ kind: "user", token: this.#user }, (value) => {
      const clients = decodeClients(value);
      if (clients.includes(this.#client)) return { result: undefined };
      checkCount("clients of the user", clients.length + 1, this.#limits.clients);
      return { value: encodeClients([...clients, this.#client]), result: undefined };
    });
  }
}

const isOthers = () => new DeliveryError("invalid", "another client has published this key package");

/** What an entry makes of a key package. One that doesn't fit what was before it makes nothing. */
function next(fate: Fate, entry: Received): Fate {
  const last = entry.sequence;
  const state = entry.header(HEADER.state);
  const client = entry.header(HEADER.client);
  const call = entry.header(HEADER.call);
  const isFree = fate.state === "unknown" || (fate.state === WITHDRAWN && client === fate.client);
  if (state === STORED && isFree && isToken(client))
    return { state, client, keyPackage: entry.data, call, last };
  if (fate.state !== STORED || client !== fate.client) return { ...fate, last };
  if (state === TAKEN || state === WITHDRAWN) return { state, client, keyPackage: undefined, call, last };
  return { ...fate, last };
}

/**
 * A shelf with more on it.
 * @returns `undefined` if all are there
 * @throws DeliveryError `limit`
 */
function offer(shelf: Shelf, wanted: readonly Named[], limit: number): Shelf | undefined {
  const there = new Set(allOffers(shelf).map(({ token }) => token));
  const missing = wanted.filter(({ token }) => !there.has(token));
  checkCount("keyPackages", there.size + missing.length, limit);
  let changed = shelf;
  for (const { token, suite, notAfter, lastResort } of missing)
    changed = withOffer(changed, suite, { token, notAfter: Number(notAfter) }, lastResort);
  return missing.length > 0 ? changed : undefined;
}
