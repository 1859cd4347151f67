// Calls by HTTP, and the login that they need.
import type { AbortSignalLike, Bytes } from "@copse/core";
import { Ending } from "@copse/delivery/rules";
import { DeliveryError, type DeliveryErrorCode } from "@copse/delivery/service";
import {
  type AnswerOf,
  type BodyOf,
  LOGIN_LABEL,
  MEDIA_TYPE,
  ROUTES,
  type RouteName,
  STATUS,
} from "../wire/routes.js";
import { decode, encode, type Shape } from "../wire/shape.js";
import { type Failure, failureShape, loginStatement } from "../wire/structures.js";

/** What the client uses of `fetch`. */
export type FetchLike = (
  url: string,
  options: {
    readonly method: "POST";
    readonly headers: Readonly<Record<string, string>>;
    readonly body: Bytes;
    readonly signal: AbortSignal;
  },
) => Promise<{ readonly status: number; arrayBuffer(): Promise<ArrayBuffer> }>;

/** Signs with the client's key, as SignWithLabel of RFC 9420 (§5.1.2). */
export type SignLabelled = (label: string, content: Uint8Array) => Uint8Array | Promise<Uint8Array>;

export interface RequestOptions {
  readonly url: string;
  readonly user: string;
  readonly suite: number;
  readonly signatureKey: Uint8Array;
  readonly sign: SignLabelled;
  readonly admission: Uint8Array | undefined;
  readonly fetch: FetchLike;
  readonly timeout: number;
}

/** A service's failure, with what it needs before the same call is made again. */
export class ServiceError extends DeliveryError {
  readonly needs: string | undefined;

  constructor({ code, message, retryAfter, needs }: Failure) {
    const known = Object.hasOwn(STATUS, code) ? (code as DeliveryErrorCode) : "unavailable";
    super(known, message, retryAfter === undefined ? {} : { retryAfter });
    this.needs = needs;
  }
}

const needs = (error: unknown, what: string) => error instanceof ServiceError && error.needs === what;

export const needsProof = (error: unknown): boolean => needs(error, "proof");

const unavailable = (what: string, cause?: unknown) => new DeliveryError("unavailable", what, { cause });

/** Why a call failed, in a word, where the platform says so: its own error is "fetch failed", with a cause. */
function reasonOf(error: unknown): string {
  const { cause } = error as { readonly cause?: { readonly code?: unknown; readonly message?: unknown } };
  const [reason] = [cause?.code, cause?.message].filter((one) => typeof one === "string" && one !== "");
  // What is long, or has an address in it, is in the cause alone.
  return typeof reason === "string" && /^[^\n/]{1,80}$/.test(reason) ? `: ${reason}` : "";
}

export class Requests {
  readonly #options: RequestOptions;
  readonly #closing = new Ending();
  #token: Promise<string> | undefined;

  constructor(options: RequestOptions) {
    this.#options = options;
  }

  /** Ends all requests, those that nobody waits for too. */
  close(): void {
    this.#closing.abort(new DeliveryError("closed", "the connection was closed"));
  }

  /** The origin that is signed. */
  get origin(): string {
    return new URL(this.#options.url).origin;
  }

  /** The service in words, without what its URL may have of secrets. */
  get named(): string {
    return `the service at ${this.origin}`;
  }

  urlOf(path: string): string {
    return this.#options.url.replace(/\/+$/, "") + path;
  }

  /** The token of the login. It is made when it is needed first. */
  token(): Promise<string> {
    if (this.#token === undefined) {
      // One more challenge, if the service was started again in between.
      const token = this.#login().catch((error: unknown) => {
        if (needs(error, "login")) return this.#login();
        throw error;
      });
      this.#token = token;
      token.catch(() => this.forget(token));
    }
    return this.#token;
  }

  /** A token that isn't taken any more. */
  forget(token: Promise<string>): void {
    if (this.#token === token) this.#token = undefined;
  }

  async #login(): Promise<string> {
    const { user, suite, signatureKey, sign, admission } = this.#options;
    const { origin } = this;
    const { challenge } = await this.#post("challenge", {}, undefined, undefined);
    const statement = { origin, challenge, user, suite, signatureKey };
    const signature = await sign(LOGIN_LABEL, encode(loginStatement, statement));
    const { token } = await this.#post("login", { ...statement, signature, admission }, undefined, undefined);
    return token;
  }

  /** @throws DeliveryError */
  async call<N extends RouteName>(name: N, body: BodyOf<N>, signal: AbortSignalLike): Promise<AnswerOf<N>> {
    const token = this.token();
    try {
      return await this.#post(name, body, await token, signal);
    } catch (error) {
      if (!needs(error, "login")) throw error;
      // It is over, or the service doesn't know it any more.
      this.forget(token);
      return this.#post(name, body, await this.token(), signal);
    }
  }

  async #post<N extends RouteName>(
    name: N,
    body: BodyOf<N>,
    token: string | undefined,
    signal: AbortSignalLike | undefined,
  ): Promise<AnswerOf<N>> {
    const route = ROUTES[name];
    const headers: Record<string, string> = { "content-type": MEDIA_TYPE };
    if (token !== undefined) headers.authorization = `Bearer ${token}`;
    const request = {
      method: "POST",
      headers,
      body: encode(route.body as Shape<BodyOf<N>>, body),
    } as const;
    const { status, bytes } = await this.#fetch(this.urlOf(route.path), request, signal);
    if (status !== 200) throw failureIn(status, bytes);
    try {
      return decode(route.answer as Shape<AnswerOf<N>>, bytes);
    } catch (cause) {
      throw unavailable("the service's answer can't be read", cause);
    }
  }

  async #fetch(
    url: string,
    request: Omit<Parameters<FetchLike>[1], "signal">,
    signal: AbortSignalLike | undefined,
  ): Promise<{ status: number; bytes: Uint8Array }> {
    const { fetch, timeout } = this.#options;
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), timeout);
    const abort = () => controller.abort();
    const signals = signal === undefined ? [this.#closing] : [signal, this.#closing];
    for (const one of signals) one.addEventListener("abort", abort);
    const check = () => {
      for (const { aborted, reason } of signals) if (aborted) throw reason;
    };
    const attempt = async () => {
      const response = await fetch(url, { ...request, signal: controller.signal });
      return { status: response.status, bytes: new Uint8Array(await response.arrayBuffer()) };
    };
    try {
      check();
      // Once more at once: the platform may have taken a connection that the service has closed meanwhile.
      return await attempt().catch((error: unknown) => {
        if (controller.signal.aborted) throw error;
        return attempt();
      });
    } catch (cause) {
      check();
      const isLate = controller.signal.aborted;
      throw unavailable(
        isLate ? `${this.named} hasn't answered in time` : `${this.named} can't be reached${reasonOf(cause)}`,
        cause,
      );
    } finally {
      clearTimeout(timer);
      for (const one of signals) one.removeEventListener("abort", abort);
    }
  }
}

/** What a failed answer says. A proxy before the service may have given it. */
function failureIn(status: number, bytes: Uint8Array): DeliveryError {
  try {
    return new ServiceError(decode(failureShape, bytes));
  } catch {
    const code = status === 429 ? "limit" : status === 403 ? "forbidden" : "unavailable";
    return new DeliveryError(code, `the service answered with status ${status}`);
  }
}
