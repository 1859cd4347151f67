// Groups and the keys of their epochs, as the database has them.
import { createHash } from "node:crypto";
import type { Bytes } from "@copse/core";
import {
  type Access,
  checkMayWrite,
  heirsOf,
  isConfirmedBy,
  overtaking,
  type RegisteredKey,
} from "@copse/delivery/rules";
import { Needed, refuse } from "../failures.js";
import type { Settings } from "../options.js";
import { ALWAYS, type Blob, bytesOf, type Store } from "../store.js";

/** A group. `last` is the number of its newest entry, `gone` that of the last entry which isn't kept, `used` when a member last was there. */
export interface GroupRow {
  readonly id: number;
  readonly last: number;
  readonly lastHandshake: number;
  readonly gone: number;
  readonly used: number;
}

/** The columns of a group's row. */
const GROUP = "SELECT id, last, last_handshake AS lastHandshake, gone, used FROM grp";

/** A group that somebody reads is noted as used as often as this, in parts of the time after which it ends. */
const PARTS = 20;

/** What is left of a group that has ended. */
export const endedHash = (groupId: Uint8Array) => createHash("sha256").update(groupId).digest();

/** A key that a handshake has registered. */
export interface KeyRow extends Omit<RegisteredKey, "suite" | "publicKey"> {
  /** The client that submitted the handshake. */
  readonly submitter: number;
  readonly access: Access;
}

/** Of a key and of the one whose rights it has, as the database has them. */
interface KeyColumns {
  readonly place: number;
  readonly submitter: number;
  readonly parent: number | null;
  readonly root: number | null;
  readonly overtaken: number | null;
  readonly readsUpTo: number;
  readonly rootOvertaken: number | null;
  readonly rootReadsUpTo: number | null;
}

const KEY = `SELECT own.handshake AS place, own.client AS submitter, own.parent, own.root, own.overtaken, own.reads_up_to AS readsUpTo,
  root.overtaken AS rootOvertaken, root.reads_up_to AS rootReadsUpTo
  FROM epoch_key AS own LEFT JOIN epoch_key AS root ON root.grp = own.grp AND root.handshake = own.root`;

