// RFC 9420 §14, RFC 9750 §5.2: a commit that the service took and this client refuses. Either all honest members refuse it
// alike; or others took it, and this client can't tell. What the group's newest GroupInfo says decides.
import { type Group, toHex } from "@copse/core";
import { Again, Backoff, later, pause } from "../messenger/platform.js";
import { DeliveryError } from "../service.js";
import type { JudgedGroupInfo } from "./host.js";
import { finished, joinAgain, locked, withKey } from "./reach.js";
import type { Room } from "./room.js";
import { isHere } from "./trust.js";

/** For how many epochs it is remembered that a commit was refused that others may have taken. */
const REMEMBERED = 3n;
/** After how many handshakes that this client refused, they are believed to be the others'. */
const MOST_REFUSED = 3;
/**
 * How often it is looked whether others put the right GroupInfo in the place of one: by who is alone, whether those who took the
 * commit do; by anybody else, before it is followed, whether those do who are where this client is.
 */
const PATIENCE = 5;
/** How often it is looked at once at what the service has for the last handshake, and that settles nothing. */
const ROUNDS = 12;
/** After these it is looked again and again: after how many of the longest waits at most. */
const SELDOM = 20;

/**
 * Whether a GroupInfo is of a longer way than that of this client. Of two sides that refuse each other's commits, only one may
 * follow the other: that whose way is shorter, or, if they are as long, whose hash is lower.
 */
function isLonger({ epoch, confirmedTranscriptHash }: JudgedGroupInfo, group: Group): boolean {
  if (epoch !== group.epoch) return epoch > group.epoch;
  return toHex(confirmedTranscriptHash) > toHex(group.confirmedTranscriptHash);
}

export class Doubt {
  readonly #room: Room;
  readonly #again = new Again(() => this.#run());
  /** Whether it was raised since it began to look. */
  #isRaised = false;
  #isLooking = false;
  /** The handshake for which this was settled last. */
  #settled: string | undefined;
  /** In how many of the next rounds this client lets others go first. */
  #patience = 0;
  readonly #seldom: Backoff;
  #callOff: () => void = () => undefined;

  constructor(room: Room) {
    this.#room = room;
    const { longestWait } = room.host.limits;
    this.#seldom = new Backoff({ firstWait: longestWait, longestWait: SELDOM * longestWait });
  }

  /** Looks, soon, whether others are in another epoch. @param isRefused whether a commit was refused */
  raise(isRefused: boolean): void {
    const room = this.#room;
    // Where nobody orders, commits are compared instead, and that alone says when it is settled.
    if (room.host.settling !== undefined) return;
    const isSettled = this.#settled === room.record.last && room.record.unfinished === undefined;
    if (!isRefused && isSettled) return;
    // In a busy group it would begin anew with each handshake, and never follow.
    if (isRefused && room.record.refused < MOST_REFUSED) this.#patience = PATIENCE;
    // Until it is settled, what it says might be heard by nobody.
    if (isRefused && this.#isAlone) {
      room.isInDoubt = true;
      room.tellState();
    }
    this.#isRaised = true;
    this.#seldom.reset();
    this.#again.wake();
  }

  /** Looks after a restart, if there is a reason. */
  resume(): void {
    if (!this.#room.record.taken) this.raise(true);
    else if (this.#isOpen) this.raise(false);
  }

  /** Whether it looks, or is about to. */
  get isLooking(): boolean {
    return this.#isRaised || this.#isLooking;
  }

  /** Looks no more. */
  end(): void {
    this.#callOff();
  }

  idle(): Promise<void> {
    return this.#again.idle();
  }

  /**
   * Whether others may be in another epoch, for all that this client has read. What it is shown doesn't say otherwise: it takes
   * enough commits of others in a row, or joins again.
   */
  get #isOpen(): boolean {
    const { record, host } = this.#room;
    if (host.settling !== undefined) return false;
    return this.#isAlone || record.refused > 0 || record.unfinished !== undefined;
  }

  get #isAlone(): boolean {
    const { record, group } = this.#room;
    return (
      record.alone !== undefined && group !== undefined && group.epoch - BigInt(record.alone) < REMEMBERED
    );
  }

