// RFC 9420 §16.6: the parts of a storage, as they are at one moment.
import { equalBytes } from "../../../bytes.js";
import { MlsError } from "../../../errors.js";
import type { Awaitable, StorageCipher } from "../../../provider/index.js";
import type { ClientStorage, StoredEntry } from "../client-storage.js";
import { GROUP, readList } from "../entries.js";
import { damaged, Part, type PartState, partOf } from "./part.js";
import type { OpenValue } from "./part-keys.js";

/**
 * A place that whoever can write to the storage can't write to, such as a server, or a chip. It remembers how many writes each
 * part of the storage has had: the client, and each group.
 */
export interface WriteMemory {
  /** The number of a part; `undefined` if it has none. Asked before the part is read. */
  recall(part: string): Awaitable<number | undefined>;
  /** Called after each write, before it is answered. A number that isn't larger than the part's number changes nothing. */
  remember(part: string, writes: number): Awaitable<void>;
  /** Called after a part was deleted. */
  forget(part: string): Awaitable<void>;
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

  /** @throws MlsError `state` if a part isn't as its last write made it */
  async read(base: string, isWanted: (name: string) => boolean = () => true): Promise<FoundPart[]> {
    const recalled = new Map<string, number | undefined>();
    let parts: Map<string, StoredEntry[]> | undefined;
    let names = [base];
    // Recalled first, listed then: else a write in between would look like one that was undone.
    while (names.length > 0) {
      if (this.#memory !== undefined)
        for (const name of names) recalled.set(name, numberIn(await this.#memory.recall(name)));
      parts = await this.entries(base);
      names = this.#memory === undefined ? [] : [...parts.keys()].filter((name) => !recalled.has(name));
    }
    const wanted = [...(parts ?? [])].filter(([name]) => isWanted(name));
    return Promise.all(wanted.map(([name, entries]) => this.#check(name, entries, recalled.get(name))));
  }

  async #check(name: string, entries: StoredEntry[], recalled = 0): Promise<FoundPart> {
    const part = this.part(name);
    const open = part.opener();
    const state = await part.check(entries, open);
    // A group that isn't there was deleted, perhaps just now: the client's part lists those that must be there.
    if (state.writes < recalled && (entries.length > 0 || !name.startsWith(GROUP)))
      throw damaged(
        `${part.shown} was put back: expected its write ${recalled} or a later one, got write ${state.writes}`,
      );
    part.state = state;
    return { part, state, values: entries.filter(({ key }) => key !== part.versionKey), open };
  }

  /** A write of parts was made. */
  async made(parts: readonly { readonly part: Part; readonly state: PartState }[]): Promise<void> {
    for (const { part, state } of parts) {
      part.state = state;
      if (state.seal === undefined) this.#parts.delete(part.name);
    }
    for (const { part, state } of parts) {
      if (state.seal === undefined) await this.#memory?.forget(part.name);
      else await this.#memory?.remember(part.name, state.writes);
    }
  }
}

function numberIn(value: unknown): number | undefined {
  if (value === undefined || Number.isSafeInteger(value)) return value as number | undefined;
  throw new MlsError("usage", `expected a whole number or undefined of memory.recall(), got ${typeof value}`);
}
