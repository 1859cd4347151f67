// One client's socket: all its subscriptions. A batch of each is sent when the client asks for it, so a slow one makes nothing grow.
import { patienceOfAll, readsUpToByAny } from "@copse/delivery/rules";
import { DeliveryError } from "@copse/delivery/service";
import { decode, encode } from "../wire/shape.js";
import { type AnswerFrame, answerFrame, type RequestFrame, requestFrame } from "../wire/structures.js";
import type { Account } from "./accounts.js";
import type { DeliveryCounters } from "./counters.js";
import { failureOf, limited, refuse } from "./failures.js";
import type { Flow } from "./flow.js";
import { type GroupRow, type KeyRow, seqOf } from "./groups/group-rows.js";
import type { Groups } from "./groups/groups.js";
import type { DeliveryRates, Settings } from "./options.js";
import type { Rates } from "./rates.js";

/** What a socket uses. */
export interface SocketParts {
  readonly groups: Groups;
  readonly settings: Settings;
  readonly counters: DeliveryCounters;
  readonly rates: Rates<keyof DeliveryRates>;
  report(error: unknown): void;
  watch(socket: Socket, group: number | undefined, stream: number): void;
  unwatch(socket: Socket, group: number | undefined, stream: number): void;
}

/** A subscription of a group's log, or of the inbox. */
interface Stream {
  readonly id: number;
  readonly group: number | undefined;
  /** Where it begins, until that is looked up. */
  readonly after: string;
  at: number | undefined;
  /** How many batches were sent. The first one comes at once, if it is empty too. */
  batches: number;
  /** The client's last `next`. */
  turn: number;
  /** Whether the client has asked for the next batch. */
  isWanted: boolean;
  /** Bytes that the client hasn't said that it has worked on. */
  waiting: number;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** The longest wait of a timer. */
const MAX_WAIT = 2 ** 31 - 1;

export class Socket {
  readonly account: Account;
  readonly #flow: Flow;
  readonly #parts: SocketParts;
  readonly #streams = new Map<number, Stream>();
  #waiting = 0;
  /** Subscriptions that wait until the client has worked on others' batches. */
  readonly #held = new Set<Stream>();

  constructor(flow: Flow, account: Account, parts: SocketParts) {
    this.#flow = flow;
    flow.onRoom = () => this.#pumpHeld();
    this.account = account;
    this.#parts = parts;
    this.#send({ kind: "ready", every: parts.settings.times.ping });
  }

  #send(frame: AnswerFrame): number {
    const bytes = encode(answerFrame, frame);
    this.#flow.send(bytes);
    return bytes.length;
  }

  /** @throws ShapeError, DeliveryError for what ends the socket */
  receive(data: Uint8Array): void {
    const frame = decode(requestFrame, data);
    if (frame.kind === "login") throw new DeliveryError("invalid", "the socket is logged in already");
    const isNew = frame.kind === "subscribe" || frame.kind === "inbox";
    if (isNew && this.#streams.has(frame.stream))
      throw new DeliveryError("invalid", "there is a subscription with this number");
    this.#serve(frame);
  }

  #serve(frame: Exclude<RequestFrame, { kind: "login" }>): void {
    try {
      if (frame.kind === "end") this.#end(frame.stream);
      else if (frame.kind === "next") this.#goOn(frame);
      else this.#begin(frame);
    } catch (error) {
      this.#fail(frame.stream, error);
    }
  }

