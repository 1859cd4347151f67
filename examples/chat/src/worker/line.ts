// The line to the delivery service: it can be cut and joined, and tells what goes over it.
import { toHex } from "@copse/core";
import {
  type Batch,
  type CallOptions,
  DeliveryError,
  type DeliveryService,
  type EpochKeySource,
  type Handshake,
  type InboxEntry,
  type LogEntry,
  type OfferedKeyPackage,
  type OutgoingMessage,
  type PublishedGroupInfo,
  type Subscription,
} from "@copse/delivery";
import type { Service } from "./service.js";

/** What went over the line. */
export interface Passed {
  /** In hexadecimal; `undefined` for what belongs to no group. */
  readonly group: string | undefined;
  readonly what: "commit" | "message" | "Welcome" | "GroupInfo" | "key packages";
  readonly isOut: boolean;
  readonly bytes: number;
  /** That of a log's entry. */
  readonly entry: string | undefined;
}

const sizeOf = (all: readonly Uint8Array[]) => all.reduce((sum, { length }) => sum + length, 0);

/** So many entries of one's own are known again when they come back. */
const REMEMBERED = 1000;

/** A service over a connection that is made when it is needed, and again after it was cut. */
export class Line implements DeliveryService {
  readonly ordering = "service";
  readonly #connect: () => Promise<Service>;
  readonly #tell: (passed: Passed) => void;
  readonly #sent = new Set<string>();
  #service: Promise<Service> | undefined;
  #isCut = false;

  /** @param connect makes a connection */
  constructor(connect: () => Promise<Service>, tell: (passed: Passed) => void) {
    this.#connect = connect;
    this.#tell = tell;
  }

  /** Connects, if the service can be reached now. @throws DeliveryError `forbidden` if it doesn't let this client in */
  async reach(): Promise<void> {
    await this.#there().catch((error: unknown) => {
      if (!(error instanceof DeliveryError) || error.retry === "never") throw error;
    });
  }

  /** Ends the connection, and lets no call through. */
  async cut(): Promise<void> {
    this.#isCut = true;
    const service = this.#service;
    this.#service = undefined;
    await service?.then((made) => made.close()).catch(() => undefined);
  }

  join(): void {
    this.#isCut = false;
  }

  async #there(): Promise<Service> {
    if (this.#isCut) throw new DeliveryError("unavailable", "offline, as its owner wants it");
    this.#service ??= this.#connect();
    try {
      return await this.#service;
    } catch (error) {
      this.#service = undefined;
      throw error;
    }
  }

  async #call<T>(work: (service: Service) => Promise<T>): Promise<T> {
    const service = await this.#there();
    try {
      return await work(service);
    } catch (error) {
      throw this.#isCut ? new DeliveryError("unavailable", "the line was cut", { cause: error }) : error;
    }
  }

  async *#read<T>(
    open: (service: DeliveryService) => AsyncIterable<Batch<T>>,
    note: (entry: T) => void,
  ): AsyncGenerator<Batch<T>> {
    const service = await this.#there();
    try {
      for await (const batch of open(service)) {
        batch.entries.forEach(note);
        yield batch;
      }
    } catch (error) {
      throw this.#isCut ? new DeliveryError("unavailable", "the line was cut", { cause: error }) : error;
    }
  }

  #note(what: Passed["what"], isOut: boolean, bytes: number, groupId?: Uint8Array, entry?: string): void {
    this.#tell({ group: groupId && toHex(groupId), what, isOut, bytes, entry });
  }

  /** What was sent comes back as an entry of the log: that isn't told again. */
  #remember(id: string): void {
    this.#sent.add(id);
    for (const oldest of this.#sent) {
      if (this.#sent.size <= REMEMBERED) break;
      this.#sent.delete(oldest);
    }
  }

  /** Lets another client of this user in. */
  admit(client: { readonly signatureKey: Uint8Array; readonly suite: number }): Promise<Uint8Array> {
    return this.#call(async (service) => {
      if (service.admit === undefined) throw new DeliveryError("invalid", "the service lets everybody in");
      return service.admit(client);
    });
  }

  publishKeyPackages(keyPackages: readonly OfferedKeyPackage[], options?: CallOptions) {
    const bytes = sizeOf(keyPackages.map(({ keyPackage }) => keyPackage));
    this.#note("key packages", true, bytes);
    return this.#call((service) => service.publishKeyPackages(keyPackages, options));
  }

  countKeyPackages(suite: number, options?: CallOptions) {
    return this.#call((service) => service.countKeyPackages(suite, options));
  }

  withdrawKeyPackages(references?: readonly Uint8Array[], options?: CallOptions) {
    return this.#call((service) => service.withdrawKeyPackages(references, options));
  }

  async claimKeyPackages(user: string, suite: number, options?: CallOptions) {
    const claimed = await this.#call((service) => service.claimKeyPackages(user, suite, options));
    this.#note("key packages", false, sizeOf(claimed));
    return claimed;
  }

  submit(handshake: Handshake, options?: CallOptions) {
    const { groupId, message, groupInfo, welcomes, id } = handshake;
    this.#remember(id);
    this.#note("commit", true, message.length, groupId, id);
    for (const { welcome } of welcomes) this.#note("Welcome", true, welcome.length, groupId);
    this.#note("GroupInfo", true, groupInfo.length, groupId);
    return this.#call((service) => service.submit(handshake, options));
  }

  send(message: OutgoingMessage, options?: CallOptions) {
    this.#remember(message.id);
    this.#note("message", true, message.message.length, message.groupId, message.id);
    return this.#call((service) => service.send(message, options));
  }

  subscribe(subscription: Subscription): AsyncIterable<Batch<LogEntry>> {
    return this.#read(
      (service) => service.subscribe(subscription),
      ({ id, kind, message }) => {
        if (this.#sent.has(id)) return;
        this.#note(
          kind === "handshake" ? "commit" : "message",
          false,
          message.length,
          subscription.groupId,
          id,
        );
      },
    );
  }

  inbox(after: string, options?: CallOptions): AsyncIterable<Batch<InboxEntry>> {
    return this.#read(
      (service) => service.inbox(after, options),
      ({ groupId, welcome }) => this.#note("Welcome", false, welcome.length, groupId),
    );
  }

  clearInbox(upTo: string, options?: CallOptions) {
    return this.#call((service) => service.clearInbox(upTo, options));
  }

  async groupInfo(groupId: Uint8Array, options?: CallOptions) {
    const published = await this.#call((service) => service.groupInfo(groupId, options));
    if (published) this.#note("GroupInfo", false, published.groupInfo.length, groupId);
    return published;
  }

  publishGroupInfo(
    groupId: Uint8Array,
    published: PublishedGroupInfo,
    key: EpochKeySource,
    options?: CallOptions,
  ) {
    this.#note("GroupInfo", true, published.groupInfo.length, groupId);
    return this.#call((service) => service.publishGroupInfo(groupId, published, key, options));
  }

  async close(): Promise<void> {
    await this.cut();
  }
}
