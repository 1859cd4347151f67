// A stream, read from a place on: in batches, each as large as what is there, within bounds.
import { Ending } from "@copse/delivery/rules";
import { type Batch, type CallOptions, DeliveryError } from "@copse/delivery/service";
import type { Consumer, ConsumerMessages, JsMsg } from "@nats-io/jetstream";
import { isTimeout } from "./errors.js";
import { fromDelivered, type Link, type Received } from "./link.js";

/** Entries of a batch, and how many the server sends ahead. */
const ENTRIES = 100;
/** A batch is ended by what makes it larger than this. */
const BYTES = 1024 * 1024;
/** For how long the server keeps a request for messages, in milliseconds. */
const EXPIRES = 30_000;

/** If nothing comes for so long, though there should be more, the log itself is asked, in milliseconds. */
const STALL = 100;

/** How often that is done before the consumer is given up: it may be on a server that doesn't come any further. */
const STALLS = 100;
/**
 * How often a leader is asked again that doesn't answer in time. Its answer comes behind what the server has sent ahead, and that takes
 * long on a slow line.
 */
const PATIENCE = 12;

/** What is read. */
export interface Reading extends CallOptions {
  readonly stream: string;
  /** May have wildcards. */
  readonly subject: string;
  readonly from: number;
}

/**
 * Reads, and goes on with what comes. The first batch comes at once, be it empty.
 * @param heartbeat how often the server says that it is there, in milliseconds: if it doesn't twice, it is lost
 * @throws DeliveryError `unavailable` if the connection or the consumer is lost: what came before is returned first
 */
export async function* read(
  link: Link,
  reading: Reading,
  heartbeat: number,
): AsyncGenerator<Batch<Received>> {
  const failed = new Ending();
  // Before anything waits: what is lost from now on ends it.
  const { lost } = link;
  const onLost = () => failed.abort(lost.reason);
  lost.addEventListener("abort", onLost);
  let consumer: Consumer | undefined;
  let messages: ConsumerMessages | undefined;
  try {
    const { stream, subject, from } = reading;
    consumer = await link.run(reading, () => link.consumer(stream, subject, from), failed);
    const { num_pending: pending } = await consumer.info(true);
    messages = await consumer.consume({ max_messages: ENTRIES, expires: EXPIRES, idle_heartbeat: heartbeat });
    // It ends with what is read.
    watch(messages, failed).catch(() => undefined);
    const delivered = new Delivered(link, reading, messages[Symbol.asyncIterator](), pending);
    if (pending === 0) yield { entries: [], behind: 0 };
    for (;;) {
      const entries: Received[] = [];
      const end = await link
        .run(reading, () => delivered.gather(entries), failed)
        .then(
          () => undefined,
          (error: unknown) => ({ error }),
        );
      const isLost = end?.error instanceof DeliveryError && end.error.code === "unavailable";
      if (end === undefined || (isLost && entries.length > 0)) yield { entries, behind: delivered.behind };
      if (end !== undefined) throw end.error;
    }
  } finally {
    lost.removeEventListener("abort", onLost);
    // The server forgets the consumer by itself if it isn't told, or this doesn't reach it.
    if (!link.endsConnection) {
      messages?.stop();
      consumer?.delete().catch(() => undefined);
    }
  }
}

/** What a consumer delivers, and how much of it is still to come. */
class Delivered {
  readonly #link: Link;
  readonly #reading: Reading;
  readonly #messages: AsyncIterator<JsMsg>;
  /** How many the server says that there are, and of these, how many there aren't. */
  #pending: number;
  #surplus = 0;
  #last: number;
  #next: Promise<IteratorResult<JsMsg>> | undefined;

  constructor(link: Link, reading: Reading, messages: AsyncIterator<JsMsg>, pending: number) {
    this.#link = link;
    this.#reading = reading;
    this.#messages = messages;
    this.#pending = pending;
    this.#last = reading.from - 1;
  }

  get behind(): number {
    return Math.max(0, this.#pending - this.#surplus);
  }

  /** Puts what is there into a batch. If nothing is, it waits. */
  async gather(entries: Received[]): Promise<void> {
    let size = 0;
    let stalls = 0;
    do {
      this.#next ??= this.#messages.next();
      const next = await (this.behind > 0 ? within(STALL, this.#next) : this.#next);
      if (next === undefined) {
        if (++stalls > STALLS)
          throw new DeliveryError("unavailable", "a server of NATS doesn't deliver what there is");
        if (await this.#isMore()) continue;
        // A server that was killed may count some twice.
        this.#surplus = this.#pending;
        return;
      }
      this.#next = undefined;
      stalls = 0;
      if (next.done === true) throw new DeliveryError("unavailable", "NATS has ended what was read");
      const message = fromDelivered(next.value);
      entries.push(message);
      size += message.data.length;
      this.#last = message.sequence;
      this.#pending = next.value.info.pending;
    } while (this.behind > 0 && entries.length < ENTRIES && size < BYTES);
  }

  async #isMore(): Promise<boolean> {
    const { stream, subject } = this.#reading;
    return (await patiently(() => this.#link.first(stream, subject, this.#last + 1))) !== undefined;
  }
}

async function patiently<T>(request: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++)
    try {
      return await request();
    } catch (error) {
      if (!isTimeout(error) || tries >= PATIENCE) throw error;
    }
}

/** @returns `undefined` if it takes longer */
async function within<T>(milliseconds: number, work: Promise<T>): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function watch(messages: ConsumerMessages, failed: Ending): Promise<void> {
  for await (const { type } of messages.status())
    if (
      type === "heartbeats_missed" ||
      type === "no_responders" ||
      type === "consumer_deleted" ||
      type === "stream_not_found"
    )
      failed.abort(new DeliveryError("unavailable", `the consumer at NATS was lost: ${type}`));
}
