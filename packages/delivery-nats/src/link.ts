// The connection to NATS, as the parts of the service use it: what waits can be given up, and fails with a DeliveryError.
import type { AbortSignalLike } from "@copse/core";
import { Ending } from "@copse/delivery/rules";
import { type CallOptions, DeliveryError } from "@copse/delivery/service";
import {
  DeliverPolicy,
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg,
  jetstreamManager,
  type MsgRequest,
  type NextMsgRequest,
  type StoredMsg,
} from "@nats-io/jetstream";
import { headers, type MsgHdrs, type NatsConnection } from "@nats-io/nats-core";
import { asDeliveryError, isNoMessage, isOnItsWay, isWrongLastSequence } from "./errors.js";

/** What is published to a stream. */
export interface Publication {
  readonly subject: string;
  readonly data?: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  /** What is sent twice under one ID, within the stream's time for it, is stored once. */
  readonly id?: string | undefined;
  /** It is stored only if this is the last sequence on the subject: 0 if there may be none. */
  readonly last?: number;
}

/** Where a publication is. */
export interface Stored {
  readonly sequence: number;
  /** Whether it was there: by its ID. */
  readonly isDuplicate: boolean;
}

/** How many requests one call has in flight. */
const IN_FLIGHT = 64;
/** How long is waited for what is on its way under the same ID, in milliseconds: as long as a cluster may take to choose a leader. */
const PAUSES = [20, 40, 80, 160, 320, 640, 1280, 2560] as const;
/** After how long servers forget a consumer that isn't asked, in milliseconds. */
const INACTIVE = 60_000;
/** How many connections in a row may be lost before the answer to one request comes. */
const LOSSES = 8;

/** Does some work for each of many, some of them at a time. */
export async function forEach<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const rest = items.values();
  const worker = async () => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, items.length) }, worker));
}

export class Link {
  readonly connection: NatsConnection;
  readonly #js: JetStreamClient;
  readonly #jsm: JetStreamManager;
  readonly #closing = new Ending();
  #lost = new Ending();
  /** Ended while there is a connection. */
  #back = new Ending();
  readonly #timeout: number;
  readonly #isOwn: boolean;

  private constructor(connection: NatsConnection, isOwn: boolean, timeout: number, jsm: JetStreamManager) {
    this.connection = connection;
    this.#isOwn = isOwn;
    this.#timeout = timeout;
    this.#js = jsm.jetstream();
    this.#jsm = jsm;
    this.#back.abort();
    // It ends with the connection.
    this.#watch().catch(() => undefined);
  }

  /**
   * @param isOwn whether the connection is closed with this
   * @param timeout for each answer of a server, in milliseconds
   */
  static async open(connection: NatsConnection, isOwn: boolean, timeout: number): Promise<Link> {
    return new Link(
      connection,
      isOwn,
      timeout,
      await jetstreamManager(connection, { timeout, checkAPI: false }),
    );
  }

  /** The number of bytes that one message may have here. */
  get maxPayload(): number {
    return this.connection.info?.max_payload ?? 1024 * 1024;
  }

