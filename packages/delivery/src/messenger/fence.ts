// RFC 9420 §16.2: one messenger at a time has a storage. What it keeps of a conversation in memory, such as the place of the next
// entry of the history, is right only as long as nobody else writes. So each of its writes is compared with who opened it last.
import { equalBytes } from "@copse/core";
import type { ClientStorage, StorageChange, VersionStep } from "@copse/core/storage";
import { MessengerError } from "./errors.js";

/** What of the storage is a messenger's alone. */
const OWN = "app/delivery";
/** Has the mark of the messenger that opened it last. A sealed storage compares an entry of this name without reading others. */
const KEY = `${OWN}/version`;
/** How often it is marked anew where others mark it at the same time. */
const TRIES = 10;

const isSame = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a === undefined || b === undefined ? a === b : equalBytes(a, b);

/** A storage that refuses what a messenger writes after another one has opened it. */
export class Fence {
  /** What the client is opened with. */
  readonly storage: ClientStorage;
  readonly #inner: ClientStorage;
  readonly #onTaken: (error: MessengerError) => void;
  #mark: Uint8Array | undefined;

  /** @param onTaken is called when another messenger has it */
  constructor(storage: ClientStorage, onTaken: (error: MessengerError) => void) {
    this.#inner = storage;
    this.#onTaken = onTaken;
    const { handles, turn, changes } = storage;
    this.storage = {
      ...(handles !== undefined && { handles }),
      ...(turn !== undefined && { turn: turn.bind(storage) }),
      ...(changes !== undefined && { changes: changes.bind(storage) }),
      get: (key) => storage.get(key),
      list: (prefix) => storage.list(prefix),
      write: (changes, steps) => this.#write(changes, steps),
    };
  }

  /** Marks it as this messenger's. @param mark random @throws MessengerError `taken` */
  async take(mark: Uint8Array): Promise<void> {
    for (let i = 0; i < TRIES; i++) {
      const from = await this.#inner.get(KEY);
      if (!(await this.#inner.write([], [{ key: KEY, from, to: mark.slice() }]))) continue;
      this.#mark = mark;
      return;
    }
    throw taken();
  }

  async #write(changes: readonly StorageChange[], steps: readonly VersionStep[]): Promise<boolean> {
    const mark = this.#mark;
    if (mark === undefined || !changes.some(({ key }) => key.startsWith(OWN)))
      return this.#inner.write(changes, steps);
    const step = { key: KEY, from: mark.slice(), to: mark.slice() };
    const isMade = await this.#inner.write(changes, [...steps, step]);
    if (isMade !== false) return isMade;
    if (isSame(await this.#inner.get(KEY), mark)) return false;
    const error = taken();
    this.#onTaken(error);
    throw error;
  }
}

const taken = () =>
  new MessengerError(
    "taken",
    "another messenger has opened this storage: expected one at a time. With a storage that has turn(), the next one waits until the one before is closed",
  );
