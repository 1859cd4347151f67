// The entries of a log that wait: for their epoch, or a commit for its proposals. What entries that are received change of them goes into
// the same write.
import { pack } from "../messenger/wire.js";
import type { LogEntry } from "../service.js";
import { KEYS, type SavedEarly } from "./record.js";
import type { Early, Room } from "./room.js";

export class Waiting {
  readonly #room: Room;
  /** Those of a write, by their keys. */
  readonly #changes: Map<string, Uint8Array | undefined>;
  /** In their order in the log. */
  all: readonly Early[];
  #bytes: number;
  /** For how many there was no room. */
  #dropped = 0;

  /** @param changes where the changes go */
  constructor(room: Room, changes: Map<string, Uint8Array | undefined>) {
    this.#room = room;
    this.#changes = changes;
    this.all = room.early;
    this.#bytes = room.early.reduce((sum, { message }) => sum + message.length, 0);
  }

  /** Keeps an entry until its time comes. */
  keep(entry: LogEntry): void {
    const { id, host } = this.#room;
    const { limits } = host;
    this.#bytes += entry.message.length;
    if (this.all.length >= limits.early || this.#bytes > limits.earlyBytes) {
      this.#bytes -= entry.message.length;
      this.#dropped++;
      return;
    }
    const number = this.#room.nextNumber();
    this.all = [...this.all, { ...entry, number }];
    const { message, ...rest } = entry;
    const saved: SavedEarly = { ...rest, number, epoch: String(entry.epoch) };
    this.#changes.set(KEYS.earlyOne(id, number), pack(saved, message));
  }

  /** What waited waits no longer. */
  end(entry: LogEntry): void {
    const found = this.all.find((one) => one === entry);
    if (found === undefined) return;
    this.all = this.all.filter((one) => one !== found);
    this.#changes.set(KEYS.earlyOne(this.#room.id, found.number), undefined);
  }

  endAll(): void {
    for (const one of this.all) this.end(one);
  }

  /** Makes it so in memory, after it is written. */
  apply(): void {
    this.#room.early = [...this.all];
    const dropped = `${this.#dropped} messages came before their epoch: there was no room for them`;
    if (this.#dropped > 0) this.#room.problem("dropped", dropped);
  }
}
