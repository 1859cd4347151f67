// RFC 9420 §14: the log of a group whose entries come to each member in another order. Commits are staged where they belong; after a while
// the one that counts is taken, and another one later, if that comes and counts.
import { equalBytes, type Group, MlsError, type Outcome, type Received } from "@copse/core";
import { peek, stageProposal } from "@copse/core/rewind";
import { type Before, beforeOf } from "../conversation/before.js";
import type { Outbox } from "../conversation/outbox.js";
import { Plan } from "../conversation/plan.js";
import { KEYS } from "../conversation/record.js";
import type { Early, Room } from "../conversation/room.js";
import type { Follower } from "../conversation/settling.js";
import type { Wishes } from "../conversation/wishes.js";
import { problemOf } from "../messenger/errors.js";
import { Backoff, pause } from "../messenger/platform.js";
import { readFraming } from "../rules/framing.js";
import { DeliveryError, type LogEntry } from "../service.js";
import { announce } from "./announcements.js";
import { Branches, type Contender } from "./branches.js";
import { changeOver } from "./change-over.js";
import { Elsewhere } from "./elsewhere.js";

/** How many commits wait for their place. */
const MAX_COMMITS = 32;
/** With so many commits of an epoch, or so many one after the other, nothing more is waited for: there is room for 16. */
const MOST_BESIDE = 8;
const MOST_AHEAD = 3;
/** A message that was received, or isn't for this client. */
const FINAL: readonly string[] = ["duplicate", "removed", "closed"];

const isUndecided = (error: unknown): boolean =>
  !(error instanceof MlsError) || error.retry === "now" || error.code === "storage";

interface Header {
  readonly epoch: bigint;
  readonly contentType: "application" | "proposal" | "commit";
}

/** What is encrypted, and what isn't, says its epoch: the service may say another one. */
function headerOf(message: Uint8Array): Header | undefined {
  const read = readFraming(message);
  return read && "contentType" in read ? read : undefined;
}

export class UnorderedFollower implements Follower {
  readonly #room: Room;
  readonly #outbox: Outbox;
  readonly #wishes: Wishes;
  readonly #branches: Branches;
  readonly #elsewhere: Elsewhere;
  readonly #after: number;
  #running: Promise<void> | undefined;
  /** What runs, also when it is nearly over. */
  #last: Promise<void> | undefined;

  constructor(
    room: Room,
    outbox: Outbox,
    wishes: Wishes,
    options: {
      readonly compare: (a: Contender, b: Contender) => number;
      readonly after: number;
      readonly patience: number;
    },
  ) {
    this.#room = room;
    this.#outbox = outbox;
    this.#wishes = wishes;
    this.#branches = new Branches(room, options.compare);
    this.#elsewhere = new Elsewhere(room, this.#branches, options.patience);
    this.#after = options.after;
  }

  reset(): void {
    this.#branches.reset();
  }

  async idle(): Promise<void> {
    await this.#last;
    await this.#elsewhere.idle();
  }

  async take(entries: readonly LogEntry[]): Promise<void> {
    const room = this.#room;
    const isOver = () => room.isEnded || room.lost !== undefined;
    for (const entry of entries) {
      await room.turn(async () => {
        if (!isOver()) await this.#takeOne(entry);
      });
      if (isOver()) return;
    }
    await room.turn(async () => {
      if (isOver()) return;
      await this.#branches.load();
      const cursor = entries.at(-1)?.cursor ?? room.record.cursor;
      if (room.record.cursor !== cursor) await room.write({ ...room.record, cursor });
      await this.#hold();
    });
    this.#elsewhere.raise();
  }

