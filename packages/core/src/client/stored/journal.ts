// RFC 9420 §8, §12: what a storage has of one group: a snapshot, what changed in the tree since, and what changed last.
import { equalBytes, wipe } from "../../bytes.js";
import { encode, opaque, vector } from "../../codec/index.js";
import { digestOf, type GroupState } from "../../group/index.js";
import type { SavePoint } from "../../group/storage/index.js";
import type { CipherSuiteProvider } from "../../provider/index.js";
import type { Membership } from "../membership.js";
import type { StorageChange, StoredEntry, VersionStep } from "./client-storage.js";

/** The records of a group, in their order. Each has the changes of the tree since the one before, and all else anew. */
const RECORDS = ["snapshot", "changes", "latest"] as const;
type RecordName = (typeof RECORDS)[number];

/** The size of a version in bytes. It is random: so a version that was there before never comes back. */
const VERSION_SIZE = 16;

/** A write of a group, before it is made. */
export interface Draft {
  readonly changes: readonly StorageChange[];
  readonly step: VersionStep;
  /** Is called when it was made. */
  readonly done: () => void;
}

/** The step to a new version. */
export function stepFrom(
  key: string,
  from: Uint8Array | undefined,
  random: (length: number) => Uint8Array,
): VersionStep {
  return { key, from, to: random(VERSION_SIZE) };
}

export class Journal {
  /** Before the names of its entries. */
  readonly #prefix: string;
  readonly #random: (length: number) => Uint8Array;
  #version: Uint8Array | undefined;
  #snapshot: { readonly point: SavePoint; readonly size: number } | undefined;
  /** The last record that has changes of the tree. The latest changes follow it, and replace one another. */
  #base: SavePoint | undefined;
  /** The state in the storage, and the digest of what changes in place in it. */
  #state: GroupState | undefined;
  #used: Uint8Array | undefined;

  constructor(prefix: string, random: (length: number) => Uint8Array) {
    this.#prefix = prefix;
    this.#random = random;
  }

  get versionKey(): string {
    return `${this.#prefix}version`;
  }

  isAt(version: Uint8Array | undefined): boolean {
    const known = this.#version;
    return known === undefined || version === undefined ? known === version : equalBytes(known, version);
  }

  /**
   * The records among the entries of the group, in their order.
   * @returns `records`: none if the group isn't there; `begin` takes their save points when they were loaded
   */
  read(entries: readonly StoredEntry[]): {
    records: Uint8Array[];
    begin: (points: readonly SavePoint[]) => void;
  } {
    const values = new Map(entries.map(({ key, value }) => [key.slice(this.#prefix.length), value]));
    const names = RECORDS.filter((name) => values.has(name));
    const records = names.map((name) => values.get(name) as Uint8Array);
    const size = records[0]?.length ?? 0;
    const begin = (points: readonly SavePoint[]) => {
      this.#version = values.get("version");
      this.#snapshot = { point: points[0] as SavePoint, size };
      this.#base = points[names.includes("changes") ? 1 : 0];
    };
    return { records: values.has("snapshot") && values.has("version") ? records : [], begin };
  }

  /** Deletes all of the group. */
  deletions(): StorageChange[] {
    return ["version", ...RECORDS].map((name) => ({ key: `${this.#prefix}${name}`, value: undefined }));
  }

  /** The write that makes the group's state safe; `undefined` if the storage has it already. */
  async next(own: Membership): Promise<Draft | undefined> {
    const { state } = own;
    const used = await usedIn(own.config.provider, state);
    if (state === this.#state && this.#used !== undefined && equalBytes(used, this.#used)) return undefined;
    const { name, bytes, saved } = await this.#record(own);
    const draft = this.#draft(name, bytes, saved);
    const done = () => {
      draft.done();
      this.#state = state;
      this.#used = used;
      if (own.state.status !== "closed") own.recorded();
    };
    return { ...draft, done };
  }

  async #record(own: Membership): Promise<{ name: RecordName; bytes: Uint8Array; saved: SavePoint }> {
    const base = this.#base;
    if (base !== undefined && base.tree === own.state.current.tree)
      return { name: "latest", ...(await own.record(base)) };
    const snapshot = this.#snapshot;
    if (snapshot !== undefined) {
      const record = await own.record(snapshot.point);
      if (2 * record.bytes.length <= snapshot.size) return { name: "changes", ...record };
      wipe(record.bytes);
    }
    return { name: "snapshot", ...(await own.record()) };
  }

  /** A record takes the place of the one with its name, and makes those superfluous that come after it. */
  #draft(name: RecordName, value: Uint8Array, saved: SavePoint): Draft {
    const later = RECORDS.slice(RECORDS.indexOf(name) + 1);
    const changes = [
      { key: `${this.#prefix}${name}`, value },
      ...later.map((one) => ({ key: `${this.#prefix}${one}`, value: undefined })),
    ];
    const step = stepFrom(this.versionKey, this.#version, this.#random);
    const size = value.length;
    const done = () => {
      this.#version = step.to;
      if (name !== "latest") this.#base = saved;
      if (name === "snapshot") this.#snapshot = { point: saved, size };
    };
    return { changes, step, done };
  }
}

/** The digest of what changes in a state in place, as keys are used: its secret trees, and the ledgers of extensions. */
async function usedIn(provider: CipherSuiteProvider, { current, past }: GroupState): Promise<Uint8Array> {
  const trees = [current, ...past].map(({ secretTree }) => secretTree.save());
  const ledgers = Array.from(current.ledgers.values(), (ledger) => ledger.save());
  const all = encode(vector(opaque), [...trees, ...ledgers]);
  try {
    return await digestOf(provider, all);
  } finally {
    wipe(all, ...trees);
  }
}
