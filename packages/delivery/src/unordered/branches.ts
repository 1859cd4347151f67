// RFC 9420 §14: the commits of a group that were read, as a tree, and which of them counts.
import { type Bytes, type Group, MlsError, type StagedCommit, toHex } from "@copse/core";
import { type KeptCommit, keptCommits, type PlaceOptions, stageOn } from "@copse/core/rewind";
import { type EntryChange, KEYS, recordChange } from "../conversation/record.js";
import type { Early, Room } from "../conversation/room.js";
import { pack, unpack } from "../messenger/wire.js";
import type { LogEntry } from "../service.js";

/** A commit that was read in the log, as it is compared with others of its epoch. */
export interface Contender {
  readonly commit: StagedCommit;
  /** The transcript hash of the epoch that it starts: `Nh` bytes, the same for all members. */
  readonly hash: Bytes;
  /** That of its entry. Its sender has chosen it. */
  readonly id: string;
  /** Of its entry, in milliseconds since 1970. It is the same for all members only if the service sees to that. */
  readonly time: number;
}

/** What is known of a commit that was read. */
type Seen = Pick<LogEntry, "id" | "time" | "cursor">;

/** A commit that isn't in force, and its entry. */
export interface Step {
  readonly kept: KeptCommit;
  readonly entry: LogEntry;
}

/** Another place won't help. */
const FINAL: readonly string[] = ["duplicate", "past-epoch", "own-message"];

const nameOf = ({ confirmedTranscriptHash }: StagedCommit): string => toHex(confirmedTranscriptHash);

export class Branches {
  readonly #room: Room;
  readonly #compare: (a: Contender, b: Contender) => number;
  /** By the transcript hashes of the epochs that they start. Own ones only after they came back. */
  #seen = new Map<string, Seen>();
  #isLoaded = false;

  constructor(room: Room, compare: (a: Contender, b: Contender) => number) {
    this.#room = room;
    this.#compare = compare;
  }

  reset(): void {
    this.#isLoaded = false;
  }

