// RFC 9420 §14, RFC 9750 §5.2: a commit that the service took and this client refuses. Either all honest members refuse it
// alike; or others took it, and this client can't tell. What the group's newest GroupInfo says decides.
import { equalBytes } from "@copse/core";
import { pause } from "../messenger/platform.js";
import { DeliveryError } from "../service.js";
import type { JudgedGroupInfo } from "./host.js";
import type { Room } from "./room.js";

/** For how many epochs it is remembered that a commit was refused that others may have taken. */
const REMEMBERED = 3n;

export class Doubt {
  readonly #room: Room;
  #running: Promise<void> | undefined;
  /** The handshake for which this was settled last. */
  #settled: string | undefined;
  /** In how many of the next rounds this client lets others go first. */
  #patience = 0;

  constructor(room: Room) {
    this.#room = room;
  }

  /** Looks, soon, whether others are in another epoch. @param isRefused whether a commit was refused */
  raise(isRefused: boolean): void {
    const { last } = this.#room.record;
    if (!isRefused && this.#settled === last) return;
    if (isRefused) this.#patience = this.#isAlone ? 3 : 0;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async idle(): Promise<void> {
    await this.#running;
  }

  get #isAlone(): boolean {
    const { record, group } = this.#room;
    return (
      record.alone !== undefined && group !== undefined && group.epoch - BigInt(record.alone) < REMEMBERED
    );
  }

  async #run(): Promise<void> {
    const room = this.#room;
    const { limits, signal } = room.host;
    for (let i = 0; !room.isEnded && i < 10; i++) {
      // One of the members is enough.
      await pause(Math.random() * limits.firstWait * 2 ** Math.min(i, 5), signal);
      if (room.isEnded || room.lost !== undefined || room.record.state !== "active") return;
      try {
        if (await this.#look()) return;
      } catch (error) {
        if (room.isEnded) return;
        const retry = error instanceof DeliveryError && error.retry;
        if (!retry)
          room.problem("delivery", "the newest GroupInfo can't be had", { retry: i < 9, cause: error });
      }
    }
  }

  /** @returns whether it is settled */
  async #look(): Promise<boolean> {
    const room = this.#room;
    const { host, groupId } = room;
    const published = await host.service.groupInfo(groupId, { signal: host.signal });
    const { last } = room.record;
    // What came since is read first: it may settle everything.
    if (published !== undefined && published.handshake !== last) return false;
    const judged = published && (await host.judge(published.groupInfo));
    const { group, record } = room;
    if (group === undefined || record.last !== last || !group.active) return false;
    if (judged !== undefined && this.#isHere(judged)) return this.#end(last);
    const isElsewhere = judged !== undefined && equalBytes(judged.groupId, groupId);
    if (this.#isAlone && isElsewhere && judged.epoch > group.epoch - (record.taken ? 1n : 0n)) {
      room.lost = "others took a commit that this client couldn't take";
      room.tellState();
      room.readAgain();
      return this.#end(last);
    }
    // Whoever took the commit may publish the right one.
    if (this.#patience-- > 0) return false;
    const { signal } = host;
    const groupInfo = await group.groupInfo({ signal });
    if (room.record.last !== last) return false;
    await host.service.publishGroupInfo(groupId, { groupInfo, handshake: last }, room.keySource, { signal });
    return this.#end(last);
  }

  /** Whether a GroupInfo is that of the epoch in which this client is. */
  #isHere({ epoch, treeHash, confirmedTranscriptHash }: JudgedGroupInfo): boolean {
    const { group } = this.#room;
    return (
      group !== undefined &&
      epoch === group.epoch &&
      equalBytes(treeHash, group.treeHash) &&
      equalBytes(confirmedTranscriptHash, group.confirmedTranscriptHash)
    );
  }

  #end(handshake: string): boolean {
    this.#settled = handshake;
    return true;
  }
}
