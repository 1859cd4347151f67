// What was measured on this device and on others, as files bring it.
import { type Noise, noiseOf } from "../../../src/noise.js";
import { OPERATIONS } from "../../../src/operations.js";
import type { Primitives } from "../../../src/primitive-prices.js";
import { isPeer } from "../../../src/references.js";
import type { Result } from "../../../src/samples.js";
import { BUILT_IN, type Served, type Wish } from "../messages.js";

/** The results of one device. */
export interface Device {
  readonly name: string;
  /** When they were measured, as far as that is known. */
  readonly date: string | undefined;
  readonly results: readonly Result[];
  readonly primitives: readonly Primitives[];
  /** What is known of its providers: nothing of a run of `npm run bench`. */
  readonly served: readonly Served[];
  /** What was asked for; `undefined` if that isn't known. */
  readonly wish: Wish | undefined;
  /** Whether it is the one that shows the page. */
  readonly own: boolean;
}

/** Its providers: ours first, other implementations last. */
export function providersOf({ results }: Device): string[] {
  const found = new Set(results.map(({ provider }) => provider));
  const ours = BUILT_IN.filter((name) => found.has(name) && !isPeer(name));
  const others = [...found].filter((name) => !ours.includes(name));
  return [...ours, ...others.filter((name) => !isPeer(name)), ...others.filter(isPeer)];
}

export type Place = Pick<Result, "provider" | "suite" | "members" | "tree" | "operation">;

const keyOf = ({ provider, suite, members, tree, operation }: Place) =>
  JSON.stringify([provider, suite, members, tree, operation]);

const indexes = new WeakMap<readonly Result[], ReadonlyMap<string, Result>>();

/** What a device has in a place. There are thousands of places and of results. */
export function resultOf({ results }: Device, place: Place): Result | undefined {
  const index = indexes.get(results) ?? new Map(results.map((one) => [keyOf(one), one]));
  indexes.set(results, index);
  return index.get(keyOf(place));
}

const EXPECTED = "expected the JSON that this page saves, or that copse-bench --json writes";
/** No report is as large. */
const MAX_BYTES = 32 << 20;

/**
 * Reads what this page or `npm run bench -- --json` wrote.
 * @throws Error, for people, if it is something else
 */
export async function readDevice(file: File): Promise<Device> {
  const failed = (why: string) => new Error(`${file.name}: ${EXPECTED}; ${why}.`);
  if (file.size > MAX_BYTES) throw failed(`this file has ${Math.round(file.size / (1 << 20))} MiB`);
  let content: Record<string, unknown>;
  try {
    content = record(JSON.parse(await file.text()));
  } catch {
    throw failed("this isn't JSON of an object");
  }
  if (content.format !== 1)
    throw failed(`its format is ${JSON.stringify(content.format) ?? "missing"}, not 1`);
  const { results, primitives = [], platform, served, wish, date, browser, processor, node } = content;
  if (!Array.isArray(results) || results.length === 0) throw failed("it has no results");
  const wrong = results.findIndex((one) => !isResult(one));
  if (wrong >= 0) throw failed(`its result ${wrong + 1} isn't one`);
  if (!Array.isArray(primitives) || !primitives.every(arePrimitives))
    throw failed("its primitives aren't any");
  const told = served ?? (isRecord(platform) ? platform.served : undefined);
  return {
    name: nameOf(browser, processor, node) ?? file.name,
    date: typeof date === "string" ? date.slice(0, 10) : undefined,
    results: results as Result[],
    primitives: primitives as Primitives[],
    served: Array.isArray(told) ? told.filter(isServed) : [],
    wish: isWish(wish) ? wish : undefined,
    own: false,
  };
}

function nameOf(browser: unknown, processor: unknown, node: unknown): string | undefined {
  if (typeof browser === "string") return browserName(browser);
  if (typeof processor === "string")
    return typeof node === "string" ? `${processor}, Node ${node}` : processor;
  return undefined;
}

/** A browser and its system, by what it says of itself. */
export function browserName(userAgent: string): string {
  const [, name, version] =
    /(Firefox|Edg|OPR|Chrome)\/(\d+)/.exec(userAgent) ?? /(Version)\/(\d+)\S* .*Safari/.exec(userAgent) ?? [];
  const system = /\(([^;)]+)(?:; ([^;)]+))?/.exec(userAgent);
  const where = system?.[1] === "X11" ? system[2] : system?.[1];
  if (name === undefined) return userAgent.slice(0, 60);
  const known: Readonly<Record<string, string>> = { Version: "Safari", Edg: "Edge", OPR: "Opera" };
  return `${known[name] ?? name} ${version}${where === undefined ? "" : `, ${where}`}`;
}

type Fields = Record<string, unknown>;
const isRecord = (value: unknown): value is Fields => typeof value === "object" && value !== null;

function record(value: unknown): Fields {
  if (!isRecord(value) || Array.isArray(value)) throw new TypeError("not an object");
  return value;
}

const isAmount = (value: unknown): boolean =>
  typeof value === "number" && Number.isFinite(value) && value >= 0;
const isWhole = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) > 0;

function isResult(one: unknown): boolean {
  return (
    isRecord(one) &&
    typeof one.provider === "string" &&
    (OPERATIONS as readonly unknown[]).includes(one.operation) &&
    (one.tree === "fresh" || one.tree === "lived-in") &&
    [one.suite, one.members, one.runs].every(isWhole) &&
    [one.median, one.low, one.high].every(isAmount)
  );
}

function arePrimitives(one: unknown): boolean {
  return (
    isRecord(one) &&
    typeof one.provider === "string" &&
    isWhole(one.suite) &&
    isRecord(one.prices) &&
    Object.values(one.prices).every(
      (price) => isRecord(price) && [price.call, price.item, price.byte].every(isAmount),
    )
  );
}

function isServed(one: unknown): one is Served {
  return isRecord(one) && typeof one.provider === "string" && Array.isArray(one.suites);
}

const isWish = (wish: unknown): wish is Wish =>
  isRecord(wish) && [wish.suites, wish.providers, wish.sizes, wish.trees].every(Array.isArray);

/** What can be told by a device's times, in words. */
export function noiseWords(results: readonly Result[]): string {
  const { spread, tooNoisy, figures }: Noise = noiseOf(results);
  if (spread === undefined)
    return "each ran too seldom to know how much the times vary: measure more thoroughly";
  const share = `half of ${figures} times vary by ±${(100 * spread).toFixed(spread < 0.1 ? 1 : 0)} % or more`;
  return tooNoisy ? `too noisy to tell: ${share}` : share;
}
