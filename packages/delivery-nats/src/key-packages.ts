// Key packages: each is in the stream of keys under its reference, where it is known for good whose it is, and on the shelf of its
// client until it is claimed. A claim is a change of the shelf: of several at once, one comes through.
import { checkCount, type DeliveryLimits } from "@copse/delivery/rules";
import { DeliveryError, type KeyPackageCount, type OfferedKeyPackage } from "@copse/delivery/service";
import { HEADER } from "./entries.js";
import { forEach, fromStored, type Link, type Received } from "./link.js";
import { type Names, tokenOf } from "./names.js";
import type { Change, Records } from "./records.js";
import {
  allOffers,
  decodeClients,
  decodeShelf,
  EMPTY,
  encodeClients,
  encodeShelf,
  fresh,
  isToken,
  type Offer,
  offersOf,
  type Shelf,
  type SuiteShelf,
  withOffer,
  without,
} from "./shelf.js";

/** What has become of a key package. */
const TAKEN = "taken";
const WITHDRAWN = "withdrawn";

/** A key package with what it is called. */
type Named = OfferedKeyPackage & { readonly token: string };

interface Claimed {
  readonly stored: Received;
  readonly isLast: boolean;
}

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

  /** What is under a reference. */
  async #at(token: string): Promise<Received | undefined> {
    const stream = this.#names.stream("keys", this.#names.partitionOf(token));
    const found = await this.#link.last(stream, this.#names.keyPackage(token));
    return found && fromStored(found);
  }

  /** @returns the client that has published the key package with this reference; `undefined` if none has */
  async ownerOf(reference: Uint8Array): Promise<string | undefined> {
    return ownerIn(await this.#at(await tokenOf(reference)));
  }

  #shelf(client: string) {
    return { kind: "shelf", token: client } as const;
  }

  async #readShelf(client: string): Promise<Shelf> {
    return fresh(decodeShelf((await this.#records.get(this.#shelf(client))).value));
  }

  /**
   * First they are put on the shelf, all at once, and then stored. So one that is stored, and not on the shelf, was handed out: if
   * this is interrupted and done again, none is offered twice.
   */
  async publish(keyPackages: readonly OfferedKeyPackage[]): Promise<void> {
    const named = await Promise.all(
      keyPackages.map(async (one) => ({ ...one, token: await tokenOf(one.reference) })),
    );
    await this.#register();
    const handedOut = await this.#handedOut(named);
    const wanted = named.filter(({ token }) => !handedOut.has(token));
    const offer = (value: Uint8Array | undefined): Change<ReadonlySet<string>> => {
      let shelf = fresh(decodeShelf(value));
      const there = new Set(allOffers(shelf).map(({ token }) => token));
      const missing = wanted.filter(({ token }) => !there.has(token));
      checkCount("keyPackages", there.size + missing.length, this.#limits.keyPackages);
      for (const { token, suite, notAfter, lastResort } of missing)
        shelf = withOffer(shelf, suite, { token, notAfter: Number(notAfter) }, lastResort);
      const offered = new Set(allOffers(shelf).map(({ token }) => token));
      return { value: missing.length > 0 ? encodeShelf(shelf) : undefined, result: offered };
    };
    const offered = await this.#records.change(this.#shelf(this.#client), offer);
    await forEach(
      wanted.filter(({ token }) => offered.has(token)),
      (one) => this.#store(one),
    );
  }

  /** Those that this client has published before, and that aren't on its shelf any more. */
  async #handedOut(named: readonly Named[]): Promise<ReadonlySet<string>> {
    const shelf = new Set(allOffers(await this.#readShelf(this.#client)).map(({ token }) => token));
    const handedOut = new Set<string>();
    await forEach(
      named.filter(({ token }) => !shelf.has(token)),
      async ({ token }) => {
        const owner = ownerIn(await this.#at(token));
        if (owner !== undefined && owner !== this.#client) throw isOthers();
        if (owner !== undefined) handedOut.add(token);
      },
    );
    return handedOut;
  }

  async #store({ token, keyPackage }: Named): Promise<void> {
    const there = await this.#at(token);
    const owner = ownerIn(there);
    const stored =
      owner === undefined &&
      (await this.#link.publish({
        subject: this.#names.keyPackage(token),
        data: keyPackage,
        headers: { [HEADER.client]: this.#client },
        last: there?.sequence ?? 0,
      }));
    if (stored || ownerIn(await this.#at(token)) === this.#client) return;
    // Another client was faster.
    await this.#take([token]);
    throw isOthers();
  }

  /** Takes some off this client's shelf. @returns which of them were there */
  async #take(tokens: Iterable<string>): Promise<readonly string[]> {
    const wanted = new Set(tokens);
    return this.#records.change(this.#shelf(this.#client), (value) => {
      const shelf = decodeShelf(value);
      const found = allOffers(shelf).flatMap(({ token }) => (wanted.has(token) ? [token] : []));
      return { value: found.length > 0 ? encodeShelf(without(shelf, wanted)) : undefined, result: found };
    });
  }

  async count(suite: number): Promise<KeyPackageCount> {
    const { single, last } = (await this.#readShelf(this.#client)).get(suite) ?? EMPTY;
    return { single: single.length, lastResort: last ? 1 : 0 };
  }

  async withdraw(references: readonly Uint8Array[] | undefined): Promise<void> {
    const tokens = references
      ? await Promise.all(references.map(tokenOf))
      : allOffers(await this.#readShelf(this.#client)).map(({ token }) => token);
    await forEach(await this.#take(tokens), async (token) => {
      const there = await this.#at(token);
      if (there !== undefined && ownerIn(there) === this.#client)
        await this.#mark(there, this.#client, WITHDRAWN);
    });
  }

  /** Leaves of a key package whose it is, and what has become of it. */
  async #mark(there: Received, client: string, state: string): Promise<void> {
    const headers = { [HEADER.client]: client, [HEADER.state]: state };
    await this.#link.publish({ subject: there.subject, headers, last: there.sequence });
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
    const claimed = await this.#records.change<Claimed | undefined>(this.#shelf(client), async (value) => {
      const shelf = fresh(decodeShelf(value));
      const ofSuite = shelf.get(suite) ?? EMPTY;
      const [offer, stored] = (await this.#firstStored(client, ofSuite)) ?? [];
      if (offer === undefined || stored === undefined) return { result: undefined };
      const isLast = offer === ofSuite.last;
      const left = isLast ? undefined : encodeShelf(without(shelf, new Set([offer.token])));
      return { value: left, result: { stored, isLast } };
    });
    if (claimed === undefined) return undefined;
    // It is off the shelf: if it stays stored, it costs room, and nothing else.
    if (!claimed.isLast) await this.#mark(claimed.stored, client, TAKEN).catch(() => undefined);
    return claimed.stored.data;
  }

  /** The first one that is stored: others are just being published. */
  async #firstStored(client: string, shelf: SuiteShelf): Promise<readonly [Offer, Received] | undefined> {
    for (const offer of offersOf(shelf)) {
      const stored = await this.#at(offer.token);
      if (stored !== undefined && ownerIn(stored) === client && stored.header(HEADER.state) === "")
        return [offer, stored];
    }
    return undefined;
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

/** Whose a stored key package is; `undefined` if it is withdrawn, or none. */
function ownerIn(stored: Received | undefined): string | undefined {
  const client = stored?.header(HEADER.client) ?? "";
  return isToken(client) && stored?.header(HEADER.state) !== WITHDRAWN ? client : undefined;
}
