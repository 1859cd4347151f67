// Who is a member: whoever opens what is sealed to the key of an epoch.
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { ByteArray } from "@copse/core";
import type { CryptoProvider } from "@copse/core/provider";
import { GRANT_INFO } from "@copse/delivery/rules";
import type { Account } from "../accounts.js";
import { Needed, refuse } from "../failures.js";
import type { Settings } from "../options.js";
import type { Store } from "../store.js";
import type { GroupRows } from "./group-rows.js";

const INFO = new TextEncoder().encode(GRANT_INFO);
const EMPTY = new Uint8Array(0);
/** The most challenges of one client that wait for their answers, and of all. The oldest are dropped. */
const OF_CLIENT = 64;
const IN_ALL = 20_000;

interface Waiting {
  readonly client: number;
  readonly group: number;
  readonly handshake: number;
  readonly hash: Uint8Array;
  readonly until: number;
}

const sha256 = (data: Uint8Array) => createHash("sha256").update(data).digest();

export class EpochKeys {
  readonly #store: Store;
  readonly #rows: GroupRows;
  readonly #settings: Settings;
  readonly #crypto: CryptoProvider;
  readonly #onConfirmed: (group: number) => void;
  readonly #waiting = new Map<string, Waiting>();
  readonly #counts = new Map<number, number>();

  /** @param onConfirmed a proof has changed what the keys of a group are good for */
  constructor(
    store: Store,
    rows: GroupRows,
    settings: Settings,
    crypto: CryptoProvider,
    onConfirmed: (group: number) => void,
  ) {
    this.#onConfirmed = onConfirmed;
    this.#store = store;
    this.#rows = rows;
    this.#settings = settings;
    this.#crypto = crypto;
  }

  /** Seals something random to a key that a handshake has registered. @throws DeliveryError `forbidden`, `not-found` */
  async challenge(
    { id: client }: Account,
    groupId: Uint8Array,
    publicKey: Uint8Array,
  ): Promise<{ challenge: string; kemOutput: ByteArray; ciphertext: ByteArray }> {
    const group = this.#rows.need(groupId);
    const { place: handshake } = this.#rows.key(group.id, publicKey);
    const sql = "SELECT suite FROM epoch_key WHERE grp = ? AND handshake = ?";
    const suite = this.#store.one<{ suite: number }>(sql, group.id, handshake)?.suite as number;
    const grant = new Uint8Array(randomBytes(32));
    const { kemOutput, ciphertext } = await this.#crypto
      .suite(suite)
      .hpke.seal(publicKey, INFO, EMPTY, grant);
    const challenge = randomBytes(16).toString("hex");
    const until = this.#settings.now() + this.#settings.times.challenge;
    this.#add(challenge, { client, group: group.id, handshake, hash: sha256(grant), until });
    return { challenge, kemOutput, ciphertext };
  }

  #add(challenge: string, waiting: Waiting): void {
    this.#drop((one) => one.until <= this.#settings.now(), IN_ALL - 1);
    if ((this.#counts.get(waiting.client) ?? 0) >= OF_CLIENT) {
      const [oldest] = [...this.#waiting].find(([, { client }]) => client === waiting.client) ?? [];
      if (oldest !== undefined) this.#take(oldest);
    }
    this.#waiting.set(challenge, waiting);
    this.#counts.set(waiting.client, (this.#counts.get(waiting.client) ?? 0) + 1);
  }

  /** Drops the oldest, while they are over or too many. */
  #drop(isOver: (one: Waiting) => boolean, most: number): void {
    for (const [name, one] of this.#waiting) {
      if (!isOver(one) && this.#waiting.size <= most) return;
      this.#take(name);
    }
  }

  #take(challenge: string): Waiting | undefined {
    const waiting = this.#waiting.get(challenge);
    if (waiting === undefined) return undefined;
    this.#waiting.delete(challenge);
    const left = (this.#counts.get(waiting.client) ?? 1) - 1;
    if (left > 0) this.#counts.set(waiting.client, left);
    else this.#counts.delete(waiting.client);
    return waiting;
  }

  /** The client may use the key from now on. A challenge is good for one answer. @throws Needed, DeliveryError `forbidden` */
  async prove({ id: client }: Account, challenge: string, proof: Uint8Array): Promise<void> {
    const isOwn = this.#waiting.get(challenge)?.client === client;
    const waiting = isOwn ? this.#take(challenge) : undefined;
    if (waiting === undefined || waiting.until <= this.#settings.now())
      throw new Needed(
        "proof",
        "the challenge isn't one of this client, was answered, or is over: get another one",
      );
    if (!timingSafeEqual(waiting.hash, sha256(proof)))
      refuse("forbidden", "what the client has opened isn't what was sealed to its key");
    const { group, handshake } = waiting;
    const isConfirmed = await this.#store.write(() => this.#rows.addProof(group, client, handshake));
    // Others read less now, or more.
    if (isConfirmed) this.#onConfirmed(group);
  }
}