  #fail(stream: number, error: unknown): void {
    const { counters, report } = this.#parts;
    this.#end(stream);
    this.#send({ kind: "failed", stream, failure: failureOf(error, counters, report) });
  }

  #goOn({ stream: id, turn, batches }: Extract<RequestFrame, { kind: "next" }>): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    stream.turn = turn;
    if (batches !== stream.batches) return;
    this.#waiting -= stream.waiting;
    stream.waiting = 0;
    stream.isWanted = true;
    // Those that wait for room first, so that none waits for ever.
    this.#pumpHeld();
    if (stream.isWanted) this.#tryPump(stream);
  }

  #begin(frame: Extract<RequestFrame, { kind: "subscribe" | "inbox" }>): void {
    const { rates, settings, groups } = this.#parts;
    rates.take("call", this.account.id);
    if (this.#streams.size >= settings.quotas.subscriptions) throw limited("too many subscriptions");
    const group = frame.kind === "inbox" ? undefined : groups.rows.need(frame.groupId).id;
    const { after, stream: id } = frame;
    const stream: Stream = {
      id,
      group,
      after,
      at: undefined,
      batches: 0,
      turn: 0,
      isWanted: true,
      waiting: 0,
      timer: undefined,
    };
    this.#streams.set(id, stream);
    this.#parts.watch(this, group, id);
    this.#pump(stream);
  }

  #end(id: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    clearTimeout(stream.timer);
    this.#waiting -= stream.waiting;
    this.#streams.delete(id);
    this.#held.delete(stream);
    this.#parts.unwatch(this, stream.group, id);
  }

  /** Something has come for a subscription. */
  wake(id: number): void {
    const stream = this.#streams.get(id);
    if (stream?.isWanted) this.#tryPump(stream);
  }

  #tryPump(stream: Stream): void {
    try {
      this.#pump(stream);
    } catch (error) {
      this.#fail(stream.id, error);
    }
  }

  /** There is room again. */
  #pumpHeld(): void {
    const held = [...this.#held];
    this.#held.clear();
    for (const stream of held) this.#tryPump(stream);
  }

  #pump(stream: Stream): void {
    clearTimeout(stream.timer);
    // One batch is sent however large it is, or else a large message would stay for ever. What the client says that it has
    // worked on is for its own good: what is in this memory is what the socket hasn't sent.
    if (this.#flow.isFull || this.#waiting >= this.#parts.settings.quotas.window) {
      this.#held.add(stream);
      return;
    }
    if (stream.group === undefined) this.#pumpInbox(stream);
    else this.#pumpLog(stream, this.#parts.groups.rows.get(stream.group));
  }

  #pumpLog(stream: Stream, row: GroupRow): void {
    const { groups } = this.#parts;
    const { members } = this.#parts.settings;
    const keys = members === "unchecked" ? undefined : groups.rows.provenKeys(row.id, this.account.id);
    // None: the client isn't known as a member.
    const upTo = (keys && readsUpToByAny(keys.map(({ access }) => access))) ?? row.last;
    if (upTo >= 0) {
      // If that fails, it is noted the next time.
      groups.rows.use(row).catch(() => undefined);
      stream.at ??= seqOf(stream.after, row.last, row.gone);
      if (stream.at < row.gone) refuse("expired", "what follows the cursor isn't kept any more");
      const entries = stream.at < upTo ? groups.logs.after(row.id, stream.at, upTo) : [];
      const last = entries.at(-1);
      if (last !== undefined) stream.at = seqOf(last.cursor, row.last, 0);
      if (last !== undefined || (stream.batches === 0 && upTo >= row.last)) {
        const behind = row.last - stream.at;
        this.#sent(stream, { kind: "entries", stream: stream.id, entries, behind });
        return;
      }
    }
    // Also if it reads all by an older key: a proof of the newest one says that it has taken that handshake.
    const isAsked = upTo < row.last || keys?.every(({ place }) => place < row.lastHandshake);
    if (keys !== undefined && isAsked) this.#lock(stream, keys, row.last - (stream.at ?? row.last));
  }

  #lock(stream: Stream, keys: readonly KeyRow[], behind: number): void {
    const { now, times } = this.#parts.settings;
    // While members may still write with a key of the client's, more may come.
    const access = keys.map((key) => key.access);
    const wait = patienceOfAll(access, now(), times.grace);
    const isFinal = wait < 0;
    if (!isFinal) {
      stream.timer = setTimeout(() => this.#tryPump(stream), Math.min(wait + 1, MAX_WAIT));
      stream.timer.unref();
    }
    this.#send({ kind: "locked", stream: stream.id, turn: stream.turn, isFinal, behind });
  }

  #pumpInbox(stream: Stream): void {
    const { logs } = this.#parts.groups;
    const last = logs.inboxLast(this.account.id);
    stream.at ??= seqOf(stream.after, last, 0);
    const found = stream.at < last ? logs.inboxAfter(this.account.id, stream.at) : [];
    const newest = found.at(-1)?.seq;
    if (newest === undefined && stream.batches > 0) return;
    // What isn't there was cleared.
    stream.at = newest ?? last;
    const entries = found.map(({ entry }) => entry);
    this.#sent(stream, { kind: "welcomes", stream: stream.id, entries, behind: last - stream.at });
  }

  #sent(stream: Stream, frame: AnswerFrame): void {
    stream.batches += 1;
    stream.isWanted = false;
    stream.waiting = this.#send(frame);
    this.#waiting += stream.waiting;
  }

  /** All its subscriptions end. */
  end(): void {
    for (const id of [...this.#streams.keys()]) this.#end(id);
  }

  /** Says that the service is there: pages can't see the pings of the protocol. */
  sayAlive(): void {
    this.#send({ kind: "alive" });
  }
}

/** What ends a socket, in the words of RFC 6455 §7.4.1. */
export const closeCode = (error: unknown): number =>
  error instanceof DeliveryError && error.code === "limit" ? 1013 : 1008;
