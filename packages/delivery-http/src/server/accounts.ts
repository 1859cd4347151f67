// Who a client is: logins by its own key, and the tokens that they give.
import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { verifyWithLabel } from "@copse/core/extension";
import type { CryptoProvider } from "@copse/core/provider";
import { checkCount } from "@copse/delivery/rules";
import { ADMISSION_LABEL, LOGIN_LABEL } from "../wire/routes.js";
import { encode } from "../wire/shape.js";
import { admissionStatement, type Login, loginStatement, readAdmission } from "../wire/structures.js";
import type { DeliveryCounters } from "./counters.js";
import { Needed, refuse } from "./failures.js";
import type { AdmissionRequest, Settings } from "./options.js";
import type { Rates } from "./rates.js";
import { ALWAYS, type Store } from "./store.js";

/** A client that has logged in. */
export interface Account {
  readonly id: number;
  /** The user's row. */
  readonly user: number;
}

interface KnownToken extends Account {
  readonly until: number;
}

/** The most tokens that are known without a look into the database. */
const MAX_KNOWN = 10_000;
const NONCE = 16;
const TIME = 6;
const TAG = 32;

/** The clients of a user, by its name. */
const CLIENT = "client JOIN user ON user.id = client.user WHERE user.name = ?";

const sha256 = (data: string | Uint8Array) => createHash("sha256").update(data).digest();

export class Accounts {
  readonly #store: Store;
  readonly #settings: Settings;
  readonly #counters: DeliveryCounters;
  readonly #crypto: CryptoProvider;
  readonly #origins: () => readonly string[];
  readonly #admit: (request: AdmissionRequest) => boolean | Promise<boolean>;
  readonly #rates: Rates<"register">;
  /** Challenges carry their own proof, so that who asks for them takes no memory. This key is the process's. */
  readonly #key = randomBytes(32);
  /** Challenges that a login has used, until they would be over. */
  readonly #used = new Map<string, number>();
  /** Tokens that have been used, by their hashes. */
  readonly #known = new Map<string, KnownToken>();

  constructor(parts: {
    readonly store: Store;
    readonly settings: Settings;
    readonly counters: DeliveryCounters;
    readonly crypto: CryptoProvider;
    readonly origins: () => readonly string[];
    readonly admit: (request: AdmissionRequest) => boolean | Promise<boolean>;
    readonly rates: Rates<"register">;
  }) {
    this.#store = parts.store;
    this.#settings = parts.settings;
    this.#counters = parts.counters;
    this.#crypto = parts.crypto;
    this.#origins = parts.origins;
    this.#admit = parts.admit;
    this.#rates = parts.rates;
  }

  #tag(challenge: Uint8Array): Uint8Array {
    return createHmac("sha256", this.#key).update(challenge).digest();
  }

