// What a client of the service is made of.
import type { OptionShape } from "@copse/core/provider";
import { takeBytes, takeOptions, takeSuite, takeUser, takeWait } from "@copse/delivery/rules";
import { DeliveryError } from "@copse/delivery/service";
import { readAdmission } from "../wire/structures.js";
import { HttpConnection, type HttpDelivery } from "./delivery.js";
import type { FetchLike, SignLabelled } from "./requests.js";
import type { WebSocketClass } from "./socket.js";

/** The options of {@link httpDelivery}: `client`, or the three in its place. */
export interface HttpDeliveryOptions {
  /** Where the service is: `https://delivery.example`. The client signs the URL's origin. */
  readonly url: string;
  /** The user whose client it is: 1 to 255 bytes of UTF-8, without control characters. */
  readonly user: string;
  /** The client, whose key logs it in. */
  readonly client?: {
    readonly signatureKey: Uint8Array;
    readonly cipherSuite: { readonly id: number };
    readonly sign: SignLabelled;
  };
  /** SignWithLabel (RFC 9420 §5.1.2) by the key that logs it in. */
  readonly sign?: SignLabelled;
  /** `Npk` bytes: its public half. */
  readonly signatureKey?: Uint8Array;
  /** The cipher suite whose signature scheme the key is of. */
  readonly suite?: number;
  /** If the user has other clients already: what `admit()` of one of them gave for this one. */
  readonly admission?: Uint8Array;
  /** In milliseconds: how long an answer is waited for. Default: 30,000. */
  readonly timeout?: number;
  /** Default: the platform's. */
  readonly fetch?: FetchLike;
  /** Default: the platform's; on Node 20, that of the package `ws`. */
  readonly WebSocket?: WebSocketClass;
}

const OPTIONS: OptionShape<HttpDeliveryOptions> = {
  // What isn't a type's name here is checked by a rule of its own.
  url: "unknown",
  user: "unknown",
  client: "object",
  sign: "function",
  signatureKey: "unknown",
  suite: "unknown",
  admission: "unknown",
  timeout: "number",
  fetch: "function",
  WebSocket: "function",
};

/**
 * Connects to a delivery service by HTTP and WebSocket. It logs in with the first call. A lost connection is `unavailable`:
 * the same call may be made again.
 * @throws DeliveryError `invalid` for wrong options
 * @example
 * const delivery = httpDelivery({ url: "https://delivery.example", user: "alice", client: alice });
 */
export function httpDelivery(options: HttpDeliveryOptions): HttpDelivery {
  const taken = takeOptions(options, OPTIONS);
  const { client, url, timeout = 30_000, admission } = taken;
  const sign = taken.sign ?? client?.sign?.bind(client);
  if (typeof sign !== "function")
    throw new DeliveryError("invalid", "expected a client, or sign, signatureKey and suite");
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new DeliveryError(
      "invalid",
      `url: expected one such as https://chat.example, got ${shownUrl(url)}`,
    );
  const fetchOfPlatform: FetchLike = (target, request) => fetch(target, request);
  return new HttpConnection(
    {
      url,
      user: takeUser(taken.user),
      suite: takeSuite(taken.suite ?? client?.cipherSuite?.id),
      signatureKey: takeBytes(taken.signatureKey ?? client?.signatureKey, "signatureKey", 1, 4096),
      sign,
      admission: admission === undefined ? undefined : takeAdmission(admission),
      fetch: taken.fetch ?? fetchOfPlatform,
      timeout: takeWait(timeout, "timeout"),
    },
    taken.WebSocket,
  );
}

/** By its form alone: whether it is right, the service says. */
function takeAdmission(value: unknown): Uint8Array {
  const admission = takeBytes(value, "admission", 1, 16_384);
  try {
    readAdmission(admission);
  } catch (cause) {
    throw new DeliveryError("invalid", (cause as Error).message, { cause });
  }
  return admission;
}

/** What came in the place of a URL, without what may be a password. */
const shownUrl = (url: unknown) =>
  typeof url === "string" ? `"${url.replace(/^.*@/s, "...@").slice(0, 80)}"` : String(url);
