// What a check works with: a service that runs, its clients, and groups that no other check has.
import {
  type Cursor,
  type DeliveryService,
  type Handshake,
  type InboxEntry,
  type LogEntry,
  missingMethods,
  type OfferedKeyPackage,
  type OutgoingMessage,
} from "@copse/delivery/service";
import { Calls } from "./calls.js";
import { makeKey, type TestKey } from "./keys.js";
import { type ContentType, otherMessage, privateMessage } from "./messages.js";
import { Reader } from "./reader.js";
import { inTime } from "./time.js";
import { bytes, fail, kindOf } from "./tools.js";
import type { DeliveryUnderTest } from "./under.js";

/** Until then key packages can be used: in 2100. */
const LATER = 4_102_444_800n;

/** What no other check has, nor another run against the same service. */
const run = `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 10)}`;
let count = 0;
export const unique = (): string => `${run}-${++count}`.padStart(20, "0");

/** A submission, and where the service has put it. */
export interface Sent<Submission = OutgoingMessage> {
  readonly id: string;
  readonly cursor: Cursor;
  readonly submission: Submission;
}

export class Room {
  readonly under: DeliveryUnderTest;
  readonly #service: unknown;
  readonly #connections = new Set<DeliveryService>();
  readonly #name = unique();
  readonly #calls: Calls;

  /** @param calls those of the check */
  constructor(under: DeliveryUnderTest, service: unknown, calls: Calls) {
    this.under = under;
    this.#service = service;
    this.#calls = calls;
  }

  /** The whole name of a user of this check. */
  user(name: string): string {
    return `${this.#name}-${name}`;
  }

  /** A new connection of a client. */
  async connect(name: string, device = "phone"): Promise<DeliveryService> {
    const given: unknown = await this.#calls.author("connect", () =>
      this.under.connect(this.#service, this.user(name), device),
    );
    const missing = missingMethods(given);
    const got = kindOf(given) === "object" ? `an object without ${missing.join(", ")}` : kindOf(given);
    if (missing.length > 0) fail(`connect() gave ${got}`);
    this.#connections.add(given as DeliveryService);
    return this.#calls.of(given as DeliveryService);
  }

  /** Connections of so many users. */
  connectMany(many: number): Promise<DeliveryService[]> {
    return Promise.all(Array.from({ length: many }, (_, i) => this.connect(`user${i}`)));
  }

  async pair(): Promise<[DeliveryService, DeliveryService]> {
    return [await this.connect("alice"), await this.connect("bob")];
  }

  key(epoch: bigint): Promise<TestKey> {
    return this.#calls.author("crypto", () => makeKey(this.under.crypto, epoch));
  }

  /** A group that the service doesn't know yet. */
  async newGroup(id = `group ${unique()}`): Promise<TestGroup> {
    return new TestGroup(this, bytes(id), await this.key(0n));
  }

  /** A group that has its first handshake. */
  async group(creator: DeliveryService): Promise<TestGroup> {
    const group = await this.newGroup();
    await group.commit(creator);
    return group;
  }

  inbox(service: DeliveryService, after: Cursor = ""): Reader<InboxEntry> {
    return new Reader(service.inbox(after));
  }

  /** Restarts the service. All connections are closed before. */
  async restart(): Promise<void> {
    await this.#close(this.#calls);
    await this.restartWithConnections();
  }

  async restartWithConnections(): Promise<void> {
    await this.#calls.author("restart", () => this.under.restart?.(this.#service));
  }

