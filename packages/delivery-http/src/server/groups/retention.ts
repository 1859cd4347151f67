// What isn't kept any more: old entries and Welcomes, IDs, logins, keys of epochs whose handshakes are gone, and groups that nobody uses.
import { mayWrite } from "@copse/delivery/rules";
import type { DeliveryCounters } from "../counters.js";
import type { Settings } from "../options.js";
import { ALWAYS, type Blob, bytesOf, type Store } from "../store.js";
import { endedHash } from "./group-rows.js";
import { SIZE } from "./logs.js";

/** How often is looked for what is too old, in milliseconds. */
const EVERY = 60_000;
/** How much is deleted in one transaction: other calls wait for it. */
const AT_ONCE = 2000;
/** A group has a row for each client that was there. */
const GROUPS_AT_ONCE = 20;

export class Retention {
  readonly #store: Store;
  readonly #settings: Settings;
  readonly #counters: DeliveryCounters;
  readonly #isRead: (group: number) => boolean;
  readonly #report: (error: unknown) => void;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(parts: {
    readonly store: Store;
    readonly settings: Settings;
    readonly counters: DeliveryCounters;
    /** Whether somebody is subscribed to a group. */
    readonly isRead: (group: number) => boolean;
    readonly report: (error: unknown) => void;
  }) {
    const { settings } = parts;
    this.#store = parts.store;
    this.#settings = settings;
    this.#counters = parts.counters;
    this.#isRead = parts.isRead;
    this.#report = parts.report;
    this.#timer = setInterval(
      () => void this.clean(),
      Math.min(EVERY, settings.times.entries, settings.times.groups),
    );
    this.#timer.unref();
  }

  /** Deletes what is too old. */
  async clean(): Promise<void> {
    try {
      let left = AT_ONCE;
      while (left === AT_ONCE) left = await this.#store.write(() => this.#cleanOnce());
    } catch (error) {
      this.#report(error);
    }
  }

  /** @returns how much was deleted, at most {@link AT_ONCE} */
  #cleanOnce(): number {
    const store = this.#store;
    const { now, times } = this.#settings;
    const old = store.all<{ grp: number; seq: number }>(
      "SELECT grp, max(seq) AS seq FROM (SELECT grp, seq FROM entry WHERE time < ? ORDER BY time LIMIT ?) GROUP BY grp",
      now() - times.entries,
      AT_ONCE,
    );
    let count = 0;
    for (const { grp, seq } of old) count += dropEntries(store, this.#settings, grp, seq);
    const welcomes = store.all<{ client: number; seq: number }>(
      "SELECT client, seq FROM inbox WHERE time < ? LIMIT ?",
      now() - times.welcomes,
      AT_ONCE,
    );
    for (const { client, seq } of welcomes)
      store.run("DELETE FROM inbox WHERE client = ? AND seq = ?", client, seq);
    store.run(
      "DELETE FROM welcome WHERE id IN (SELECT id FROM welcome WHERE NOT EXISTS (SELECT 1 FROM inbox WHERE inbox.welcome = welcome.id) LIMIT ?)",
      AT_ONCE,
    );
    store.run("DELETE FROM submission WHERE time < ?", now() - times.ids);
    store.run("DELETE FROM token WHERE until <= ?", now());
    store.run("DELETE FROM key_package WHERE not_after * 1000 <= ?", now() - times.welcomes);
    this.#counters.expired += count + welcomes.length;
    return Math.min(count + welcomes.length + this.#endGroups(), AT_ONCE);
  }

  /** Ends groups that nobody has used for long enough. @returns how many there were */
  #endGroups(): number {
    const store = this.#store;
    const { now, times } = this.#settings;
    // Nothing that is kept by time belongs to a group that has ended.
    const kept = Math.max(times.groups, times.entries, times.welcomes, times.ids);
    const unused = store.all<{ id: number; groupId: Blob }>(
      "SELECT id, group_id AS groupId FROM grp WHERE used < ? ORDER BY used LIMIT ?",
      now() - kept,
      GROUPS_AT_ONCE,
    );
    for (const { id, groupId } of unused) {
      if (this.#isRead(id)) {
        store.run("UPDATE grp SET used = ? WHERE id = ?", now(), id);
        continue;
      }
      for (const table of ["entry", "submission", "epoch_key", "proof", "known"])
        store.run(`DELETE FROM ${table} WHERE grp = ?`, id);
      store.run("DELETE FROM grp WHERE id = ?", id);
      store.run("INSERT INTO ended (hash) SELECT ? WHERE ?", endedHash(bytesOf(groupId)), ALWAYS);
      this.#counters.groupsEnded += 1;
    }
    return unused.length === GROUPS_AT_ONCE ? AT_ONCE : 0;
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

/**
 * Deletes the entries of a group up to one, and their keys. The newest handshake's key stays, and those that are good by
 * themselves, with who has proven them: or else who sends much would lock all others out.
 * @returns how many there were
 */
export function dropEntries(store: Store, settings: Settings, group: number, upTo: number): number {
  const sql = `SELECT count(*) AS n, total(${SIZE}) AS size FROM entry WHERE grp = ? AND seq <= ?`;
  const { n, size } = store.one<{ n: number; size: number }>(sql, group, upTo) ?? { n: 0, size: 0 };
  store.run("DELETE FROM entry WHERE grp = ? AND seq <= ?", group, upTo);
  store.run("UPDATE grp SET gone = max(gone, ?), size = size - ? WHERE id = ?", upTo, size, group);
  const { now, times, quotas } = settings;
  store.run("DELETE FROM submission WHERE grp = ? AND seq <= ?", group, upTo - quotas.idsOfGroup);
  const keys = store.all<{ handshake: number; isRoot: number; overtaken: number | null }>(
    "SELECT handshake, handshake IS root AS isRoot, overtaken FROM epoch_key WHERE grp = ? AND handshake <= ? AND handshake < (SELECT last_handshake FROM grp WHERE id = ?)",
    group,
    upTo,
    group,
  );
  for (const { handshake, isRoot, overtaken } of keys) {
    const key = { overtaken: overtaken ?? undefined, readsUpTo: handshake };
    if (isRoot === 1 && mayWrite(key, now(), times.grace)) continue;
    store.run("DELETE FROM epoch_key WHERE grp = ? AND handshake = ?", group, handshake);
  }
  store.run(
    "DELETE FROM proof WHERE grp = ? AND handshake <= ? AND NOT EXISTS (SELECT 1 FROM epoch_key WHERE epoch_key.grp = proof.grp AND epoch_key.handshake = proof.handshake)",
    group,
    upTo,
  );
  return n;
}

/** Deletes the oldest entries of a group whose messages are too many bytes, and a tenth more, so that it isn't done each time. The newest stays. */
export function dropOver(store: Store, settings: Settings, group: number): number {
  const most = settings.groupBytes;
  const size = store.one<{ size: number }>("SELECT size FROM grp WHERE id = ?", group)?.size ?? 0;
  if (size <= most) return 0;
  const row = store.one<{ seq: number | null }>(
    `SELECT max(seq) AS seq FROM (SELECT seq, sum(${SIZE}) OVER (ORDER BY seq DESC) AS after FROM entry WHERE grp = ?) WHERE after > ? AND seq < (SELECT last FROM grp WHERE id = ?)`,
    group,
    Math.floor(most * 0.9),
    group,
  );
  return row?.seq == null ? 0 : dropEntries(store, settings, group, row.seq);
}