function keyFrom(row: KeyColumns): KeyRow {
  const { place, submitter, readsUpTo } = row;
  const overtaken = row.overtaken ?? undefined;
  const root =
    row.rootReadsUpTo === null
      ? undefined
      : { overtaken: row.rootOvertaken ?? undefined, readsUpTo: row.rootReadsUpTo };
  return {
    place,
    submitter,
    parent: row.parent ?? undefined,
    root: row.root ?? undefined,
    overtaken,
    readsUpTo,
    access: { key: { overtaken, readsUpTo }, root },
  };
}

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
    return this.#store.one<GroupRow>(`${GROUP} WHERE group_id = ? AND ?`, groupId, ALWAYS);
  }

  /** @throws DeliveryError `not-found` */
  need(groupId: Uint8Array): GroupRow {
    const group = this.find(groupId);
    if (group !== undefined) return group;
    const isOver = this.#hasEnded(groupId);
    return refuse("not-found", isOver ? "the group has ended" : "the service doesn't know this group");
  }

  #hasEnded(groupId: Uint8Array): boolean {
    const sql = "SELECT 1 AS found FROM ended WHERE hash = ? AND ?";
    return this.#store.one(sql, endedHash(groupId), ALWAYS) !== undefined;
  }

  /**
   * Whether a group may be made. The ID of one that has ended isn't given again: a former member who has lost its state would else
   * join the group of whoever has taken it.
   * @throws DeliveryError `forbidden`
   */
  checkNew(groupId: Uint8Array): void {
    if (this.#hasEnded(groupId)) refuse("forbidden", "a group had this ID, and has ended");
  }

  /** A member reads a group. Not each time is written. */
  async use({ id, used }: GroupRow): Promise<void> {
    const { now, times } = this.#settings;
    if (now() - used < times.groups / PARTS) return;
    await this.#store.write(() =>
      this.#store.run("UPDATE grp SET used = max(used, ?) WHERE id = ?", now(), id),
    );
  }

  /** As it is now. */
  get(id: number): GroupRow {
    return this.#store.one<GroupRow>(`${GROUP} WHERE id = ?`, id) as GroupRow;
  }

  #keys(where: string, ...values: (number | Uint8Array)[]): KeyRow[] {
    return this.#store.all<KeyColumns>(`${KEY} WHERE own.grp = ? AND ${where}`, ...values).map(keyFrom);
  }

  findKey(group: number, publicKey: Uint8Array): KeyRow | undefined {
    return this.#keys("own.public_key = ?", group, publicKey)[0];
  }

  /** @throws DeliveryError `forbidden` */
  key(group: number, publicKey: Uint8Array): KeyRow {
    const key = this.findKey(group, publicKey);
    return key ?? refuse("forbidden", "no handshake that is kept has registered this key");
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
    if (this.#store.one(sql, group, client, key.place) === undefined)
      throw new Needed("proof", "expected a proof of the key");
    return key;
  }

  /** @throws DeliveryError `forbidden`, `limit` */
  checkMayWrite(key: KeyRow | undefined): void {
    const { members, now, times } = this.#settings;
    if (members === "unchecked") return;
    if (key === undefined) refuse("forbidden", "expected the key of an epoch, got none");
    else checkMayWrite(key.access, now(), times.grace);
  }

  /** A client has proven the key of a handshake. @returns whether that confirms the handshake */
  addProof(group: number, client: number, handshake: number): boolean {
    const { now, times } = this.#settings;
    const [key] = this.#keys("own.handshake = ?", group, handshake);
    // It was deleted meanwhile.
    if (key === undefined) return false;
    const isConfirmed = isConfirmedBy(key, client, this.provenKeys(group, client), now(), times.grace);
    const sql = "INSERT OR IGNORE INTO proof (grp, client, handshake) VALUES (?, ?, ?)";
    this.#store.run(sql, group, client, handshake);
    this.addKnown(group, client);
    if (isConfirmed) this.#confirm(group, handshake, now());
    return isConfirmed;
  }

  #confirm(group: number, handshake: number, now: number): void {
    const over = "UPDATE epoch_key SET overtaken = ?, reads_up_to = ? WHERE grp = ? AND handshake = ?";
    for (const key of this.#keys("own.handshake < ? AND own.overtaken IS NULL", group, handshake)) {
      const { overtaken = null, readsUpTo } = overtaking(key, handshake, now) ?? key;
      this.#store.run(over, overtaken, readsUpTo, group, key.place);
    }
    const later = this.#keys("own.handshake > ? ORDER BY own.handshake", group, handshake);
    for (const heir of heirsOf(handshake, later))
      this.#store.run(
        "UPDATE epoch_key SET root = ? WHERE grp = ? AND handshake = ?",
        handshake,
        group,
        heir,
      );
  }

  /** The keys that a client has proven. */
  provenKeys(group: number, client: number): KeyRow[] {
    const proven = "own.handshake IN (SELECT handshake FROM proof WHERE grp = ? AND client = ?)";
    return this.#keys(proven, group, group, client);
  }

  /** The client's user may know the group's state, and join by it, from now on. */
  addKnown(group: number, client: number): void {
    const sql = "INSERT OR IGNORE INTO known (grp, user) SELECT ?, user FROM client WHERE id = ?";
    this.#store.run(sql, group, client);
  }

  /**
   * Whether a user without a key may know the group's state, and join by it: who has ever proven a key, made the group, or
   * was sent a Welcome. @throws DeliveryError `forbidden`
   */
  checkKnown(group: number, user: number): void {
    if (this.#settings.members === "unchecked" || this.#settings.openGroups) return;
    const sql = "SELECT 1 AS found FROM known WHERE grp = ? AND user = ?";
    if (this.#store.one(sql, group, user) === undefined)
      refuse("forbidden", "the user has never been a member of the group");
  }

  /** The newest GroupInfo, and the handshake that it belongs to. */
  groupInfo(group: number): { groupInfo: Bytes; handshake: string } {
    const sql = "SELECT group_info AS bytes, last_handshake AS handshake FROM grp WHERE id = ?";
    const row = this.#store.one<{ bytes: Blob; handshake: number }>(sql, group);
    return { groupInfo: bytesOf(row?.bytes ?? null), handshake: cursorOf(row?.handshake ?? 0) };
  }
}
