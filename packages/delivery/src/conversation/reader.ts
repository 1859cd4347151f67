// RFC 9750 §5.2: the log of a group, read in order: what it says, where it was read to, and the state of MLS go into one write.
import { type Group, type Member, MlsError, type Outcome, type Received, toHex } from "@copse/core";
import { type AbortControllerLike, Backoff, newAbortController, pause } from "../messenger/platform.js";
import { isOfItsKind } from "../rules/framing.js";
import { type Batch, DeliveryError, type LogEntry } from "../service.js";
import { type Anew, type Before, beforeOf, type Difference, saidApart } from "./before.js";
import type { Joiner } from "./joiner.js";
import type { Outbox } from "./outbox.js";
import { Plan } from "./plan.js";
import { KEYS } from "./record.js";
import type { Early, Room } from "./room.js";
import type { Follower } from "./settling.js";

/** How often in a row a service may forbid reading, or not know the group or the place in its log, before this client joins anew. */
const TRIES = 4;

/** How many of the members look at the GroupInfo of a commit: so that one of them does it, almost surely. */
const CHECKERS = 4;

export class Reader {
  readonly #room: Room;
  readonly #outbox: Outbox;
  readonly #joiner: Joiner;
  /** Is called after a commit was refused, or when others seem to be elsewhere. */
  readonly #doubt: (isRefused: boolean) => void;
  /** Is called when all is read. */
  readonly #caughtUp: () => void;
  /** Takes the entries, where the service doesn't order them. */
  readonly #follower: Follower | undefined;
  #abort: AbortControllerLike = newAbortController();
  #running: Promise<void> | undefined;
  #done = 0;
  /** Why reading failed last. */
  #told: string | undefined;

  constructor(
    room: Room,
    outbox: Outbox,
    joiner: Joiner,
    doubt: (isRefused: boolean) => void,
    caughtUp: () => void,
    follower?: Follower,
  ) {
    this.#room = room;
    this.#outbox = outbox;
    this.#joiner = joiner;
    this.#doubt = doubt;
    this.#caughtUp = caughtUp;
    this.#follower = follower;
  }

  /** Begins to read, or begins again, from the record's cursor. */
  start(): void {
    this.#abort.abort();
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async end(): Promise<void> {
    this.#abort.abort();
    await this.#running;
    await this.#follower?.idle();
  }

  async #run(): Promise<void> {
    const room = this.#room;
    const backoff = new Backoff(room.host.limits);
    const { signal } = room;
    const onClose = () => this.#abort.abort();
    signal.addEventListener("abort", onClose);
    try {
      while (!room.isEnded) {
        this.#abort = newAbortController();
        try {
          if (room.lost !== undefined || room.record.state === "joining") await this.#joiner.join();
          if (!room.isEnded) await this.#read(backoff);
        } catch (error) {
          if (room.isEnded) return;
          // Begun again on purpose.
          if (this.#abort.signal.aborted) continue;
          await this.#failed(error, backoff);
        } finally {
          this.#isBehind();
        }
      }
    } finally {
      signal.removeEventListener("abort", onClose);
    }
  }

  #isBehind(): void {
    this.#room.caughtUp = false;
    this.#done = 0;
    if (!this.#room.isEnded) this.#room.tellState();
  }

  async #read(backoff: Backoff): Promise<void> {
    const room = this.#room;
    await room.turn(() => room.learn());
    const { host, groupId, record } = room;
    const { source: key } = room.keys;
    const { signal } = this.#abort;
    for await (const batch of host.service.subscribe({ groupId, after: record.cursor, key, signal })) {
      host.reached(true);
      await this.#take(batch);
      // That there is more than it may read is no success; nor that there is nothing, before it was refused to wait for more.
      const isCaughtUp = batch.behind === 0 && backoff.refusals === 0;
      if (batch.entries.length > 0 || isCaughtUp) backoff.reset();
      if (room.isEnded || signal.aborted) return;
    }
    throw new DeliveryError("unavailable", "the service ended the subscription");
  }

