// Clients' inboxes: who has published a key package, and the Welcomes that came for it.
import { toHex } from "@copse/core";
import {
  type AddressedWelcome,
  type Batch,
  type CallOptions,
  type Cursor,
  DeliveryError,
  type InboxEntry,
} from "@copse/delivery/service";
import {
  fromHex,
  fromWelcomes,
  HEADER,
  type KeptWelcome,
  toCursor,
  toSequence,
  toWelcomes,
} from "./entries.js";
import type { KeyPackages } from "./key-packages.js";
import { type Accepted, forEach, type Link, type Received } from "./link.js";
import { digest, type Names, tokenOf } from "./names.js";
import type { Parcels } from "./parcels.js";
import { read } from "./reader.js";

export class Welcomes {
  readonly #keyPackages: KeyPackages;
  readonly #link: Link;
  readonly #names: Names;
  readonly #parcels: Parcels;

  constructor(link: Link, names: Names, parcels: Parcels, keyPackages: KeyPackages) {
    this.#keyPackages = keyPackages;
    this.#link = link;
    this.#names = names;
    this.#parcels = parcels;
  }

  /**
   * Stores the Welcomes of a handshake before it is submitted: the handshake says where they are, so that it can't be accepted
   * without them. One for a reference that nobody has published is dropped: a member may have proposed to add whoever it likes, and
   * no commit must fail for it.
   * @returns the reference of the parcel that says whose they are; "" if there are none
   */
  async prepare(welcomes: readonly AddressedWelcome[]): Promise<string> {
    const kept: KeptWelcome[] = [];
    // One Welcome may be for many, and is then the same bytes: the same parcel.
    const parcels = new Map<string, Promise<string>>();
    await forEach(welcomes, async ({ reference, welcome }) => {
      const client = await this.#keyPackages.ownerOf(reference);
      if (client === undefined) return;
      const key = await digest(welcome);
      const stored = parcels.get(key) ?? this.#parcels.put(welcome);
      parcels.set(key, stored);
      kept.push({ reference: toHex(reference), client, parcel: await stored });
    });
    return kept.length === 0 ? "" : this.#parcels.put(fromWelcomes(kept));
  }

  /** Puts the Welcomes of an accepted handshake into inboxes. Done again, it changes nothing while they are there. */
  async deliver(groupId: Uint8Array, group: string, handshake: Accepted): Promise<void> {
    const reference = handshake.header(HEADER.welcomes);
    if (reference === "") return;
    // One that isn't there was made up: whoever made this handshake up has none to deliver.
    const welcomes = toWelcomes((await this.#parcels.get(reference)) ?? new Uint8Array());
    await forEach(welcomes, async (welcome) => {
      const token = await tokenOf(`${group}.${handshake.sequence}.${welcome.reference}`);
      await this.#link.publish({
        subject: `${this.#names.inbox(welcome.client)}.${token}`,
        id: token,
        headers: {
          [HEADER.reference]: welcome.reference,
          [HEADER.group]: toHex(groupId),
          [HEADER.handshake]: String(handshake.sequence),
          [HEADER.parcel]: welcome.parcel,
        },
        last: 0,
      });
    });
  }

  /** @param client its token */
  async *read(
    client: string,
    after: Cursor,
    heartbeat: number,
    options?: CallOptions,
  ): AsyncGenerator<Batch<InboxEntry>> {
    const from = toSequence(after);
    if (from === undefined)
      throw new DeliveryError("invalid", `after: expected a cursor of this inbox, got "${after}"`);
    const subject = `${this.#names.inbox(client)}.*`;
    const partition = this.#names.partitionOf(client);
    const [stream, probe] = [this.#names.stream("inbox", partition), this.#names.probe("inbox", partition)];
    await this.#link.run(options, () => this.#checkThere(stream, probe, from, after));
    for await (const { entries, behind } of read(
      this.#link,
      { ...options, stream, subject, from: from + 1 },
      heartbeat,
    )) {
      const known = await this.#link.run(options, () =>
        Promise.all(entries.map((entry) => this.#toEntry(entry))),
      );
      yield { entries: known.filter((entry) => entry !== undefined), behind };
    }
  }

  /** Checks that a cursor is of this stream: of one that was made anew, or has lost its end, nothing would come for long. */
  async #checkThere(stream: string, probe: string, from: number, after: Cursor): Promise<void> {
    if (from === 0 || from <= (await this.#link.lastSequence(stream))) return;
    // Its leader may be behind.
    await this.#link.publish({ subject: probe });
    if (from > (await this.#link.lastSequence(stream)))
      throw new DeliveryError(
        "invalid",
        `after: expected a cursor of this inbox, got "${after}", which is later than its end`,
      );
  }

  async clear(client: string, upTo: Cursor): Promise<void> {
    const sequence = toSequence(upTo);
    if (sequence === undefined)
      throw new DeliveryError("invalid", `upTo: expected a cursor of this inbox, got "${upTo}"`);
    if (sequence === 0) return;
    const stream = this.#names.stream("inbox", this.#names.partitionOf(client));
    await this.#link.purge(stream, `${this.#names.inbox(client)}.*`, sequence);
  }

  /** @returns `undefined` for what somebody has put there that is no Welcome */
  async #toEntry(entry: Received): Promise<InboxEntry | undefined> {
    const reference = fromHex(entry.header(HEADER.reference));
    const groupId = fromHex(entry.header(HEADER.group));
    const handshake = toSequence(entry.header(HEADER.handshake));
    const welcome = await this.#parcels.get(entry.header(HEADER.parcel));
    if (!reference || !groupId || groupId.length > 255 || !handshake || !welcome) return undefined;
    return {
      cursor: toCursor(entry.sequence),
      reference,
      groupId,
      welcome,
      handshake: toCursor(handshake),
      time: entry.time,
    };
  }
}
