// Groups and the keys of their epochs, as the database has them.
import type { Bytes } from "@copse/core";
import { mayWrite } from "@copse/delivery/rules";
import { Needed, refuse } from "../failures.js";
import type { Settings } from "../options.js";
import { ALWAYS, type Blob, bytesOf, type Store } from "../store.js";

/** A group. `last` is the number of its newest entry, `gone` that of the last entry which isn't kept. */
export interface GroupRow {
  readonly id: number;
  readonly last: number;
  readonly lastHandshake: number;
  readonly gone: number;
  readonly size: number;
}

/** A key that a handshake has registered. */
export interface KeyRow {
  readonly handshake: number;
  readonly proven: number | null;
  readonly time: number;
  /** When the next handshake was accepted; `null` for the newest one. */
  readonly overtaken: number | null;
  readonly readsUpTo: number;
}

const KEY = "SELECT epoch_key.handshake, proven, time, overtaken, reads_up_to AS readsUpTo FROM epoch_key";

/** A place in a log as clients see it. */
export const cursorOf = (seq: number): string => (seq === 0 ? "" : `at-${seq}`);

/** The number of a cursor's entry. @throws DeliveryError `invalid` if the log has never had it */
export function seqOf(cursor: string, last: number, gone: number): number {
  if (cursor === "") return gone;
  const seq = /^at-[1-9]\d{0,14}$/.test(cursor) ? Number(cursor.slice(3)) : Number.NaN;
  return seq <= last ? seq : refuse("invalid", "the cursor is none of this log");
}

export class GroupRows {
  readonly #store: Store;
  readonly #settings: Settings;

  constructor(store: Store, settings: Settings) {
    this.#store = store;
    this.#settings = settings;
  }

  find(groupId: Uint8Array): GroupRow | undefined {
    return this.#store.one<GroupRow>(
      "SELECT id, last, last_handshake AS lastHandshake, gone, size FROM grp WHERE group_id = ? AND ?",
      groupId,
      ALWAYS,
    );
  }

  /** @throws DeliveryError `not-found` */
  need(groupId: Uint8Array): GroupRow {
    return this.find(groupId) ?? refuse("not-found", "the service doesn't know this group");
  }

  /** As it is now. */
  get(id: number): GroupRow {
    const sql = "SELECT id, last, last_handshake AS lastHandshake, gone, size FROM grp WHERE id = ?";
    return this.#store.one<GroupRow>(sql, id) as GroupRow;
  }

  /** That of the newest handshake that has registered it. @throws DeliveryError `forbidden` */
  key(group: number, publicKey: Uint8Array): KeyRow {
    const sql = `${KEY} WHERE grp = ? AND public_key = ? ORDER BY handshake DESC LIMIT 1`;
    const key = this.#store.one<KeyRow>(sql, group, publicKey);
    return key ?? refuse("forbidden", "no handshake that is kept has registered this key");
  }

  keyOf(group: number, handshake: number): KeyRow | undefined {
    return this.#store.one<KeyRow>(`${KEY} WHERE grp = ? AND handshake = ?`, group, handshake);
  }

  /**
   * The key that a client says it has, and has proven; `undefined` if the service doesn't check members.
   * @throws DeliveryError `forbidden`
   */
  provenKey(group: number, client: number, publicKey: Uint8Array | undefined): KeyRow | undefined {
    if (this.#settings.members === "unchecked") return undefined;
    if (publicKey === undefined) return refuse("forbidden", "expected the key of an epoch, got none");
    const key = this.key(group, publicKey);
    const sql = "SELECT 1 AS found FROM proof WHERE grp = ? AND client = ? AND handshake = ?";
    if (this.#store.one(sql, group, client, key.handshake) === undefined)
      throw new Needed("proof", "expected a proof of the key");
    return key;
  }

  /** @throws DeliveryError `forbidden` */
  checkMayWrite(key: KeyRow | undefined): void {
    if (this.#settings.members === "unchecked") return;
    if (key === undefined || !this.mayWrite(key))
      refuse("forbidden", "the key isn't that of the group's newest epoch");
  }

  mayWrite(key: KeyRow): boolean {
    return mayWrite(
      { overtaken: key.overtaken ?? undefined },
      this.#settings.now(),
      this.#settings.times.grace,
    );
  }

  addProof(group: number, client: number, handshake: number): void {
    const sql = "INSERT OR IGNORE INTO proof (grp, client, handshake) VALUES (?, ?, ?)";
    this.#store.run(sql, group, client, handshake);
  }

  /** The keys that a client has proven. */
  provenKeys(group: number, client: number): KeyRow[] {
    const sql = `${KEY} JOIN proof ON proof.grp = epoch_key.grp AND proof.handshake = epoch_key.handshake WHERE proof.grp = ? AND proof.client = ?`;
    return this.#store.all<KeyRow>(sql, group, client);
  }

  /** Whether a client of the user has ever proven a key of the group. */
  isKnown(group: number, user: number): boolean {
    if (this.#settings.members === "unchecked" || this.#settings.openGroups) return true;
    const sql =
      "SELECT 1 AS found FROM client JOIN proof ON proof.client = client.id WHERE client.user = ? AND proof.grp = ? LIMIT 1";
    return this.#store.one(sql, user, group) !== undefined;
  }

  /** Whether a user without a key may know the group's state, and join by it. @throws DeliveryError `forbidden` */
  checkKnown(group: number, user: number): void {
    if (!this.isKnown(group, user)) refuse("forbidden", "the user has never been a member of the group");
  }

  /** The newest GroupInfo, and the handshake that it belongs to. */
  groupInfo(group: number): { groupInfo: Bytes; handshake: string } {
    const sql = "SELECT group_info AS bytes, last_handshake AS handshake FROM grp WHERE id = ?";
    const row = this.#store.one<{ bytes: Blob; handshake: number }>(sql, group);
    return { groupInfo: bytesOf(row?.bytes ?? null), handshake: cursorOf(row?.handshake ?? 0) };
  }
}
