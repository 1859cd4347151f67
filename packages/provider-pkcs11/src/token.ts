// PKCS#11 v2.40 §5.5, §5.6: one token, its login, and a pool of sessions. PKCS#11 has one operation in a
// session at a time, so each call has a session to itself.
import { MlsError } from "@copse/core/provider";
import {
  CKF_RW_SESSION,
  CKF_SERIAL_SESSION,
  CKF_TOKEN_INITIALIZED,
  type Cryptoki,
  type Handle,
  type TokenInfo,
} from "./cryptoki.js";
import { answerOf, CKR_SESSION_COUNT, mayBeRestarted, TokenError, tokenError } from "./errors.js";
import type { Library, LongCalls } from "./library.js";
import { type LoginOptions, login } from "./login.js";

/** Which token: by its label, or by the number of its slot. */
export interface TokenChoice {
  readonly slot?: number | undefined;
  readonly tokenLabel?: string | undefined;
}

/** A logged-in presence of the token. Object handles that were found in one mean nothing in the next. */
interface Connection {
  readonly slot: Handle;
  readonly idle: Handle[];
  open: number;
  lost: boolean;
  readonly waiting: { resolve(session: Handle): void; reject(error: unknown): void }[];
}

/** A session, for the time of one call. */
export interface Session {
  readonly cryptoki: Cryptoki;
  readonly long: LongCalls;
  readonly handle: Handle;
  /** Stands for the time from one login to its loss. */
  readonly connection: object;
}

export class Token {
  readonly #library: Library;
  readonly #choice: TokenChoice;
  readonly #login: LoginOptions;
  readonly #poolSize: number;
  #connection: Connection | undefined;
  #connecting: Promise<Connection> | undefined;
  #info: TokenInfo | undefined;
  #slot: number | undefined;
  /** Whether no other token says the same of itself. */
  #unique = false;
  #mechanisms: ReadonlySet<number> = new Set();
  #active = 0;
  #closing: Promise<void> | undefined;
  /** What happens when the last call has ended. */
  #drained: () => void = () => {};

  private constructor(library: Library, choice: TokenChoice, options: LoginOptions, poolSize: number) {
    this.#library = library;
    this.#choice = choice;
    this.#login = options;
    this.#poolSize = poolSize;
  }

  /** Finds the token and logs in. @throws TokenError; MlsError `missing` if there is no such token */
  static async open(
    library: Library,
    choice: TokenChoice,
    options: LoginOptions,
    poolSize: number,
  ): Promise<Token> {
    const token = new Token(library, choice, options, poolSize);
    await token.#connect();
    return token;
  }

  get label(): string {
    return this.#info?.label.trim() ?? this.#choice.tokenLabel ?? "";
  }

  get info(): TokenInfo {
    return this.#info as TokenInfo;
  }

  offers(mechanism: number): boolean {
    return this.#mechanisms.has(mechanism);
  }