  async #failed(error: unknown, backoff: Backoff): Promise<void> {
    const room = this.#room;
    const code = error instanceof DeliveryError ? error.code : undefined;
    const isNew = backoff.count === 0 || this.#told !== code;
    this.#told = code;
    if (code === "forbidden") {
      if (room.keys.offerFormer()) return;
      room.keys.offerPresent();
    }
    if (isNew || code === undefined) room.failed("the group's log can't be read", error, true);
    else if (code === "unavailable" || code === "closed") room.host.reached(false, error);
    const isStrange = code === "forbidden" || code === "not-found" || code === "invalid";
    if (code === "expired") room.lost = "the service doesn't keep what came meanwhile";
    else if (isStrange && backoff.refusals >= TRIES)
      room.lost = `the service says: ${(error as Error).message}`;
    // Another commit may have ended the epoch, where it doesn't know this client's place any more.
    if (room.lost !== undefined && (code === "expired" || code === "invalid")) room.trust.expectAny();
    await room.recover(error);
    await pause(backoff.next(error), room.signal);
  }

  async #take({ entries, behind }: Batch<LogEntry>): Promise<void> {
    const room = this.#room;
    await this.#receiveAll(entries);
    if (!room.caughtUp && entries.length > 0 && !room.isEnded) {
      this.#done += entries.length;
      room.host.tell({ kind: "progress", conversation: room.conversation, done: this.#done, behind });
    }
    const isCurrent = !this.#abort.signal.aborted;
    if (isCurrent && behind === 0 && !room.caughtUp && room.record.state !== "joining") {
      room.caughtUp = true;
      this.#joiner.goesOn();
      // Nothing says that others are elsewhere.
      if (room.record.refused === 0) await room.out.isOver("out", "back");
      room.tellState();
      this.#caughtUp();
    }
    room.wake();
    room.host.settles();
  }

  async #receiveAll(entries: readonly LogEntry[]): Promise<void> {
    const room = this.#room;
    const follower = this.#follower;
    if (follower !== undefined && room.record.state !== "joining") {
      await follower.take(entries);
      return;
    }
    for (const segment of this.#segments(entries)) {
      await room.turn(() => this.#receive(segment));
      if (room.isEnded || room.lost !== undefined) return;
      if (follower === undefined || room.record.state === "joining") continue;
      // It has joined, and reads from the beginning.
      this.start();
      return;
    }
  }

  /** The entries in parts that are received in one write each. A part ends where the order needs care. */
  #segments(entries: readonly LogEntry[]): LogEntry[][] {
    const room = this.#room;
    let epoch = room.group?.epoch ?? 0n;
    const needsCare =
      room.record.state === "joining" ||
      room.early.length > 0 ||
      entries.some((one) => {
        if (one.kind === "handshake") epoch++;
        return one.kind === "message" && one.epoch > epoch;
      });
    // What has waited may be ripe, though nothing comes: it wasn't decided when it was read.
    if (entries.length === 0) return room.early.length > 0 && room.record.state !== "joining" ? [[]] : [];
    if (!needsCare) return [[...entries]];
    const parts: LogEntry[][] = [[]];
    for (const one of entries) {
      const last = parts.at(-1) as LogEntry[];
      if (one.kind === "message") last.push(one);
      else parts.push([one], []);
    }
    return parts.filter(({ length }) => length > 0);
  }

  async #receive(entries: readonly LogEntry[]): Promise<void> {
    const room = this.#room;
    if (room.isEnded || room.lost !== undefined) return;
    if (room.record.state === "joining") return this.#receiveJoining(entries);
    if (room.group === undefined) throw new MlsError("state", "this client has no state of the group");
    if (entries.length > 0) await this.#step(room.group, entries, false);
    await this.#retryEarly();
  }

  /** What is in the log before the own commit that joins isn't for this client. */
  async #receiveJoining(entries: readonly LogEntry[]): Promise<void> {
    const room = this.#room;
    const own = entries.find(({ id }) => id === room.record.pending?.id);
    const last = entries.at(-1) as LogEntry;
    if (room.joining === undefined) return;
    if (own === undefined) {
      await room.write({ ...room.record, cursor: last.cursor });
      return;
    }
    const before = this.#joiner.isNew ? undefined : await this.#membersBefore();
    const { joining } = room;
    const anew = this.#joiner.isNew ? {} : await this.#anew(joining, before);
    // The one that it takes the place of ends first: after a restart they don't know of each other.
    room.group = undefined;
    await room.deleteKnown(false);
    room.group = joining;
    room.joining = undefined;
    await this.#forgetEarly();
    try {
      await this.#step(joining, [own], false, anew);
    } finally {
      // Also if something fails that is written after it.
      if (room.record.state === "active") this.#joiner.done();
    }
  }

  /** What has waited is of epochs before the one in which this client joins. */
  async #forgetEarly(): Promise<void> {
    const room = this.#room;
    const { early, id } = room;
    if (early.length === 0) return;
    const keys = early.map(({ number }) => KEYS.earlyOne(id, number));
    await room.host.client.writeEntries(keys.map((key) => ({ key, value: undefined })));
    room.early = [];
    room.problem("dropped", `${early.length} messages that had waited can't be read`);
  }

  /** Who was there when this client was in the group last; `undefined`: nobody knows. */
  async #membersBefore(): Promise<readonly Member[] | undefined> {
    const room = this.#room;
    const { client } = room.host;
    const [known, joining] = [room.known(false), room.known(true)];
    if (room.group !== undefined || known === undefined || joining === undefined) return room.group?.members;
    // After a restart it isn't open: of two states of a group, one can be.
    await room.joining?.close();
    const before = await client.group(known).catch(() => undefined);
    await before?.close();
    room.joining = await client.group(joining);
    return before?.members;
  }

  async #anew(joining: Group, before: readonly Member[] | undefined): Promise<Anew> {
    return { difference: await this.#difference(joining, before), said: await saidApart(this.#room) };
  }

  /** Who came and went since this client was in the group last. */
  async #difference({ members: now }: Group, before: readonly Member[] | undefined): Promise<Difference> {
    const room = this.#room;
    const without = (all: readonly Member[], others: readonly Member[]) => {
      const keys = new Set(others.map(({ signatureKey }) => toHex(signatureKey)));
      return all.filter(({ signatureKey }) => !keys.has(toHex(signatureKey)));
    };
    if (before === undefined) return { added: await room.trust.strangers(now), removed: [] };
    return { added: without(now, before), removed: without(before, now) };
  }

  /** Receives entries, with all that follows from it, in one write. */
  async #step(group: Group, entries: readonly LogEntry[], isRetry: boolean, anew: Anew = {}): Promise<Plan> {
    const room = this.#room;
    // What it said apart is read once.
    const before: Before = { ...(await beforeOf(room, group, anew.said ? [] : entries)), ...anew };
    let plan!: Plan;
    let stuckAt = -1;
    const alongside = (outcomes: readonly Outcome<Received>[]) => {
      stuckAt = outcomes.findIndex(isUndecided);
      const stuck = outcomes[stuckAt];
      if (stuck?.status === "rejected") throw stuck.reason;
      plan = new Plan(room, this.#outbox, before, isRetry);
      for (const [i, outcome] of outcomes.entries()) plan.add(entries[i] as LogEntry, outcome);
      return plan.changes();
    };
    try {
      const messages = entries.map((entry) => (isOfItsKind(entry) ? entry.message : NOTHING));
      await group.receiveAll(messages, { alongside });
    } catch (error) {
      // What follows it may depend on it, and is told after it: so it is received after it.
      if (stuckAt > 0) await this.#step(group, entries.slice(0, stuckAt), isRetry, anew);
      throw error;
    }
    plan.apply();
    if (plan.isNewEpoch && (await this.#isChanged(plan))) await room.learn(plan.gone);
    // Some of those who take a commit look whether its GroupInfo is right, too.
    const isSample = plan.isNewEpoch && room.caughtUp && Math.random() < CHECKERS / group.members.length;
    if (plan.refused !== undefined) this.#doubt(true);
    else if (plan.isDoubtful || isSample) this.#doubt(false);
    return plan;
  }

  /** Whether there are other members now, or members with other keys. */
  async #isChanged({ hasNewMembers, committers }: Plan): Promise<boolean> {
    return hasNewMembers || (await this.#room.trust.strangers(committers)).length > 0;
  }

  /** Receives what has waited, for as long as that leads to another epoch. */
  async #retryEarly(): Promise<void> {
    const room = this.#room;
    while (room.early.length > 0 && !room.isEnded) {
      const { group } = room;
      if (group === undefined) return;
      const commit = room.early.find((one) => one.kind === "handshake");
      const isBefore = (one: Early) => commit === undefined || one.number <= commit.number;
      const ripe = room.early.filter(
        (one) => one.kind === "handshake" || (one.epoch <= group.epoch && isBefore(one)),
      );
      if (ripe.length === 0) return;
      const count = room.early.length;
      const plan = await this.#step(group, ripe, true);
      if (!plan.isNewEpoch && room.early.length === count) return;
    }
  }
}

/** Whether an outcome says nothing about the entry: it is read again. */
const isUndecided = (one: Outcome<Received>): boolean =>
  one.status === "rejected" && (!(one.reason instanceof MlsError) || one.reason.retry === "now");

/** Takes the place of an entry that isn't what it says it is: not all services look. */
const NOTHING = new Uint8Array();
