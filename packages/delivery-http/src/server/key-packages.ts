// Key packages: published, handed out once each, those of last resort last.
import { checkCount } from "@copse/delivery/rules";
import { DeliveryError } from "@copse/delivery/service";
import type { BodyOf } from "../wire/routes.js";
import type { DeliveryCounters } from "./counters.js";
import { refuse } from "./failures.js";
import type { Hold } from "./held.js";
import type { Settings } from "./options.js";
import type { Rates } from "./rates.js";
import { ALWAYS, type Blob, bytesOf, type Store } from "./store.js";

/** How many key packages that were handed out are known of each client: Welcomes may come for them. */
const HANDED_OUT = 10_000;

type ClaimRates = Rates<"claimed" | "claimedByOne">;

interface Offer {
  readonly id: number;
  readonly last_resort: number;
  readonly bytes: Blob;
}

export class KeyPackages {
  readonly #store: Store;
  readonly #settings: Settings;
  readonly #counters: DeliveryCounters;
  readonly #rates: ClaimRates;

  constructor(store: Store, settings: Settings, counters: DeliveryCounters, rates: ClaimRates) {
    this.#store = store;
    this.#settings = settings;
    this.#counters = counters;
    this.#rates = rates;
  }

  publish(client: number, { keyPackages }: BodyOf<"publish">): Promise<void> {
    const { limits, now } = this.#settings;
    for (const { keyPackage } of keyPackages)
      checkCount("keyPackage, bytes", keyPackage.length, limits.keyPackage);
    return this.#store.write(() => {
      const fresh = keyPackages.filter(({ reference }) => this.#isNew(client, reference));
      const sql =
        "SELECT count(*) AS n FROM key_package WHERE client = ? AND bytes IS NOT NULL AND not_after * 1000 > ?";
      const offered = this.#store.one<{ n: number }>(sql, client, now())?.n ?? 0;
      checkCount("keyPackages", offered + fresh.length, limits.keyPackages);
      this.#store.run("DELETE FROM key_package WHERE client = ? AND not_after * 1000 <= ?", client, now());
      for (const one of fresh) this.#put(client, one);
      this.#store.run(
        "DELETE FROM key_package WHERE id IN (SELECT id FROM key_package WHERE client = ? AND bytes IS NULL ORDER BY id DESC LIMIT -1 OFFSET ?)",
        client,
        HANDED_OUT,
      );
    });
  }

  #isNew(client: number, reference: Uint8Array): boolean {
    const found = this.#store.one<{ client: number }>(
      "SELECT client FROM key_package WHERE reference = ? AND ?",
      reference,
      ALWAYS,
    );
    if (found !== undefined && found.client !== client)
      refuse("invalid", "another client has published this key package");
    return found === undefined;
  }

  #put(client: number, one: BodyOf<"publish">["keyPackages"][number]): void {
    const { reference, keyPackage, suite, notAfter, lastResort } = one;
    if (lastResort)
      this.#store.run(
        "UPDATE key_package SET bytes = NULL WHERE client = ? AND suite = ? AND last_resort = 1 AND bytes IS NOT NULL",
        client,
        suite,
      );
    const end = Math.min(Number(notAfter), Number.MAX_SAFE_INTEGER / 1000);
    const sql =
      "INSERT OR IGNORE INTO key_package (reference, client, suite, not_after, last_resort, bytes) VALUES (?, ?, ?, ?, ?, ?)";
    this.#store.run(sql, reference, client, suite, Math.floor(end), lastResort ? 1 : 0, keyPackage);
  }

  count(client: number, suite: number): { single: number; lastResort: number } {
    const rows = this.#store.all<{ last_resort: number; n: number }>(
      "SELECT last_resort, count(*) AS n FROM key_package WHERE client = ? AND suite = ? AND bytes IS NOT NULL AND not_after * 1000 > ? GROUP BY last_resort",
      client,
      suite,
      this.#settings.now(),
    );
    const of = (lastResort: number) => rows.find((row) => row.last_resort === lastResort)?.n ?? 0;
    return { single: of(0), lastResort: of(1) };
  }

  withdraw(client: number, references: readonly Uint8Array[] | undefined): Promise<void> {
    const all = "DELETE FROM key_package WHERE client = ? AND bytes IS NOT NULL";
    return this.#store.write(() => {
      if (references === undefined) this.#store.run(all, client);
      else for (const one of references) this.#store.run(`${all} AND reference = ?`, client, one);
    });
  }

  /**
   * Single ones go at a rate, for each claimer and for all: then those of last resort are handed out, so that nobody
   * keeps others from inviting the user.
   * @throws DeliveryError `limit` if a client has none of last resort then, and nothing is taken
   */
  claim(claimer: number, user: string, suite: number, answer: Hold): Promise<Uint8Array[]> {
    return this.#store.write(() => {
      answer.check();
      const clients = this.#store.all<{ id: number; user: number }>(
        "SELECT client.id, client.user FROM client JOIN user ON user.id = client.user WHERE user.name = ? ORDER BY client.id",
        user,
      );
      const offers = clients.flatMap(({ id }) => this.#offer(id, suite, false) ?? []);
      if (offers.every((one) => one.last_resort === 1)) return this.#handOut(offers, answer);
      const over = this.#overRate(claimer, clients[0]?.user as number);
      if (over === undefined) return this.#handOut(offers, answer);
      const lasting = clients.flatMap(({ id }) => this.#offer(id, suite, true) ?? []);
      if (lasting.length < offers.length) throw over;
      return this.#handOut(lasting, answer);
    });
  }

  #overRate(claimer: number, user: number): DeliveryError | undefined {
    try {
      this.#rates.take("claimedByOne", `${claimer} of ${user}`);
      this.#rates.take("claimed", user);
      return undefined;
    } catch (error) {
      if (error instanceof DeliveryError) return error;
      throw error;
    }
  }

  /** What a client would hand out next: single ones first. */
  #offer(client: number, suite: number, isLasting: boolean): Offer | undefined {
    return this.#store.one<Offer>(
      "SELECT id, last_resort, bytes FROM key_package WHERE client = ? AND suite = ? AND bytes IS NOT NULL AND not_after * 1000 > ? AND last_resort >= ? ORDER BY last_resort, id LIMIT 1",
      client,
      suite,
      this.#settings.now(),
      isLasting ? 1 : 0,
    );
  }

  #handOut(offers: readonly Offer[], answer: Hold): Uint8Array[] {
    for (const { id, last_resort } of offers)
      if (last_resort === 0) this.#store.run("UPDATE key_package SET bytes = NULL WHERE id = ?", id);
    const taken = offers.map(({ bytes }) => bytesOf(bytes));
    answer.add(taken.reduce((sum, { length }) => sum + length, 0));
    this.#counters.keyPackagesClaimed += taken.length;
    return taken;
  }

  /** Whose the key package with this reference is; `undefined` if nobody has published it. */
  ownerOf(reference: Uint8Array): number | undefined {
    const sql = "SELECT client FROM key_package WHERE reference = ? AND ?";
    return this.#store.one<{ client: number }>(sql, reference, ALWAYS)?.client;
  }
}