  /** A challenge: a nonce, the time, and this process's tag over both. */
  challenge(): Uint8Array {
    const bytes = Buffer.alloc(NONCE + TIME);
    randomBytes(NONCE).copy(bytes);
    bytes.writeUIntBE(this.#settings.now(), NONCE, TIME);
    return new Uint8Array(Buffer.concat([bytes, this.#tag(bytes)]));
  }

  #checkChallenge(challenge: Uint8Array): void {
    const bytes = challenge.subarray(0, NONCE + TIME);
    const tag = challenge.subarray(NONCE + TIME);
    const isOurs = tag.length === TAG && timingSafeEqual(tag, this.#tag(bytes));
    const time = isOurs ? Buffer.from(bytes).readUIntBE(NONCE, TIME) : 0;
    const now = this.#settings.now();
    if (!isOurs || Math.abs(now - time) > this.#settings.times.challenge)
      throw new Needed("login", "the challenge isn't one of this service, or is over: get another one");
  }

  /** Only once the signature is right: so nobody uses up another's challenge, and this grows by logins alone. */
  #useChallenge(challenge: Uint8Array): void {
    const now = this.#settings.now();
    for (const [old, until] of this.#used) {
      if (until > now) break;
      this.#used.delete(old);
    }
    const name = Buffer.from(challenge).toString("base64");
    if (this.#used.has(name)) throw new Needed("login", "the challenge was used: get another one");
    this.#used.set(name, now + 2 * this.#settings.times.challenge);
  }

  async #verify(
    by: { readonly suite: number; readonly signatureKey: Uint8Array },
    label: string,
    content: Uint8Array,
    signature: Uint8Array,
  ): Promise<boolean> {
    if (!this.#crypto.suites.some(({ id }) => id === by.suite))
      refuse("invalid", `expected a cipher suite that the service knows, got ${by.suite}`);
    return verifyWithLabel(this.#crypto.suite(by.suite), by.signatureKey, label, content, signature);
  }

  /** @returns a token */
  async login(login: Login, address: string): Promise<string> {
    try {
      const account = await this.#account(login, address);
      const token = await this.#token(account);
      this.#counters.logins += 1;
      return token;
    } catch (error) {
      this.#counters.loginsRefused += 1;
      throw error;
    }
  }

  async #account(login: Login, address: string): Promise<Account> {
    const { origin, challenge, user, suite, signatureKey, signature, admission } = login;
    this.#checkChallenge(challenge);
    // The client signs the origin that it knows: so nobody passes a login on from another service.
    if (!this.#origins().includes(origin))
      refuse("forbidden", `expected a login for ${this.#origins().join(" or ")}, got one for ${origin}`);
    const content = encode(loginStatement, { origin, challenge, user, suite, signatureKey });
    if (!(await this.#verify(login, LOGIN_LABEL, content, signature)))
      refuse("forbidden", "the signature isn't one by this key over this login");
    this.#useChallenge(challenge);
    return this.#find(user, signatureKey) ?? this.#register(login, admission, address);
  }

  #find(user: string, signatureKey: Uint8Array): Account | undefined {
    const sql = `SELECT client.id, client.user FROM ${CLIENT} AND signature_key = ?`;
    return this.#store.one<Account>(sql, user, signatureKey);
  }

  #countOf(user: string): number {
    return this.#store.one<{ n: number }>(`SELECT count(*) AS n FROM ${CLIENT}`, user)?.n ?? 0;
  }

  async #register(login: Login, admission: Uint8Array | undefined, address: string): Promise<Account> {
    const { user, suite, signatureKey } = login;
    this.#rates.take("register", address);
    const isFirst = this.#countOf(user) === 0;
    const isVouchedFor = admission !== undefined && (await this.#isVouchedFor(login, admission));
    if (!(await this.#admit({ user, suite, signatureKey, isFirst, isVouchedFor, address })))
      refuse("forbidden", "the user has other clients: one of them must let this one in");
    const { limits, now } = this.#settings;
    return this.#store.write(() => {
      const known = this.#find(user, signatureKey);
      if (known !== undefined) return known;
      const clients = this.#countOf(user);
      // Somebody else may have taken the name meanwhile.
      if (isFirst && clients > 0)
        refuse("forbidden", "the user has other clients: one of them must let this one in");
      checkCount("clients of the user", clients + 1, limits.clients);
      if (clients === 0) {
        const users = this.#store.one<{ n: number }>("SELECT count(*) AS n FROM user")?.n ?? 0;
        checkCount("users", users + 1, limits.users);
        this.#store.run("INSERT INTO user (name) VALUES (?)", user);
      }
      const sql =
        "INSERT INTO client (user, signature_key, suite, time) SELECT id, ?, ?, ? FROM user WHERE name = ?";
      this.#store.run(sql, signatureKey, suite, now(), user);
      return this.#find(user, signatureKey) as Account;
    });
  }

  async #isVouchedFor(login: Login, encoded: Uint8Array): Promise<boolean> {
    const { origin, user, suite, signatureKey } = login;
    const { by, until, signature } = readAdmission(encoded);
    const sql = `SELECT suite FROM ${CLIENT} AND signature_key = ?`;
    const voucher = this.#store.one<{ suite: number }>(sql, user, by);
    if (voucher === undefined || until < this.#settings.now()) return false;
    const content = encode(admissionStatement, { origin, user, suite, signatureKey, until });
    return this.#verify({ suite: voucher.suite, signatureKey: by }, ADMISSION_LABEL, content, signature);
  }

  async #token({ id }: Account): Promise<string> {
    const token = randomBytes(32).toString("base64url");
    const { now, times, quotas } = this.#settings;
    await this.#store.write(() => {
      // One of the client's may end.
      this.#known.clear();
      const until = now() + times.login;
      this.#store.run("DELETE FROM token WHERE client = ? AND until <= ?", id, now());
      this.#store.run(
        "DELETE FROM token WHERE hash IN (SELECT hash FROM token WHERE client = ? ORDER BY until DESC LIMIT -1 OFFSET ?)",
        id,
        quotas.tokens - 1,
      );
      this.#store.run("INSERT INTO token (hash, client, until) VALUES (?, ?, ?)", sha256(token), id, until);
    });
    return token;
  }

  /** Whose token it is. @throws Needed */
  accountOf(token: string | undefined): Account {
    const hash = token === undefined ? "" : sha256(token).toString("base64");
    const known = this.#known.get(hash) ?? this.#look(hash);
    if (known === undefined || known.until <= this.#settings.now())
      throw new Needed("login", "expected the token of a login");
    return known;
  }

  #look(hash: string): KnownToken | undefined {
    const sql =
      "SELECT client.id, client.user, until FROM token JOIN client ON client.id = token.client WHERE hash = ? AND until > ?";
    const found = this.#store.one<KnownToken>(sql, Buffer.from(hash, "base64"), this.#settings.now());
    if (found === undefined) return undefined;
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(hash, found);
    return found;
  }

  logout(token: string): Promise<void> {
    return this.#store.write(() => {
      this.#store.run("DELETE FROM token WHERE hash = ? AND ?", sha256(token), ALWAYS);
      this.#known.clear();
    });
  }
}