  /**
   * Runs a call with a session of its own. A session in which a call failed isn't used again.
   * @param what the call is for, for the error
   * @throws TokenError, with `lost` if the session or the token was lost; MlsError `closed`
   */
  async use<T>(what: string, call: (session: Session) => Promise<T>): Promise<T> {
    this.#active++;
    try {
      let connection = await this.#connect();
      // It may have been given up between the answer and this line.
      while (connection.lost) connection = await this.#connect();
      return await this.#useSession(connection, what, call);
    } finally {
      this.#active--;
      if (this.#active === 0) this.#drained();
    }
  }

  /**
   * Closes all sessions, with which the login ends. Calls that are under way end as they end: a library must not
   * be finalised below them. Those that wait for a session are refused.
   */
  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      if (this.#connection !== undefined) this.#drop(this.#connection, closed());
      this.#drained = () => {
        this.#library.release();
        this.#drained = () => {};
        resolve();
      };
      if (this.#active === 0) this.#drained();
    });
    return this.#closing;
  }

  async #useSession<T>(
    connection: Connection,
    what: string,
    call: (session: Session) => Promise<T>,
  ): Promise<T> {
    let handle: Handle;
    try {
      handle = await this.#acquire(connection);
    } catch (error) {
      throw this.#failure(connection, what, error);
    }
    let answer: T;
    try {
      const { cryptoki, long } = this.#library;
      answer = await call({ cryptoki, long, handle, connection });
    } catch (error) {
      const failure = this.#failure(connection, what, error);
      this.#discard(connection, handle);
      throw failure;
    }
    this.#release(connection, handle);
    return answer;
  }

  /** The error for a call that failed. If it tells of a loss, nobody gets a session of this connection after it. */
  #failure(connection: Connection, what: string, error: unknown): MlsError {
    const failure = tokenError(this.label, what, error);
    if (failure instanceof TokenError && failure.lost) this.#drop(connection, failure);
    return failure;
  }

  async #connect(): Promise<Connection> {
    if (this.#closing !== undefined) throw closed();
    if (this.#connection !== undefined) return this.#connection;
    // All who come meanwhile share one attempt, and so one PIN.
    this.#connecting ??= this.#logIn().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async #logIn(): Promise<Connection> {
    const { cryptoki } = this.#library;
    this.#library.initialize();
    let session: Handle | undefined;
    try {
      const slot = this.#findSlot();
      const handle = cryptoki.C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION);
      session = handle;
      await login(cryptoki, slot, handle, this.#login, this.#unique);
      // The application may have closed the provider while it was asked for the PIN.
      if (this.#closing !== undefined) throw closed();
      this.#connection = { slot, idle: [handle], open: 1, lost: false, waiting: [] };
      return this.#connection;
    } catch (error) {
      if (session !== undefined) this.#closeSession(session);
      throw tokenError(this.label, "logging in", error);
    }
  }

  /** A token that was found once is known by what it says of itself: another in its place isn't it. */
  #findSlot(): Handle {
    const { cryptoki } = this.#library;
    const { slot: number, tokenLabel } = this.#choice;
    const known = this.#info;
    const all = cryptoki
      .C_GetSlotList(true)
      .map((slot) => ({ slot, info: cryptoki.C_GetTokenInfo(slot), number: slotNumber(slot) }))
      .filter(({ info }) => (info.flags & CKF_TOKEN_INITIALIZED) !== 0);
    const same = (info: TokenInfo) => all.filter((one) => isSameToken(one.info, info));
    const there = known === undefined ? [] : same(known);
    const inItsSlot = there.filter((one) => one.number === this.#slot);
    const fits = (one: (typeof all)[number]) =>
      (number === undefined || one.number === number) &&
      (tokenLabel === undefined || one.info.label.trim() === tokenLabel);
    const found =
      known === undefined
        ? all.filter(fits)
        : // One that has a twin may be either of them, unless it is where it was.
          inItsSlot.length > 0 || !this.#unique || there.length > 1
          ? inItsSlot
          : there;
    const [first] = found;
    if (first === undefined) {
      if (known !== undefined) {
        throw new TokenError(
          `the token "${this.label}" isn't there any more; a later call looks for it again`,
          {
            lost: true,
          },
        );
      }
      throw new MlsError("missing", `there is no ${describeChoice(this.#choice)}`);
    }
    if (found.length > 1) {
      throw new MlsError(
        "usage",
        `there are ${found.length} of ${describeChoice(this.#choice)}: name the slot`,
      );
    }
    // Whoever had a twin once may have it again.
    const isFirst = known === undefined;
    this.#unique = (isFirst || this.#unique) && hasSerial(first.info) && same(first.info).length === 1;
    this.#info = first.info;
    this.#slot = first.number;
    this.#mechanisms = new Set(cryptoki.C_GetMechanismList(first.slot));
    return first.slot;
  }

  #acquire(connection: Connection): Promise<Handle> {
    const idle = connection.idle.pop();
    if (idle !== undefined) return Promise.resolve(idle);
    if (connection.open < this.#poolSize) {
      try {
        const session = this.#openSession(connection);
        connection.open++;
        return Promise.resolve(session);
      } catch (error) {
        // A token that has no more sessions serves with those there are.
        if (answerOf(error)?.code !== CKR_SESSION_COUNT || connection.open === 0) {
          return Promise.reject(error as Error);
        }
      }
    }
    return new Promise((resolve, reject) => connection.waiting.push({ resolve, reject }));
  }

  #release(connection: Connection, session: Handle): void {
    if (connection.lost) {
      this.#closeSession(session);
      return;
    }
    const next = connection.waiting.shift();
    if (next === undefined) connection.idle.push(session);
    else next.resolve(session);
  }

  /**
   * Replaces a session, in which an operation may have been left open. The new one is opened first: with its
   * last session a process loses its login.
   */
  #discard(connection: Connection, session: Handle): void {
    if (!connection.lost) {
      try {
        const fresh = this.#openSession(connection);
        this.#closeSession(session);
        this.#release(connection, fresh);
        return;
      } catch {
        // No session can be opened: no more than this one is lost now, and the next call sees what else is.
        this.#drop(connection, new TokenError(`the token "${this.label}" lost its session`, { lost: true }));
      }
    }
    this.#closeSession(session);
  }

  #openSession({ slot }: Connection): Handle {
    return this.#library.cryptoki.C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION);
  }

  #closeSession(session: Handle): void {
    try {
      this.#library.cryptoki.C_CloseSession(session);
    } catch {
      // It is gone already.
    }
  }

  /** Gives a connection up: the next call makes a new one. */
  #drop(connection: Connection, error: unknown): void {
    if (connection.lost) return;
    connection.lost = true;
    if (this.#connection === connection) this.#connection = undefined;
    for (const session of connection.idle.splice(0)) this.#closeSession(session);
    for (const { reject } of connection.waiting.splice(0)) reject(error);
    if (error instanceof TokenError && mayBeRestarted(error)) this.#library.doubt();
  }
}

/** A token in another slot may be the same one, put into another reader. */
function isSameToken(one: TokenInfo, other: TokenInfo): boolean {
  const names = ["label", "manufacturerID", "model", "serialNumber"] as const;
  return names.every((name) => one[name] === other[name]);
}

/** Some tokens have none, or zeros in its place, which all tokens of their kind have. */
function hasSerial({ serialNumber }: TokenInfo): boolean {
  return /[^0\s]/.test(serialNumber);
}

/** The number of a slot from its handle. */
function slotNumber(slot: Handle): number {
  return Number(slot.length === 8 ? slot.readBigUInt64LE() : slot.readUInt32LE());
}

function describeChoice({ slot, tokenLabel }: TokenChoice): string {
  const label = tokenLabel === undefined ? "initialised token" : `token with the label "${tokenLabel}"`;
  return slot === undefined ? label : `${label} in slot ${slot}`;
}

const closed = (): MlsError => new MlsError("closed", "the PKCS#11 provider is closed");
