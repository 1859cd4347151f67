// What a client offers: the key packages that can be claimed, by suite. A record names them; the key packages are elsewhere.

/** A key package on a shelf. */
export interface Offer {
  /** Of its reference. */
  readonly token: string;
  /** In seconds since 1970. */
  readonly notAfter: number;
}

/** The offers of a suite. The oldest comes first. */
export interface SuiteShelf {
  readonly single: readonly Offer[];
  /** The newest key package of last resort. */
  readonly last: Offer | undefined;
}

export type Shelf = ReadonlyMap<number, SuiteShelf>;

export const EMPTY: SuiteShelf = { single: [], last: undefined };

const hasExpired = ({ notAfter }: Offer) => notAfter * 1000 <= Date.now();

/** The same without what has expired. */
export function fresh(shelf: Shelf): Shelf {
  const cleared = Array.from(shelf, ([suite, { single, last }]): [number, SuiteShelf] => [
    suite,
    {
      single: single.filter((offer) => !hasExpired(offer)),
      last: last && !hasExpired(last) ? last : undefined,
    },
  ]);
  return new Map(cleared);
}

export const offersOf = ({ single, last }: SuiteShelf): readonly Offer[] =>
  last ? [...single, last] : single;

export const allOffers = (shelf: Shelf): readonly Offer[] => Array.from(shelf.values()).flatMap(offersOf);

/** The same without these. */
export function without(shelf: Shelf, tokens: ReadonlySet<string>): Shelf {
  const left = Array.from(shelf, ([suite, { single, last }]): [number, SuiteShelf] => [
    suite,
    {
      single: single.filter(({ token }) => !tokens.has(token)),
      last: last && tokens.has(last.token) ? undefined : last,
    },
  ]);
  return new Map(left);
}

/** The same with another one. One of last resort takes the place of the one before. */
export function withOffer(shelf: Shelf, suite: number, offer: Offer, isLast: boolean): Shelf {
  const { single, last } = shelf.get(suite) ?? EMPTY;
  const changed = isLast ? { single, last: offer } : { single: [...single, offer], last };
  return new Map(shelf).set(suite, changed);
}

const toPair = ({ token, notAfter }: Offer) => [token, notAfter];

/** As JSON: `[[suite, [[token, notAfter], …], [token, notAfter] | null], …]`. */
export function encodeShelf(shelf: Shelf): Uint8Array {
  const kept = Array.from(shelf).filter(([, suite]) => offersOf(suite).length > 0);
  const list = kept.map(([suite, { single, last }]) => [
    suite,
    single.map(toPair),
    last ? toPair(last) : null,
  ]);
  return new TextEncoder().encode(JSON.stringify(list));
}

function parse(bytes: Uint8Array | undefined): readonly unknown[] {
  try {
    const value: unknown = bytes && JSON.parse(new TextDecoder().decode(bytes));
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

function toOffer(value: unknown): Offer[] {
  const [token, notAfter]: unknown[] = Array.isArray(value) ? value : [];
  const isOffer = typeof token === "string" && isToken(token) && typeof notAfter === "number";
  return isOffer ? [{ token, notAfter }] : [];
}

/** What of a record has the right form: whoever may write records may write anything. */
export function decodeShelf(bytes: Uint8Array | undefined): Shelf {
  const suites = parse(bytes).flatMap((one): [number, SuiteShelf][] => {
    const [suite, single, last]: unknown[] = Array.isArray(one) ? one : [];
    if (typeof suite !== "number" || !Array.isArray(single)) return [];
    return [[suite, { single: single.flatMap(toOffer), last: toOffer(last)[0] }]];
  });
  return new Map(suites);
}

export const isToken = (value: string): boolean => /^[a-z2-7]{32}$/.test(value);

/** The clients of a user, as {@link decodeShelf}. */
export const decodeClients = (bytes: Uint8Array | undefined): readonly string[] =>
  parse(bytes).filter((client): client is string => typeof client === "string" && isToken(client));

export const encodeClients = (clients: readonly string[]): Uint8Array =>
  new TextEncoder().encode(JSON.stringify(clients));
