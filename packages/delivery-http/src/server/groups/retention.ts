// What isn't kept any more: old entries and Welcomes, IDs, logins, and keys of epochs whose handshakes are gone.
import { mayWrite } from "@copse/delivery/rules";
import type { DeliveryCounters } from "../counters.js";
import type { Settings } from "../options.js";
import type { Store } from "../store.js";

/** How often is looked for what is too old, in milliseconds. */
const EVERY = 60_000;
/** How much is deleted in one transaction: other calls wait for it. */
const AT_ONCE = 2000;

export class Retention {
  readonly #store: Store;
  readonly #settings: Settings;
  readonly #counters: DeliveryCounters;
  readonly #report: (error: unknown) => void;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(
    store: Store,
    settings: Settings,
    counters: DeliveryCounters,
    report: (error: unknown) => void,
  ) {
    this.#store = store;
    this.#settings = settings;
    this.#counters = counters;
    this.#report = report;
    this.#timer = setInterval(() => void this.clean(), Math.min(EVERY, settings.times.entries));
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
    return Math.min(count + welcomes.length, AT_ONCE);
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
  const sql = "SELECT count(*) AS n, total(length(message)) AS size FROM entry WHERE grp = ? AND seq <= ?";
  const { n, size } = store.one<{ n: number; size: number }>(sql, group, upTo) ?? { n: 0, size: 0 };
  store.run("DELETE FROM entry WHERE grp = ? AND seq <= ?", group, upTo);
  store.run("UPDATE grp SET gone = max(gone, ?), size = size - ? WHERE id = ?", upTo, size, group);
  const keys = store.all<{ handshake: number; isRoot: number; overtaken: number | null }>(
    "SELECT handshake, handshake IS root AS isRoot, overtaken FROM epoch_key WHERE grp = ? AND handshake <= ? AND handshake < (SELECT last_handshake FROM grp WHERE id = ?)",
    group,
    upTo,
    group,
  );
  const { now, times } = settings;
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
    "SELECT max(seq) AS seq FROM (SELECT seq, sum(length(message)) OVER (ORDER BY seq DESC) AS after FROM entry WHERE grp = ?) WHERE after > ? AND seq < (SELECT last FROM grp WHERE id = ?)",
    group,
    Math.floor(most * 0.9),
    group,
  );
  return row?.seq == null ? 0 : dropEntries(store, settings, group, row.seq);
}
