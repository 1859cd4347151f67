// The logs of groups, and inboxes.
import type { WireEntry, WireInboxEntry, WireMessage } from "../../wire/structures.js";
import { refuse } from "../failures.js";
import { type Blob, bytesOf, type Store } from "../store.js";
import { cursorOf, type GroupRow } from "./group-rows.js";

/** In the database: kinds of entries. */
const HANDSHAKE = 1;
const MESSAGE = 0;

/**
 * Bytes that an entry takes in the database besides its message: its rows, and theirs in indexes. With IDs of 32 characters; measured
 * by the test "counts what an entry takes besides its message".
 */
export const ENTRY_BYTES = 256;

/** What a row of `entry` counts for. */
export const SIZE = `(length(message) + ${ENTRY_BYTES})`;

/** The most of one batch: entries, and bytes but for the first entry. */
export const BATCH = { entries: 200, bytes: 512 * 1024 } as const;

interface EntryRow {
  readonly seq: number;
  readonly kind: number;
  readonly id: string;
  readonly epoch: string;
  readonly message: Blob;
  readonly time: number;
}

const ENTRY = "SELECT seq, kind, id, epoch, message, time FROM entry WHERE grp = ?";

const entryOf = (row: EntryRow): WireEntry => ({
  cursor: cursorOf(row.seq),
  kind: row.kind === HANDSHAKE ? "handshake" : "message",
  id: row.id,
  epoch: BigInt(row.epoch),
  message: bytesOf(row.message),
  time: row.time,
});

/** The first of some rows, as many as fit into a batch. */
function fitting<Row>(rows: readonly Row[], sizeOf: (row: Row) => number): Row[] {
  let size = 0;
  return rows.filter((row, i) => {
    size += sizeOf(row);
    return i === 0 || size <= BATCH.bytes;
  });
}

export interface Appended {
  readonly kind: "handshake" | "message";
  readonly group: GroupRow;
  readonly client: number;
  readonly time: number;
}

export class Logs {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * The number of what was sent under an ID. Its sender may have encrypted it anew for a later epoch, so its bytes
   * aren't compared: the first ones count.
   * @throws DeliveryError `invalid` if another client has sent something under it
   */
  known(group: number, id: string, client: number, kind: Appended["kind"]): number | undefined {
    const sql =
      "SELECT submission.seq, client, kind FROM submission LEFT JOIN entry ON entry.grp = submission.grp AND entry.seq = submission.seq WHERE submission.grp = ? AND submission.id = ?";
    const row = this.#store.one<{ seq: number; client: number; kind: number | null }>(sql, group, id);
    if (row === undefined) return undefined;
    const isOther = row.kind !== null && row.kind !== (kind === "handshake" ? HANDSHAKE : MESSAGE);
    if (row.client !== client || isOther)
      refuse("invalid", "something else was sent to this group under this id");
    return row.seq;
  }