  async close(): Promise<void> {
    this.#closing.abort(new DeliveryError("closed", "this service was closed here"));
    if (this.#isOwn) await this.connection.close();
  }

  /** Whether the connection ends with this: servers need not be told what else ends. One that was killed just now can't be. */
  get endsConnection(): boolean {
    return this.#isOwn && this.#closing.aborted;
  }

  /** Aborted when the connection that is open now is lost: NATS makes another one. */
  get lost(): AbortSignalLike {
    return this.#lost;
  }

  async #watch(): Promise<void> {
    for await (const { type } of this.connection.status()) {
      if (this.#closing.aborted) return;
      if (type === "reconnect") this.#back.abort();
      if (type !== "disconnect" && type !== "close") continue;
      if (this.#back.aborted) this.#back = new Ending();
      const lost = this.#lost;
      this.#lost = new Ending();
      lost.abort(new DeliveryError("unavailable", "the connection to NATS was lost"));
    }
  }

  /** What is sent while there is no connection is lost: it waits for the next one, as long as for an answer. */
  async #connected(): Promise<void> {
    const back = this.#back;
    if (back.aborted) return;
    const late = new Ending();
    let onBack: () => void = () => undefined;
    const wait = new Promise<void>((resolve) => {
      onBack = resolve;
    });
    back.addEventListener("abort", onBack);
    const timer = setTimeout(
      () => late.abort(new DeliveryError("unavailable", "there is no connection to NATS now")),
      this.#timeout,
    );
    try {
      await unless([late, this.#closing], () => wait);
    } finally {
      clearTimeout(timer);
      back.removeEventListener("abort", onBack);
    }
  }

  /**
   * Makes a request; again on the next connection, if this one is lost before the answer. So a call of many requests goes on where
   * it was: begun anew each time, it might never end. All requests may be made twice.
   */
  async #ask<T>(request: () => Promise<T>): Promise<T> {
    for (let losses = 0; ; losses++) {
      if (!this.#back.aborted) await this.#connected();
      const { lost } = this;
      try {
        return await unless([lost, this.#closing], request);
      } catch (error) {
        if (!lost.aborted || this.#closing.aborted || losses >= LOSSES) throw error;
      }
    }
  }

  /**
   * Waits for work, until it is given up.
   * @param failed what else gives it up
   * @throws what the signal gives as its reason; DeliveryError
   */
  run<T>(options: CallOptions | undefined, work: () => Promise<T>, failed?: AbortSignalLike): Promise<T> {
    const signals = [options?.signal, this.#closing, failed].filter((signal) => signal !== undefined);
    return unless(signals, () => work().catch((error: unknown) => Promise.reject(asDeliveryError(error))));
  }

  /** @throws DeliveryError `closed` at once, when it is */
  async #pause(milliseconds: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const wait = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, milliseconds);
    });
    try {
      await unless([this.#closing], () => wait);
    } finally {
      clearTimeout(timer);
    }
  }

  /** @returns where it is; `undefined` if another one is the last on its subject */
  async publish(publication: Publication): Promise<Stored | undefined> {
    try {
      for (const pause of PAUSES) {
        const stored = await this.#publish(publication);
        if (stored !== undefined) return stored;
        await this.#pause(pause);
      }
      // It was lost with a leader, and its ID must not be in the way.
      return await this.#publish({ ...publication, id: undefined });
    } catch (error) {
      if (isWrongLastSequence(error)) return undefined;
      throw error;
    }
  }

  /** @returns `undefined` if something under the same ID is on its way, and stored nowhere yet */
  async #publish({ subject, data, headers: fields, id, last }: Publication): Promise<Stored | undefined> {
    try {
      const { seq, duplicate } = await this.#ask(() =>
        this.#js.publish(subject, data ?? new Uint8Array(), {
          ...(fields && { headers: toHeaders(fields) }),
          ...(id !== undefined && { msgID: id }),
          ...(last !== undefined && { expect: { lastSubjectSequence: last } }),
        }),
      );
      return seq > 0 ? { sequence: seq, isDuplicate: duplicate } : undefined;
    } catch (error) {
      if (isOnItsWay(error)) return undefined;
      throw error;
    }
  }

  /**
   * One message, as the stream's leader has it: another server may be behind. Not by a direct request: a server publishes what that
   * asks for, as it is stored, to whatever subject the client says, and so whoever may make them may publish anything anywhere.
   * @param probe of this stream. A server that has just become the leader may be behind, too, until it has taken a message: so if there
   *   is none, one is written there, and it is looked once more. Without it, that there is none may be wrong
   * @returns `undefined` if there is none
   */
  async get(
    stream: string,
    query: MsgRequest | NextMsgRequest,
    probe?: string,
  ): Promise<StoredMsg | undefined> {
    const found = await this.#got(stream, query);
    if (found !== undefined || probe === undefined) return found;
    await this.publish({ subject: probe });
    return this.#got(stream, query);
  }

  async #got(stream: string, query: MsgRequest | NextMsgRequest): Promise<StoredMsg | undefined> {
    try {
      // The server has taken `next_by_subj` in this request since it has it in direct ones.
      const found = await this.#ask(() => this.#jsm.streams.getMessage(stream, query as MsgRequest));
      return found ?? undefined;
    } catch (error) {
      if (isNoMessage(error)) return undefined;
      throw error;
    }
  }

  /** The first message on a subject from a sequence on. */
  first(stream: string, subject: string, from: number, probe?: string): Promise<StoredMsg | undefined> {
    return this.get(stream, { seq: from, next_by_subj: subject }, probe);
  }

  last(stream: string, subject: string, probe: string): Promise<StoredMsg | undefined> {
    return this.get(stream, { last_by_subj: subject }, probe);
  }

  /** Deletes what is on a subject up to a sequence. */
  async purge(stream: string, subject: string, upTo: number): Promise<void> {
    await this.#ask(() => this.#jsm.streams.purge(stream, { filter: subject, seq: upTo + 1 }));
  }

  /** What whoever has made a stream says of it. */
  async description(stream: string): Promise<string> {
    return (await this.#info(stream)).config.description ?? "";
  }

  async lastSequence(stream: string): Promise<number> {
    return (await this.#info(stream)).state.last_seq;
  }

  #info(stream: string) {
    return this.#ask(() => this.#jsm.streams.info(stream));
  }

  /** A consumer for what is on a subject from a sequence on. The server forgets it a minute after it isn't asked any more. */
  async consumer(stream: string, subject: string, from: number) {
    if (!this.#back.aborted) await this.#connected();
    return this.#js.consumers.get(stream, {
      filter_subjects: subject,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: Math.max(1, from),
      inactive_threshold: INACTIVE,
    });
  }
}

/** Waits for work, unless one of the signals is aborted before. @throws what that gives as its reason */
async function unless<T>(signals: readonly AbortSignalLike[], work: () => Promise<T>): Promise<T> {
  for (const { aborted, reason } of signals) if (aborted) throw reason;
  let giveUp: (reason: unknown) => void = () => undefined;
  const givenUp = new Promise<never>((_, reject) => {
    giveUp = reject;
  });
  const listeners = signals.map((signal) => ({ signal, listener: () => giveUp(signal.reason) }));
  for (const { signal, listener } of listeners) signal.addEventListener("abort", listener);
  try {
    const worked = work();
    // It may fail when nobody waits for it any more.
    worked.catch(() => undefined);
    return await Promise.race([worked, givenUp]);
  } finally {
    for (const { signal, listener } of listeners) signal.removeEventListener("abort", listener);
  }
}

function toHeaders(fields: Readonly<Record<string, string>>): MsgHdrs {
  const made = headers();
  for (const [name, value] of Object.entries(fields)) made.set(name, value);
  return made;
}

/** What is known of a message that a stream has accepted. */
export interface Accepted {
  readonly sequence: number;
  /** "" if there is none with this name. */
  header(name: string): string;
}

/** What readers need of a message, whether it was got or delivered. */
export interface Received extends Accepted {
  readonly subject: string;
  readonly time: number;
  readonly data: Uint8Array;
}

/** Whoever may publish may publish headers that can't be read: such a message has none. */
function headerOf(read: () => MsgHdrs | undefined, name: string): string {
  try {
    return read()?.get(name) ?? "";
  } catch {
    return "";
  }
}

export const fromStored = (message: StoredMsg): Received => ({
  subject: message.subject,
  sequence: message.seq,
  time: message.time.getTime(),
  data: message.data,
  header: (name) => headerOf(() => message.header, name),
});

export const fromDelivered = (message: JsMsg): Received => ({
  subject: message.subject,
  sequence: message.seq,
  time: message.time.getTime(),
  data: message.data,
  header: (name) => headerOf(() => message.headers, name),
});