  async #run(): Promise<void> {
    const room = this.#room;
    this.#callOff();
    const rounds = this.#isRaised ? ROUNDS : 1;
    this.#isRaised = false;
    this.#isLooking = true;
    await this.#settle(rounds);
    this.#isLooking = false;
    // Then this runs once more.
    if (this.#isRaised) return;
    room.isInDoubt = false;
    room.tellState();
    room.wake();
    room.host.settles();
    // What it was shown may have been wrong, and no entry comes that says so.
    if (this.#isOpen && !room.isEnded) this.#callOff = later(this.#seldom.next(), () => this.#again.wake());
  }

  async #settle(rounds: number): Promise<void> {
    const room = this.#room;
    const { signal } = room;
    const { limits } = room.host;
    const backoff = new Backoff(limits);
    const isOver = () => room.isEnded || room.lost !== undefined || room.record.state !== "active";
    for (let round = 0; round < rounds; ) {
      // One of the members is enough.
      await pause(Math.random() * limits.firstWait * 2 ** Math.min(round, 4), signal);
      if (isOver()) return;
      try {
        const found = await this.#look();
        if (found === "settled") return;
        round++;
        if (found === "open") backoff.reset();
        else await pause(backoff.next(), signal);
      } catch (error) {
        if (room.isEnded) return;
        await room.recover(error);
        // As long as the service can't be asked, nothing is settled.
        const retry = error instanceof DeliveryError && error.retry === "later";
        if (!retry) this.#failed(error, ++round < rounds || this.#isOpen);
        await pause(backoff.next(error), signal);
      }
    }
  }

  #failed(cause: unknown, retry: boolean): void {
    this.#room.problem("delivery", "the newest GroupInfo can't be had", { retry, cause });
  }

  /** @returns `behind` if there is something to be read first */
  async #look(): Promise<"settled" | "open" | "behind"> {
    const room = this.#room;
    const { host, groupId } = room;
    const { unfinished } = room.record;
    const published = await host.service.groupInfo(groupId, { signal: room.signal });
    const { last } = room.record;
    // By that the service has finished what it hadn't: not where it is behind.
    if (published?.handshake === last) await finished(room, unfinished);
    const isNewest = published === undefined || published.handshake === last;
    const unread = isNewest ? 0 : await locked(room);
    // What came since is read first, if it can be: it may settle everything.
    if (!isNewest && unread === 0) return "behind";
    const judged = published && (await host.judge(published.groupInfo));
    const { group, record } = room;
    if (group === undefined || record.last !== last || !group.active) return "behind";
    const isSame = judged !== undefined && isHere(group, judged);
    if (isSame) await room.out.isOver("out");
    const isElsewhere = !isSame && judged !== undefined && this.#mustFollow(judged, unread);
    const refusal = isElsewhere ? await room.turn(() => room.refuses(judged)) : undefined;
    if (refusal !== undefined) room.refusedToFollow(refusal);
    else if (isElsewhere && !this.#isAlone && this.#patience-- > 0) return "open";
    else if (isElsewhere) {
      joinAgain(room, "the others took a commit that this client didn't take");
      return this.#end(last);
    }
    // One that is refused only for a while isn't put out of the way.
    if (refusal?.isForNow === true || !isNewest) return "behind";
    // Whoever took the commit publishes the right one.
    if (this.#isAlone && !record.taken && this.#patience-- > 0) return "open";
    // Once: what others put in its place is right for all that this client knows.
    if (!isSame && this.#settled !== last) await this.#publish(group, last);
    return this.#end(last);
  }

  /**
   * Whether the others are where a GroupInfo is, as far as this client can tell.
   * @param unread how many entries it can't read
   */
  #mustFollow(judged: JudgedGroupInfo, unread: number): boolean {
    const { record, group, trust } = this.#room;
    const { epoch } = judged;
    if (group === undefined) return false;
    // No more epochs can have passed than there were handshakes.
    if (epoch > group.epoch + BigInt(record.refused + unread)) return false;
    const isExpected = trust.isExpected(judged);
    if (isExpected === true && this.#isAlone) return epoch >= group.epoch;
    if (isExpected === false) return false;
    // Who was led here by a GroupInfo alone is on no side yet: nobody may be here who could go instead.
    if (record.unheard === true && record.refused > 0) return epoch >= group.epoch;
    if (!isLonger(judged, group)) return false;
    if (record.refused >= MOST_REFUSED) return true;
    // A later epoch than the one that is expected can't be told from what somebody made up.
    return this.#isAlone && (!record.taken || unread > 0);
  }

  async #publish(group: Group, handshake: string): Promise<void> {
    const { host, groupId, keys, signal } = this.#room;
    const groupInfo = await group.groupInfo({ signal });
    if (this.#room.record.last === handshake)
      await withKey(this.#room, () =>
        host.service.publishGroupInfo(groupId, { groupInfo, handshake }, keys.source, { signal }),
      );
  }

  #end(handshake: string): "settled" {
    this.#settled = handshake;
    return "settled";
  }
}