  async load(): Promise<void> {
    if (this.#isLoaded) return;
    const prefix = KEYS.branches(this.#room.id);
    const found = await this.#room.host.client.listEntries(prefix);
    this.#seen = new Map(
      found.map(({ key, value }) => [key.slice(prefix.length), unpack<Seen>(value).header]),
    );
    this.#isLoaded = true;
  }

  /** The oldest epoch in which another commit can be taken. */
  floor(group: Group): bigint {
    const inForce = keptCommits(group).filter((one) => one.inForce);
    return inForce.reduce(
      (low, { commit }) => (commit.epoch - 1n < low ? commit.epoch - 1n : low),
      group.epoch,
    );
  }

  /** Commits of an epoch that aren't in force, and lead to it. */
  leadingTo(group: Group, epoch: bigint): StagedCommit[] {
    const all = keptCommits(group).filter(({ inForce, commit }) => !inForce && commit.epoch === epoch);
    return all.map(({ commit }) => commit);
  }

  /**
   * Stages a commit where it belongs, and writes that.
   * @returns whether it is done with; `staged` if there is a new branch, `waits` if its place isn't there yet
   */
  async stage(group: Group, entry: LogEntry, early: Early | undefined): Promise<"staged" | "over" | "waits"> {
    const { epoch } = entry;
    const line = epoch <= group.epoch ? [epoch] : [];
    for (const on of [...line, ...this.leadingTo(group, epoch)]) {
      try {
        return await this.#stageOn(group, entry, on, early);
      } catch (error) {
        if (!(error instanceof MlsError) || error.retry === "now" || error.code === "storage") throw error;
        if (FINAL.includes(error.code)) return "over";
      }
    }
    return "waits";
  }

  async #stageOn(group: Group, entry: LogEntry, on: PlaceOptions["on"], early: Early | undefined) {
    const room = this.#room;
    const { id, time, cursor } = entry;
    const record = early === undefined ? { ...room.record, cursor } : room.record;
    const alongside = (staged: StagedCommit): EntryChange[] => {
      const name = nameOf(staged);
      const seen = this.#seen.get(name) ?? { id, time, cursor };
      return [
        { key: KEYS.branch(room.id, name), value: pack(seen) },
        ...(early === undefined
          ? [recordChange(room.id, record)]
          : [{ key: KEYS.earlyOne(room.id, early.number), value: undefined }]),
      ];
    };
    const staged = await stageOn(group, entry.message, { on, alongside });
    room.record = record;
    room.early = room.early.filter((one) => one !== early);
    const name = nameOf(staged);
    if (this.#seen.has(name)) return "over" as const;
    this.#seen.set(name, { id, time, cursor });
    return "staged" as const;
  }

  /** The way from the present epoch's branch to the commit that counts: none if it is in force. */
  way(group: Group): Step[] {
    const all = keptCommits(group);
    const steps: Step[] = [];
    for (let from = this.#start(all); ; ) {
      const next = all.filter((one) => one.after === from && this.#seenOf(one) !== undefined);
      const [first] = next.sort((a, b) => this.#compare(this.#contender(a), this.#contender(b)));
      if (first === undefined) break;
      steps.push({ kept: first, entry: this.#entry(first) });
      from = first.commit;
    }
    const last = steps.at(-1);
    return last === undefined || last.kept.inForce ? [] : steps.filter(({ kept }) => !kept.inForce);
  }

  /** Whether commits of an epoch may follow one that removes this client, which then can't take them. */
  mayBeOut(group: Group, epoch: bigint): boolean {
    return keptCommits(group).some(
      ({ commit, inForce }) => !inForce && !commit.active && commit.epoch <= epoch,
    );
  }

  /** Whether an epoch is one that is kept, by its transcript hash. */
  has(group: Group, hash: Uint8Array): boolean {
    return keptCommits(group).some(({ commit }) => nameOf(commit) === toHex(hash));
  }

  /** How many commits that were read there are beside one. */
  rivals(group: Group, { kept }: Step): number {
    const all = keptCommits(group);
    return all.filter((one) => one !== kept && one.after === kept.after && this.#seenOf(one)).length;
  }

  /** The most commits of one epoch. */
  width(group: Group): number {
    const counts = new Map<StagedCommit | undefined, number>();
    for (const { after, inForce } of keptCommits(group))
      if (!inForce) counts.set(after, (counts.get(after) ?? 0) + 1);
    return Math.max(0, ...counts.values());
  }

  /** What came into force without being read, such as the commit by which this client joined, stays. */
  #start(all: readonly KeptCommit[]): StagedCommit | undefined {
    const settled = all.filter((one) => one.inForce && this.#seenOf(one) === undefined);
    const [last] = settled.sort((a, b) => Number(b.commit.epoch - a.commit.epoch));
    return last?.commit;
  }

  #seenOf({ commit }: KeptCommit): Seen | undefined {
    return this.#seen.get(nameOf(commit));
  }

  #contender(one: KeptCommit): Contender {
    const { commit } = one;
    const { id, time } = this.#seenOf(one) as Seen;
    return { commit, hash: commit.confirmedTranscriptHash, id, time };
  }

  #entry(one: KeptCommit): LogEntry {
    const { commit } = one;
    const seen = this.#seenOf(one) as Seen;
    return { ...seen, kind: "handshake", epoch: commit.epoch - 1n, message: commit.commit };
  }

  /** Forgets what was read of commits that aren't kept any more. */
  async prune(group: Group): Promise<void> {
    const kept = new Set(keptCommits(group).map(({ commit }) => nameOf(commit)));
    const gone = [...this.#seen.keys()].filter((name) => !kept.has(name));
    if (gone.length === 0) return;
    const { host, id } = this.#room;
    await host.client.writeEntries(gone.map((name) => ({ key: KEYS.branch(id, name), value: undefined })));
    for (const name of gone) this.#seen.delete(name);
  }
}
