// RFC 9420 §16.6: the parts of a storage, as they are at one moment.
import { equalBytes } from "../../../bytes.js";
import { MlsError } from "../../../errors.js";
import type { Awaitable, StorageCipher } from "../../../provider/index.js";
import type { ClientStorage, StoredEntry } from "../client-storage.js";
import { readList } from "../entries.js";
import { damaged, Part, type PartState, type PartWrite, partOf } from "./part.js";
import type { OpenValue } from "./part-keys.js";

/**
 * A place that whoever can write to the storage can't write to, such as a server, or a chip. It remembers how many writes each
 * part of the storage has had: the client, each group, and the application's entries below each `app/NAME/`.
 */
export interface WriteMemory {
  /** The numbers of all parts whose names begin with `prefix`, by their names. Asked before parts are read or written. */
  recall(prefix: string): Awaitable<ReadonlyMap<string, number>>;
  /**
   * Called after each write, before it is answered. A number that isn't larger than the part's number changes nothing. That of
   * a group that was deleted stays, too: other openers may still have the group, and somebody could put it back for them.
   */
  remember(part: string, writes: number): Awaitable<void>;
}

/** A part at one moment. */
export interface FoundPart {
  readonly part: Part;
  readonly state: PartState;
  /** As the storage has them, without that of the seal. */
  readonly values: readonly StoredEntry[];
  readonly open: OpenValue;
}

export const isSame = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a === undefined || b === undefined ? a === b : equalBytes(a, b);

export class PartList {
  readonly #storage: ClientStorage;
  readonly #cipher: StorageCipher;
  readonly #memory: WriteMemory | undefined;
  readonly #valuesPerKey: number;
  readonly #parts = new Map<string, Part>();
  /** As this opener has seen them last: they may be others meanwhile. */
  readonly #seen = new Map<string, PartState>();

  constructor(
    storage: ClientStorage,
    cipher: StorageCipher,
    memory: WriteMemory | undefined,
    valuesPerKey: number,
  ) {
    this.#storage = storage;
    this.#cipher = cipher;
    this.#memory = memory;
    this.#valuesPerKey = valuesPerKey;
  }

  part(name: string): Part {
    const part = this.#parts.get(name) ?? new Part(name, this.#cipher, this.#valuesPerKey);
    this.#parts.set(name, part);
    return part;
  }

  /** What a storage has whose keys begin with the name of a part, by parts: that part, and those in it. */
  async entries(base: string): Promise<Map<string, StoredEntry[]>> {
    const parts = new Map<string, StoredEntry[]>([[base, []]]);
    for (const entry of await readList(this.#storage, base)) {
      const name = partOf(entry.key);
      const entries = parts.get(name) ?? [];
      entries.push(entry);
      parts.set(name, entries);
    }
    return parts;
  }

  async #recall(base: string): Promise<ReadonlyMap<string, number>> {
    if (this.#memory === undefined) return new Map();
    const answer: unknown = await this.#memory.recall(base);
    if (answer instanceof Map && [...answer.values()].every(Number.isSafeInteger)) return answer;
    throw new MlsError("usage", "expected a Map with whole numbers of memory.recall()");
  }

  /**
   * A part as this opener has seen it last; `undefined` if it hasn't, or if the memory knows of a later write: then it is to
   * be read, even if the storage has just that. It could have been put back.
   */
  async known({ name }: Part): Promise<PartState | undefined> {
    const recalled = this.#memory && (await this.#recall(name));
    const state = this.#seen.get(name);
    return state !== undefined && state.writes >= (recalled?.get(name) ?? 0) ? state : undefined;
  }

  /** @throws MlsError `state` if a part isn't as its last write made it */
  async read(base: string, isWanted: (name: string) => boolean): Promise<FoundPart[]> {
    // Recalled first, listed then: else a write in between would look like one that was undone.
    const recalled = await this.#recall(base);
    const parts = await this.entries(base);
    // One that was recalled, and of which nothing is listed, is checked, too.
    const names = [...new Set([...parts.keys(), ...recalled.keys()])].filter(isWanted);
    return Promise.all(names.map((name) => this.#check(name, parts.get(name) ?? [], recalled.get(name))));
  }

  async #check(name: string, entries: StoredEntry[], recalled = 0): Promise<FoundPart> {
    const part = this.part(name);
    const open = part.opener();
    let state = await part.check(entries, open);
    // A group that isn't there was deleted, perhaps just now: the client's part lists those that must be there.
    if (entries.length === 0 && part.canEnd) state = { ...state, writes: recalled };
    if (state.writes < recalled)
      throw damaged(
        `${part.shown} was put back: expected its write ${recalled} or a later one, got write ${state.writes}`,
      );
    this.#seen.set(name, state);
    return { part, state, values: entries.filter(({ key }) => key !== part.versionKey), open };
  }

  /** A write of parts was made. */
  async made(writes: readonly PartWrite[]): Promise<void> {
    for (const { part, state } of writes) {
      if (state.seal !== undefined) this.#seen.set(part.name, state);
      else for (const all of [this.#seen, this.#parts]) all.delete(part.name);
    }
    for (const { part, state, step } of writes)
      if (step !== undefined) await this.#memory?.remember(part.name, state.writes);
  }
}