  async #close(calls: Calls): Promise<void> {
    await this.#calls.endReaders(calls);
    for (const service of this.#connections) {
      this.#connections.delete(service);
      await calls.of(service).close();
    }
  }

  /** Ends all that the check has left, when nobody hears of its calls any more. @param limit in milliseconds */
  async leave(limit: number): Promise<void> {
    const calls = new Calls();
    try {
      await inTime(calls, limit, this.#close(calls));
    } finally {
      const stopped = calls.author("stop", () => this.under.stop?.(this.#service));
      await inTime(calls, limit, stopped).finally(() => calls.end());
    }
  }
}

/** A group, as one who knows all of it sees it. */
export class TestGroup {
  readonly id: Uint8Array;
  readonly #room: Room;
  /** The cursor of its newest handshake. */
  last: Cursor = "";
  epoch = 0n;
  /** The key of the newest epoch. */
  key: TestKey;

  constructor(room: Room, id: Uint8Array, key: TestKey) {
    this.#room = room;
    this.id = id;
    this.key = key;
  }

  /** A handshake that is to be the group's next. */
  async handshake(more: Partial<Handshake> = {}): Promise<Handshake> {
    const id = more.id ?? unique();
    const next = await this.#room.key(this.epoch + 1n);
    this.#keys.set(next.registered.publicKey, next);
    return {
      id,
      groupId: this.id,
      epoch: this.epoch,
      after: this.last,
      message: this.framed(`commit ${id}`, "commit"),
      groupInfo: otherMessage("group info", `group info ${id}`),
      welcomes: [],
      nextKey: next.registered,
      key: this.last === "" ? undefined : this.key.source,
      ...more,
    };
  }

  /** The keys of handshakes that were made here. */
  readonly #keys = new Map<Uint8Array, TestKey>();

  keyOf({ nextKey }: Handshake): TestKey {
    return this.#keys.get(nextKey.publicKey) ?? fail("a key that wasn't made here");
  }

  /** Takes note that a handshake was accepted: it is the newest. */
  accepted(handshake: Handshake, cursor: Cursor): Sent<Handshake> {
    this.last = cursor;
    this.epoch = handshake.epoch + 1n;
    this.key = this.keyOf(handshake);
    return { id: handshake.id, cursor, submission: handshake };
  }

  /** Submits a handshake that must be accepted. */
  async commit(service: DeliveryService, more: Partial<Handshake> = {}): Promise<Sent<Handshake>> {
    const handshake = await this.handshake(more);
    const answer = await service.submit(handshake);
    if (answer.kind !== "accepted")
      fail(`submit: expected "accepted" for the next handshake, got "${answer.kind}"`);
    return this.accepted(handshake, answer.cursor);
  }

  message(more: Partial<OutgoingMessage> = {}): OutgoingMessage {
    const id = more.id ?? unique();
    const message = this.framed(`message ${id}`);
    return { id, groupId: this.id, epoch: this.epoch, message, key: this.key.source, ...more };
  }

  /** A message of the newest epoch with this content. */
  framed(content: Uint8Array | string, type: ContentType = "application", epoch = this.epoch): Uint8Array {
    return privateMessage(this.id, epoch, type, typeof content === "string" ? bytes(content) : content);
  }

  async send(service: DeliveryService, more: Partial<OutgoingMessage> = {}): Promise<Sent> {
    const message = this.message(more);
    return { id: message.id, cursor: await service.send(message), submission: message };
  }

  /** Sends so many messages, one after the other. */
  async sendMany(service: DeliveryService, many: number): Promise<Sent[]> {
    const sent: Sent[] = [];
    while (sent.length < many) sent.push(await this.send(service));
    return sent;
  }

  /** Reads the log with the key of the newest epoch. */
  reader(service: DeliveryService, after: Cursor = "", more: object = {}): Reader<LogEntry> {
    const key = this.key.source && (() => this.key.source?.());
    return new Reader(service.subscribe({ groupId: this.id, after, key, ...more }));
  }

  /** All that the log has now. It is known by a message that is sent for it, and left out. */
  async log(service: DeliveryService, after: Cursor = ""): Promise<LogEntry[]> {
    const end = await this.send(service);
    const reader = this.reader(service, after);
    const entries = await reader.until(({ id }) => id === end.id);
    await reader.end();
    return entries.slice(0, -1);
  }
}

let packages = 0;

/** A key package to publish. */
export function keyPackage(name: string, more: Partial<OfferedKeyPackage> = {}): OfferedKeyPackage {
  const unlike = `${unique()} ${++packages}`;
  return {
    reference: bytes(unlike.padEnd(32, ".").slice(-32)),
    keyPackage: otherMessage("key package", `${name} ${unlike}`),
    suite: 1,
    notAfter: LATER,
    lastResort: false,
    ...more,
  };
}
