// Who may call by way of a browser: whoever opens a page of any site lends that page a place in the own network. So a service on this
// machine, or behind a wall, looks at which page calls, and by which name it was reached.
import type { IncomingHttpHeaders } from "node:http";
import { refuse } from "./failures.js";

export interface DoorsOptions {
  /** The origins by which clients reach the service. `undefined`: by the names of this machine. */
  readonly origins: readonly string[] | undefined;
  /** The origins of further pages that may call, besides those of `origins`, or of this machine. */
  readonly pages: readonly string[] | "any";
  /** Whether a proxy decides which names lead here. */
  readonly isBehindProxy: boolean;
}

export class Doors {
  readonly #pages: ReadonlySet<string> | "any";
  readonly #isLocal: boolean;
  readonly #hosts: ReadonlySet<string> | "any";
  /** The origins by which clients reach the service, as clients write them. `undefined`: by the names of this machine. */
  readonly origins: readonly string[] | undefined;

  /** @throws DeliveryError `invalid` */
  constructor({ origins, pages, isBehindProxy }: DoorsOptions) {
    this.origins = origins === undefined ? undefined : takeOrigins("origins", origins);
    const own = this.origins ?? [];
    this.#pages = pages === "any" ? pages : new Set([...own, ...takePages("pages", pages)]);
    this.#isLocal = origins === undefined;
    this.#hosts = isBehindProxy ? "any" : new Set(own.map((one) => new URL(one).hostname));
  }

  /**
   * Whether pages of this origin may call. What isn't sent by a page has none.
   * @param origin of the header `Origin`, which pages can't choose
   */
  isOpenTo(origin: string): boolean {
    if (this.#pages === "any" || this.#pages.has(origin)) return true;
    return this.#isLocal && URL.canParse(origin) && isThisMachine(new URL(origin).hostname);
  }

  /** @throws DeliveryError `forbidden` for a page that may not call, and for a name that isn't the service's */
  check({ origin, host }: IncomingHttpHeaders): void {
    if (origin !== undefined && !this.isOpenTo(origin))
      refuse("forbidden", `pages of ${origin} may not call this service`);
    // A page's site may give its own name the address of this service: then the two have one origin for the browser.
    if (!this.#isOwn(host ?? "")) refuse("forbidden", "the service isn't known by this name");
  }

  #isOwn(host: string): boolean {
    if (this.#hosts === "any") return true;
    const url = `http://${host}`;
    if (!URL.canParse(url)) return false;
    const { hostname } = new URL(url);
    // An address is nobody's name.
    return this.#hosts.has(hostname) || isAddress(hostname) || isThisMachine(hostname);
  }
}

/** The origin of a URL as browsers write it; `undefined` if it has none. */
function originOf(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { origin, protocol, host } = new URL(url);
  if (origin !== "null") return origin;
  // Applications have schemes of their own. Without a host it is a name and a port: `localhost:8080`.
  return host === "" ? undefined : `${protocol}//${host}`;
}

/**
 * Origins as clients and browsers write them.
 * @param option the name by which they were given, for the error
 * @throws DeliveryError `invalid`
 */
export const takeOrigins = (option: string, values: readonly string[]): readonly string[] =>
  takeEach(option, "https://chat.example", values, (value) => {
    const origin = originOf(value);
    return origin !== undefined && /^https?:/.test(origin) ? origin : undefined;
  });

/** The same of pages, which may be those of applications. */
export const takePages = (option: string, values: readonly string[]): readonly string[] =>
  // `null` is the origin of pages without one of their own, such as files.
  takeEach(option, "https://app.example", values, (value) => (value === "null" ? value : originOf(value)));

function takeEach(
  option: string,
  example: string,
  values: readonly unknown[],
  take: (value: string) => string | undefined,
): readonly string[] {
  const wrong = (expected: string, value: unknown) => {
    const got =
      typeof value === "string" ? `"${value.slice(0, 80)}"` : value === null ? "null" : typeof value;
    return refuse("invalid", `${option}: expected ${expected}, got ${got}`);
  };
  if (!Array.isArray(values)) return wrong(`an array of origins such as ["${example}"]`, values);
  return values.map(
    (value: unknown) =>
      (typeof value === "string" ? take(value) : undefined) ?? wrong(`origins such as ${example}`, value),
  );
}

/** URLs write all forms of an IPv4 address as four numbers. */
const isAddress = (hostname: string) => hostname.startsWith("[") || /^\d+(\.\d+){3}$/.test(hostname);

const isThisMachine = (hostname: string) =>
  hostname === "localhost" ||
  hostname.endsWith(".localhost") ||
  hostname === "[::1]" ||
  /^127(\.\d+){3}$/.test(hostname);
