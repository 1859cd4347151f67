// RFC 9420 §14: commits that fit no branch that is kept. Either they are junk, or others went on from an epoch that this client can't leave any more:
// then the newest GroupInfo shows where they are, and this client joins again there.
import { equalBytes } from "@copse/core";
import { joinAgain } from "../conversation/reach.js";
import type { Early, Room } from "../conversation/room.js";
import { Backoff, pause } from "../messenger/platform.js";
import { DeliveryError } from "../service.js";
import type { Branches } from "./branches.js";

/** How often it is looked. */
const ROUNDS = 10;

export class Elsewhere {
  readonly #room: Room;
  readonly #branches: Branches;
  readonly #patience: number;
  #running: Promise<void> | undefined;
  /** The number of the last commit because of which this was done. */
  #looked = 0;

  /** @param patience for how many milliseconds a commit may wait for the one that it follows */
  constructor(room: Room, branches: Branches, patience: number) {
    this.#room = room;
    this.#branches = branches;
    this.#patience = patience;
  }

  /** Looks, after a while, if there are commits that still fit no branch. */
  raise(): void {
    const newest = this.#newest();
    if (newest <= this.#looked || this.#running !== undefined) return;
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async idle(): Promise<void> {
    await this.#running;
  }

  /** The number of the newest commit that waits. */
  #newest(): number {
    const { group, early } = this.#room;
    if (group === undefined || !group.active) return 0;
    const isStrange = ({ kind, epoch }: Early) =>
      kind === "handshake" && !this.#branches.mayBeOut(group, epoch);
    const waiting = early.filter(isStrange);
    return Math.max(0, ...waiting.map(({ number }) => number));
  }

  async #run(): Promise<void> {
    const room = this.#room;
    const { host } = room;
    const backoff = new Backoff(host.limits);
    let wait = this.#patience;
    for (let i = 0; i < ROUNDS; i++) {
      await pause(wait, room.signal);
      wait = backoff.next();
      if (room.isEnded || room.lost !== undefined || room.record.state !== "active") return;
      const newest = this.#newest();
      if (newest === 0) return;
      this.#looked = newest;
      try {
        if (await this.#look()) return;
      } catch (cause) {
        if (room.isEnded) return;
        if (!(cause instanceof DeliveryError && cause.retry === "later"))
          room.problem("delivery", "the newest GroupInfo can't be had", { retry: i + 1 < ROUNDS, cause });
      }
    }
  }

  /** @returns whether this client joins again */
  async #look(): Promise<boolean> {
    const room = this.#room;
    const { host, groupId, keys, signal } = room;
    const published = await host.service.groupInfo(groupId, { signal });
    const judged = published && (await host.judge(published.groupInfo));
    const { group } = room;
    if (published === undefined || group === undefined || !group.active || room.isInDoubt) return false;
    const isHere =
      judged?.epoch === group.epoch &&
      equalBytes(judged.confirmedTranscriptHash, group.confirmedTranscriptHash);
    if (isHere) return false;
    const isOther =
      judged !== undefined &&
      equalBytes(judged.groupId, groupId) &&
      !this.#branches.has(group, judged.confirmedTranscriptHash);
    // Of two sides, the one that went further stays.
    if (isOther && judged.epoch >= group.epoch) {
      joinAgain(room, "the others took commits that this client can't take any more");
      return true;
    }
    const groupInfo = await group.groupInfo({ signal });
    const { handshake } = published;
    await host.service.publishGroupInfo(groupId, { groupInfo, handshake }, keys.source, { signal });
    return false;
  }
}
