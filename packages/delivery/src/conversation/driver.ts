// RFC 9750 §5.2.1: commits of this client. Each is staged, submitted, and merged when it comes back in the log.
import { type CommitOptions, MlsError } from "@copse/core";
import { epochKey } from "../messenger/epoch-key.js";
import { MessengerError, problemOf } from "../messenger/errors.js";
import { Again, Backoff, pause } from "../messenger/platform.js";
import { DeliveryError, type Handshake, type Submitted } from "../service.js";
import { claimFor, commitFor, partsOf, RENEWAL } from "./changes.js";
import type { Outbox } from "./outbox.js";
import { finished, withKey } from "./reach.js";
import { type Pending, recordChange, type Wish } from "./record.js";
import type { Room } from "./room.js";
import type { Wishes } from "./wishes.js";

/** How often in a row a service may forbid a commit, or be out of order, before it is given up. */
const TRIES = 12;
/** The same, where it has nothing to do with the group's epoch: to claim key packages, or to begin a group. */
const FEW_TRIES = 3;
const SECOND = 1000;

/** How much longer a commit may wait after a handshake that was passed over than for others' proposals: well within a grace time. */
const PASSED_WAIT = 5;

/** The service doesn't take a commit. */
class Refused extends MessengerError {}

export class Driver {
  readonly #room: Room;
  readonly #outbox: Outbox;
  readonly #wishes: Wishes;
  readonly #again = new Again(async () => {
    await this.#run();
    this.#room.host.settles();
  });
  readonly #backoff: Backoff;
  /** The submission that waits for its answer, and the wishes that came true by it meanwhile. */
  #submitted: Pending | undefined;
  #done: readonly number[] = [];
  /** Called when a commit is in force, and the service may not have finished it: it hasn't answered, and isn't asked any more. */
  readonly #unfinished: () => void;
  /** How many commits of this client came too late, since one didn't. */
  #losses = 0;
  /** Until when a commit is waited for. */
  #held: { readonly number: number; readonly until: number } | undefined;
  /** How many of the last ten commits were others'. */
  #others = 0;
  /** When others' proposals are committed, and in which epoch. */
  #due: { readonly epoch: bigint; readonly at: number } | undefined;
  /** When there is a commit after a handshake that was passed over, and which one that is. */
  #dueAfter: { readonly handshake: string; readonly at: number } | undefined;

  constructor(room: Room, outbox: Outbox, wishes: Wishes, unfinished: () => void) {
    this.#room = room;
    this.#unfinished = unfinished;
    this.#outbox = outbox;
    this.#wishes = wishes;
    this.#backoff = new Backoff(room.host.limits);
  }

  wake(): void {
    this.#again.wake();
  }

  idle(): Promise<void> {
    return this.#again.idle();
  }

  /** Whether a submission waits for its answer. */
  get isSubmitting(): boolean {
    return this.#submitted !== undefined;
  }

  /** All is read that the service has: what was answered and isn't there is submitted again. */
  recheck(): void {
    this.#room.answered = undefined;
    this.wake();
  }

  /** Answers whoever waits for what has come true. */
  end(): void {
    this.#wishes.ended(this.#done);
    this.#done = [];
  }

  /** A commit was merged: of this client, or another one before it. */
  merged(done: readonly number[], isLost: boolean, pending: Pending | undefined): void {
    const isUnderWay = pending !== undefined && pending === this.#submitted;
    if (!isLost && pending !== undefined && pending !== this.#room.answered && !isUnderWay)
      this.#unfinished();
    // Who has asked for it waits until the service has answered: it may still have Welcomes to deliver.
    if (isUnderWay && !isLost) this.#done = done;
    else this.#wishes.ended(done);
    this.#room.answered = undefined;
    this.#others = pending !== undefined && !isLost ? Math.max(0, this.#others - 1) : 10;
    if (!isLost) {
      if (done.length > 0) this.#losses = 0;
    } else {
      this.#losses++;
      const tries = this.#wishes.lost(pending?.wishes ?? []);
      if (tries >= this.#room.host.limits.tries) this.#giveUp(pending?.wishes ?? []);
    }
    this.wake();
  }

  #giveUp(numbers: readonly number[]): void {
    const { tries } = this.#room.host.limits;
    const error = new MessengerError("gave-up", `${tries} commits of others came first`);
    for (const wish of this.#room.wishes.filter(({ number }) => numbers.includes(number)))
      void this.#room.turn(() => this.#wishes.end(wish, error)).catch(() => undefined);
  }

  async #run(): Promise<void> {
    const room = this.#room;
    while (!room.isEnded) {
      try {
        if (!(await this.#step())) return;
      } catch (error) {
        if (room.isEnded) return;
        await room.recover(error);
        const message = "a commit couldn't be made or submitted";
        if (error instanceof DeliveryError) room.failed(message, error, true);
        else room.problem(problemOf(error), message, { retry: true, cause: error });
        await pause(this.#backoff.next(error), room.signal);
      }
    }
  }

  /** @returns whether there may be more to do */
  async #step(): Promise<boolean> {
    const room = this.#room;
    const { pending, state } = room.record;
    const starts = state === "starting";
    if (room.lost !== undefined || (starts ? room.isInDoubt : !room.isReady) || this.#isHeld()) return false;
    if (pending !== undefined) return pending !== room.answered && this.#submit(pending);
    const wish = room.wishes.find(({ kind }) => kind !== "leave" && (!starts || kind === "start"));
    if (wish !== undefined) return this.#forWish(wish);
    if (starts) return false;
    const leave = room.wishes.find(({ kind }) => kind === "leave");
    if (leave !== undefined && (await this.#leave(leave))) return true;
    return this.#ofItself();
  }

  /** Whether a commit waits for its proposals: for a while, nothing is put in its place. */
  #isHeld(): boolean {
    const room = this.#room;
    const waiting = room.early.find(({ kind }) => kind === "handshake");
    if (this.#held?.number !== waiting?.number)
      this.#held = waiting && {
        number: waiting.number,
        until: room.host.now() + 2 * room.host.limits.proposalWait,
      };
    const left = this.#held === undefined ? 0 : this.#held.until - room.host.now();
    if (left > 0) room.wakeIn(left);
    return left > 0;
  }

  async #forWish(wish: Wish): Promise<boolean> {
    const room = this.#room;
    try {
      let claimed = this.#wishes.claimed.get(wish.number);
      if (claimed === undefined && (wish.kind === "invite" || wish.kind === "start")) {
        claimed = await claimFor(room, wish.users);
        this.#backoff.reset();
        this.#wishes.claimed.set(wish.number, claimed);
      }
      await this.#fairWait();
      await room.turn(() => this.#stageFor(wish, claimed ?? new Map()));
    } catch (error) {
      if (await this.#leaveOut(error)) return true;
      if (!this.#isFinal(error)) throw error;
      const message = error instanceof Error ? error.message : String(error);
      const final = error instanceof MessengerError ? error : new MessengerError("refused", message, error);
      await room.turn(() => this.#wishes.end(wish, final));
    }
    return true;
  }

  /**
   * Leaves others' proposals out of the next commits of this epoch, if it may be because of them that one can't be made, or that the
   * service doesn't take it: others choose what they propose, and nobody could commit or say anything any more.
   * @returns whether there were any
   */
  async #leaveOut(cause: unknown): Promise<boolean> {
    const { group } = this.#room;
    const isTheirs = (cause instanceof MlsError && cause.retry === "never") || cause instanceof Refused;
    if (!isTheirs || group?.active !== true) return false;
    const others = group.proposals.filter(({ willCommit, message }) => willCommit && message === undefined);
    if (others.length === 0) return false;
    await group.dropProposals(others.map(({ reference }) => reference));
    const message = `${others.length} proposals of others are left out: no commit can be made with them`;
    this.#room.problem("delivery", message, { retry: true, cause });
    return true;
  }

  #isFinal(error: unknown): boolean {
    if (error instanceof DeliveryError) return error.retry === "never" && this.#backoff.refusals >= FEW_TRIES;
    if (error instanceof MlsError)
      return error.retry === "never" && error.code !== "closed" && error.code !== "removed";
    return error instanceof MessengerError;
  }

  /** Who has lost often waits less than the others. */
  async #fairWait(): Promise<void> {
    const { signal } = this.#room;
    const { firstWait } = this.#room.host.limits;
    const most = Math.min(this.#losses, 6);
    if (this.#losses > 0) await pause((Math.random() * firstWait * 4) / 2 ** most, signal);
    else if (this.#others > 0) await pause(Math.random() * firstWait * 2, signal);
  }

  async #stageFor(wish: Wish, claimed: ReadonlyMap<string, readonly Uint8Array[]>): Promise<void> {
    const room = this.#room;
    const { group } = room;
    if (group === undefined || !room.wishes.includes(wish)) return;
    if (room.record.state !== "starting" && !room.isReady) return;
    if (room.record.pending !== undefined) return;
    const wanted = await commitFor(room, group, wish, claimed);
    if (wanted === undefined) await this.#wishes.end(wish);
    else await this.#stage(wanted, [wish.number]);
  }

  async #stage(wanted: CommitOptions, wishes: readonly number[]): Promise<void> {
    const room = this.#room;
    const pending: Pending = { id: room.host.newId(), kind: "commit", after: room.record.last, wishes };
    const record = { ...room.record, pending };
    const alongside = () => [recordChange(room.id, record)];
    await room.group?.commit({ ...wanted, replacePending: true, alongside });
    room.record = record;
  }

  async #submit(pending: Pending): Promise<boolean> {
    const room = this.#room;
    const { signal } = room;
    const { service } = room.host;
    const handshake = await room.turn(() => this.#handshake(pending));
    if (handshake === undefined) return true;
    let answer: Submitted;
    this.#submitted = pending;
    try {
      answer = await withKey(room, () => service.submit(handshake, { signal }));
      room.host.reached(true);
    } catch (error) {
      if (room.record.pending !== pending) this.#unfinished();
      const isOver =
        error instanceof DeliveryError &&
        error.retry === "never" &&
        this.#backoff.refusals >= this.#tries(error);
      if (!isOver || signal.aborted) throw error;
      answer = { kind: "refused", reason: error.message };
    } finally {
      this.#submitted = undefined;
      this.end();
    }
    this.#backoff.reset();
    if (answer.kind === "refused") await room.turn(() => this.#refused(pending, answer.reason));
    else if (room.record.pending === pending) {
      // It, or the one that came first, is read in the log.
      room.answered = pending;
      if (room.record.state === "starting" && answer.kind === "stale")
        await room.turn(() => this.#refused(pending, "there is a group with this ID"));
      else if (room.record.state === "starting") room.readAgain();
    }
    if (answer.kind === "accepted") await finished(room, answer.cursor);
    return true;
  }

  /** How often a commit is submitted. Where it may be refused because of others' proposals, it isn't worth while. */
  #tries({ code }: DeliveryError): number {
    if (this.#room.record.state === "starting") return FEW_TRIES;
    const isWrong = code === "invalid" || code === "limit";
    const { proposals = [] } = this.#room.group?.staged.find(({ own }) => own) ?? {};
    return isWrong && proposals.some(({ reference }) => reference !== undefined) ? 0 : TRIES;
  }

  async #handshake(pending: Pending): Promise<Handshake | undefined> {
    const room = this.#room;
    const { group, groupId } = room;
    const { source: key } = room.keys;
    if (group === undefined || room.record.pending !== pending) return undefined;
    const staged = group.staged.find(({ own }) => own);
    if (staged === undefined) {
      await room.write({ ...room.record, pending: undefined });
      return undefined;
    }
    const { id, after } = pending;
    return {
      ...(await partsOf(staged, (epoch) => epochKey(room.host.provider, epoch, staged))),
      id,
      groupId,
      epoch: group.epoch,
      after,
      // Where nobody orders, they follow when it is clear that the commit counts.
      ...(room.host.settling && { welcomes: [] }),
      // The service knows no key of the first epoch.
      ...(after !== "" && { key }),
    };
  }

  /** The service doesn't take it. */
  async #refused(pending: Pending, reason: string): Promise<void> {
    const room = this.#room;
    if (room.record.pending !== pending) return;
    const record = { ...room.record, pending: undefined };
    const staged = room.group?.staged.find(({ own }) => own);
    if (staged === undefined) await room.write(record);
    else await staged.discard({ alongside: () => [recordChange(room.id, record)] });
    room.record = record;
    const error = new Refused("refused", `the service refuses the commit: ${reason}`);
    if (await this.#leaveOut(error)) return;
    for (const wish of room.wishes.filter(({ number }) => pending.wishes.includes(number)))
      await this.#wishes.end(wish, error);
    if (pending.wishes.length === 0) room.problem("delivery", error.message);
  }

  /** Asks the others to remove this client. @returns whether something was done */
  async #leave(wish: Wish): Promise<boolean> {
    const room = this.#room;
    return room.turn(async () => {
      const { group } = room;
      if (group === undefined || !room.isReady) return false;
      const own = group.ownLeafIndex;
      if (group.members.length === 1) {
        await room.write({ ...room.record, state: "left" });
        this.#wishes.ended([wish.number]);
        room.ended();
        return true;
      }
      const isAsked = group.proposals.some(
        ({ proposal, message }) => message !== undefined && "removed" in proposal && proposal.removed === own,
      );
      if (isAsked) return false;
      let added: ReturnType<Outbox["proposal"]> | undefined;
      const alongside = (message: Uint8Array<ArrayBuffer>) => {
        added = this.#outbox.proposal(message, group.epoch);
        return [added.change];
      };
      await group.propose({ remove: own }, { alongside });
      added?.add();
      this.#outbox.wake();
      return true;
    });
  }

  /** Commits others' proposals, and renews the own keys, when it is time. */
  async #ofItself(): Promise<boolean> {
    const room = this.#room;
    const { group } = room;
    if (group === undefined) return false;
    const now = room.host.now();
    const at = this.#dueAt(now);
    if (at === undefined) return false;
    if (at > now) {
      room.wakeIn(at - now);
      return false;
    }
    await room
      .turn(async () => {
        const isSame = room.isReady && room.record.pending === undefined && this.#dueAt(now) !== undefined;
        if (isSame) await this.#stage(RENEWAL, []);
      })
      .catch(async (error) => {
        if (!(await this.#leaveOut(error))) throw error;
      });
    return true;
  }

  #dueAt(now: number): number | undefined {
    const room = this.#room;
    const { group, record } = room;
    const { limits } = room.host;
    if (group === undefined) return undefined;
    const { epoch } = group;
    const times: number[] = [];
    if (group.proposals.some(({ willCommit }) => willCommit)) {
      // The first of the others wins. Who has something to say waits less.
      const longest = this.#outbox.isEmpty ? limits.proposalWait : limits.proposalWait / 10;
      if (this.#due?.epoch !== epoch) this.#due = { epoch, at: now + Math.random() * longest };
      times.push(this.#due.at);
    }
    if (room.keys.isUnknown || (!record.taken && record.refused > 0)) {
      // A service that knows who is a member has the key that a passed handshake gave it: soon it takes no other one.
      const { last: handshake } = record;
      if (this.#dueAfter?.handshake !== handshake)
        this.#dueAfter = { handshake, at: now + Math.random() * limits.proposalWait * PASSED_WAIT };
      times.push(this.#dueAfter.at);
    }
    // Not all at the same time.
    const spread = 1 + spreadOf(room.id, group.ownLeafIndex) / 4;
    if (group.members.length > 1 || record.commits > 0) {
      if (record.commits >= limits.updateAfterCommits * spread) times.push(now);
      times.push(record.renewed + limits.updateAfter * SECOND * spread);
    }
    return times.length === 0 ? undefined : Math.min(...times);
  }
}

/** A number from 0 to 1 that is each member's own. */
function spreadOf(id: string, leafIndex: number): number {
  const seed = (Number.parseInt(id.slice(0, 8), 16) || 0) + leafIndex * 0x9e3779b9;
  return (seed % 1009) / 1009;
}