  /** @returns its number */
  append(
    { kind, group, client, time }: Appended,
    { id, epoch, message }: Omit<WireMessage, "groupId">,
  ): number {
    const seq = group.last + 1;
    this.#store.run(
      "INSERT INTO entry (grp, seq, kind, id, epoch, message, time) VALUES (?, ?, ?, ?, ?, ?, ?)",
      group.id,
      seq,
      kind === "handshake" ? HANDSHAKE : MESSAGE,
      id,
      String(epoch),
      message,
      time,
    );
    this.#store.run(
      "INSERT INTO submission (grp, id, client, seq, time) VALUES (?, ?, ?, ?, ?)",
      group.id,
      id,
      client,
      seq,
      time,
    );
    this.#store.run(
      "UPDATE grp SET last = ?, size = size + ?, used = ? WHERE id = ?",
      seq,
      message.length + ENTRY_BYTES,
      time,
      group.id,
    );
    return seq;
  }

  entry(group: number, seq: number): WireEntry | undefined {
    const row = this.#store.one<EntryRow>(`${ENTRY} AND seq = ?`, group, seq);
    return row && entryOf(row);
  }

  /** The first handshake after an entry. */
  handshakeAfter(group: number, seq: number): WireEntry | undefined {
    const sql = `${ENTRY} AND kind = ${HANDSHAKE} AND seq > ? ORDER BY seq LIMIT 1`;
    const row = this.#store.one<EntryRow>(sql, group, seq);
    return row && entryOf(row);
  }

  /** Entries after one, as many as fit into a batch. */
  after(group: number, seq: number, upTo: number): WireEntry[] {
    // A page of their sizes first: large messages aren't read to be left.
    const sizes = this.#store.all<{ seq: number; size: number }>(
      "SELECT seq, length(message) AS size FROM entry WHERE grp = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
      group,
      seq,
      upTo,
      BATCH.entries,
    );
    const last = fitting(sizes, ({ size }) => size).at(-1)?.seq;
    if (last === undefined) return [];
    const sql = `${ENTRY} AND seq > ? AND seq <= ? ORDER BY seq`;
    return this.#store.all<EntryRow>(sql, group, seq, last).map(entryOf);
  }

  /** How many Welcomes a client's inbox has. */
  waiting(client: number): number {
    const sql = "SELECT count(*) AS n FROM inbox WHERE client = ?";
    return this.#store.one<{ n: number }>(sql, client)?.n ?? 0;
  }

  addWelcome(welcome: Uint8Array): number {
    this.#store.run("INSERT INTO welcome (id, bytes) VALUES (?, ?)", null, welcome);
    return this.#store.one<{ id: number }>("SELECT last_insert_rowid() AS id")?.id as number;
  }

  deliver(
    client: number,
    one: {
      readonly reference: Uint8Array;
      readonly group: number;
      readonly handshake: number;
      readonly welcome: number;
      readonly time: number;
    },
  ): void {
    this.#store.run("UPDATE client SET inbox_last = inbox_last + 1 WHERE id = ?", client);
    this.#store.run(
      "INSERT INTO inbox (client, seq, reference, grp, handshake, welcome, time) SELECT id, inbox_last, ?, ?, ?, ?, ? FROM client WHERE id = ?",
      one.reference,
      one.group,
      one.handshake,
      one.welcome,
      one.time,
      client,
    );
  }

  inboxLast(client: number): number {
    const sql = "SELECT inbox_last AS last FROM client WHERE id = ?";
    return this.#store.one<{ last: number }>(sql, client)?.last ?? 0;
  }

  inboxAfter(client: number, seq: number): { seq: number; entry: WireInboxEntry }[] {
    interface InboxRow {
      readonly seq: number;
      readonly reference: Blob;
      readonly groupId: Blob;
      readonly handshake: number;
      readonly welcome: Blob;
      readonly size: number;
      readonly time: number;
    }
    const from =
      "FROM inbox JOIN grp ON grp.id = inbox.grp JOIN welcome ON welcome.id = inbox.welcome WHERE client = ? AND seq > ?";
    const sizes = this.#store.all<{ seq: number; size: number }>(
      `SELECT seq, length(bytes) AS size ${from} ORDER BY seq LIMIT ?`,
      client,
      seq,
      BATCH.entries,
    );
    const last = fitting(sizes, ({ size }) => size).at(-1)?.seq;
    if (last === undefined) return [];
    const rows = this.#store.all<InboxRow>(
      `SELECT seq, reference, group_id AS groupId, handshake, bytes AS welcome, time ${from} AND seq <= ? ORDER BY seq`,
      client,
      seq,
      last,
    );
    return rows.map((row) => ({
      seq: row.seq,
      entry: {
        cursor: cursorOf(row.seq),
        reference: bytesOf(row.reference),
        groupId: bytesOf(row.groupId),
        welcome: bytesOf(row.welcome),
        handshake: cursorOf(row.handshake),
        time: row.time,
      },
    }));
  }

  clearInbox(client: number, upTo: number): void {
    this.#store.run("DELETE FROM inbox WHERE client = ? AND seq <= ?", client, upTo);
  }
}