  #group(): Group {
    const { group } = this.#room;
    if (group === undefined) throw new MlsError("state", "this client has no state of the group");
    return group;
  }

  async #takeOne(said: LogEntry): Promise<void> {
    const group = this.#group();
    await this.#branches.load();
    const header = headerOf(said.message);
    const isCommit = header?.contentType === "commit";
    // What nobody can read any more, and junk: the cursor is written with what follows.
    if (header === undefined || isCommit !== (said.kind === "handshake")) return;
    const floor = this.#branches.floor(group);
    const isBefore = said.time < this.#room.record.joined;
    if (header.epoch < floor && (isCommit || isBefore)) return;
    const entry = { ...said, epoch: header.epoch };
    if (isCommit) await this.#commit(group, entry);
    else await this.#message(group, entry, header, false);
    if (header.contentType === "proposal") await this.#retry(group);
  }

  async #commit(group: Group, entry: LogEntry): Promise<void> {
    const became = await this.#branches.stage(group, entry, undefined);
    if (became === "waits") await this.#keep(group, entry);
    if (became !== "staged") return;
    await this.#retry(group);
    await this.#hold();
    const way = this.#branches.way(group);
    if (way.length > MOST_AHEAD || this.#branches.width(group) >= MOST_BESIDE) await this.#goOn(group);
  }

  /** Receives a message of the present epoch or an earlier one, or looks at one of another branch. */
  async #message(group: Group, entry: LogEntry, header: Header, isRetry: boolean): Promise<void> {
    const before = await beforeOf(this.#room, group, [entry]);
    let plan: Plan | undefined;
    let failure: MlsError | undefined;
    const isLast = entry.epoch <= this.#branches.floor(group);
    await group.receiveAll([entry.message], {
      alongside: ([outcome]) => {
        plan = undefined;
        failure = undefined;
        if (outcome?.status === "rejected") {
          if (isUndecided(outcome.reason)) throw outcome.reason;
          failure = outcome.reason as MlsError;
          if (!FINAL.includes(failure.code)) return [];
        }
        plan = this.#plan(entry, outcome as Outcome<Received>, before, isRetry);
        return plan.changes();
      },
    });
    if (plan !== undefined) plan.apply();
    else if (failure !== undefined)
      await this.#ofAnother(group, entry, header, { failure, isRetry, isLast, before });
  }

  async #ofAnother(
    group: Group,
    entry: LogEntry,
    header: Header,
    {
      failure,
      isRetry,
      isLast,
      before,
    }: { failure: MlsError; isRetry: boolean; isLast: boolean; before: Before },
  ): Promise<void> {
    const value = header.contentType === "proposal" ? undefined : await this.#look(group, entry);
    const isPlaced = header.contentType === "proposal" && (await this.#placeProposal(group, entry));
    let plan: Plan;
    if (value !== undefined) plan = this.#plan(entry, { status: "fulfilled", value }, before, isRetry);
    else if (isLast) plan = this.#plan(entry, { status: "rejected", reason: failure }, before, isRetry);
    else {
      plan = new Plan(this.#room, this.#outbox, before, isRetry);
      if (!isRetry) plan.record = { ...plan.record, cursor: entry.cursor };
      if (isPlaced) plan.waiting.end(entry);
      else plan.keep(entry);
    }
    await this.#write(plan);
  }

  #plan(entry: LogEntry, outcome: Outcome<Received>, before: Before, isRetry: boolean): Plan {
    const plan = new Plan(this.#room, this.#outbox, before, isRetry);
    plan.add(entry, outcome);
    return plan;
  }

  async #write(plan: Plan): Promise<void> {
    await this.#room.host.client.writeEntries(plan.changes());
    plan.apply();
  }

  /** What is said in a branch that has lost, by who is a member. On the way to the one that counts, it waits. */
  async #look(group: Group, { epoch, message }: LogEntry): Promise<Received | undefined> {
    const way = this.#branches.way(group).map(({ kept }) => kept.commit);
    for (const commit of this.#branches.leadingTo(group, epoch)) {
      if (way.includes(commit)) continue;
      try {
        const found = await peek(group, commit, message);
        const isHere = found.kind !== "application" || this.#isMember(group, found.sender.signatureKey);
        return isHere ? found : undefined;
      } catch (error) {
        if (isUndecided(error)) throw error;
      }
    }
    return undefined;
  }

  #isMember(group: Group, key: Uint8Array): boolean {
    return group.members.some(({ signatureKey }) => equalBytes(signatureKey, key));
  }

  async #placeProposal(group: Group, { epoch, message }: LogEntry): Promise<boolean> {
    const line = epoch <= group.epoch ? [epoch] : [];
    for (const on of [...line, ...this.#branches.leadingTo(group, epoch)]) {
      try {
        await stageProposal(group, message, { on });
        return true;
      } catch (error) {
        if (isUndecided(error)) throw error;
      }
    }
    return false;
  }

  /** Keeps a commit until its place is there. */
  async #keep(group: Group, entry: LogEntry): Promise<void> {
    const room = this.#room;
    const waiting = room.early.filter(({ kind }) => kind === "handshake");
    const plan = new Plan(room, this.#outbox, await beforeOf(room, group, []), false);
    plan.record = { ...plan.record, cursor: entry.cursor };
    const [oldest] = waiting;
    if (oldest !== undefined && waiting.length >= MAX_COMMITS) {
      plan.waiting.end(oldest);
      room.problem("junk", `a commit of epoch ${oldest.epoch} fits no branch`);
    }
    plan.keep(entry);
    await this.#write(plan);
  }

  /** Tries what has waited, for as long as that leads to another branch. */
  async #retry(group: Group): Promise<void> {
    const room = this.#room;
    for (let isNew = true; isNew && !room.isEnded; ) {
      isNew = false;
      await this.#dropOld(group);
      for (const one of room.early.filter(({ kind }) => kind === "handshake")) {
        const became = await this.#branches.stage(group, one, one);
        if (became === "staged") isNew = true;
        else if (became === "over") await this.#drop([one]);
      }
    }
    for (const one of room.early.filter(({ kind }) => kind === "message")) {
      const header = headerOf(one.message);
      if (room.isEnded || header === undefined) return;
      await this.#message(group, one, header, true);
    }
  }

  /** Commits of epochs that can't be left any more. */
  async #dropOld(group: Group): Promise<void> {
    const floor = this.#branches.floor(group);
    await this.#drop(this.#room.early.filter(({ kind, epoch }) => kind === "handshake" && epoch < floor));
  }

  async #drop(entries: readonly Early[]): Promise<void> {
    if (entries.length === 0) return;
    const room = this.#room;
    const keys = entries.map(({ number }) => KEYS.earlyOne(room.id, number));
    await room.host.client.writeEntries(keys.map((key) => ({ key, value: undefined })));
    room.early = room.early.filter((one) => !entries.includes(one));
  }

  /** Sends nothing until it is settled which commit counts. */
  async #hold(): Promise<void> {
    const room = this.#room;
    const { group } = room;
    if (group === undefined || this.#running !== undefined || room.isEnded) return;
    const announcements = await room.host.client.listEntries(KEYS.announcements(room.id));
    if (this.#branches.way(group).length === 0 && announcements.length === 0) return;
    room.isInDoubt = true;
    room.tellState();
    this.#running = this.#run();
    this.#last = this.#running;
  }

  async #run(): Promise<void> {
    const room = this.#room;
    const backoff = new Backoff(room.host.limits);
    // Nobody else is there when it begins.
    let wait = room.record.state === "starting" ? 0 : this.#after;
    while (!room.isEnded) {
      await pause(wait, room.signal);
      if (room.isEnded) return;
      try {
        await announce(room);
        if (await room.turn(() => this.#settle())) break;
        wait = 0;
      } catch (error) {
        if (room.isEnded) return;
        if (error instanceof DeliveryError && error.code === "unavailable") room.host.reached(false);
        await room.recover(error);
        room.problem(problemOf(error), "it couldn't be settled which commit counts", {
          retry: true,
          cause: error,
        });
        wait = backoff.next(error);
      }
    }
    room.tellState();
    room.wake();
    room.host.settles();
  }

  /** @returns whether it is settled, and nothing is to be announced */
  async #settle(): Promise<boolean> {
    const room = this.#room;
    const { group } = room;
    if (group !== undefined && !room.isEnded && room.lost === undefined && room.joining === undefined) {
      await this.#branches.load();
      if (await this.#goOn(group)) return false;
      const announcements = await room.host.client.listEntries(KEYS.announcements(room.id));
      if (announcements.length > 0) return false;
      await this.#branches.prune(group);
    }
    room.isInDoubt = false;
    this.#running = undefined;
    return true;
  }

  /** Takes the commit that counts. @returns whether that was another one */
  async #goOn(group: Group): Promise<boolean> {
    const way = this.#branches.way(group);
    if (way.length === 0) return false;
    const room = this.#room;
    await changeOver(
      { room, outbox: this.#outbox, wishes: this.#wishes, branches: this.#branches },
      group,
      way,
    );
    if (!room.isEnded) await this.#retry(group);
    return true;
  }
}
