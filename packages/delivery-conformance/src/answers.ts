// What each call of a service answers with: whoever gives something else is told so by the call's name.
import { fail, isBytes, shown } from "./tools.js";

/** A value that has no parts. */
class Kind {
  readonly expected: string;
  readonly fits: (value: unknown) => boolean;

  constructor(expected: string, fits: (value: unknown) => boolean) {
    this.expected = expected;
    this.fits = fits;
  }
}

/** What a value is: one kind, a list of such, or an object with these parts. */
type Shape = Kind | readonly [Shape] | { readonly [part: string]: Shape };

const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
const isCursor = (value: unknown) => typeof value === "string" && value.length > 0 && value.length <= 128;

const CURSOR = new Kind("a cursor (1 to 128 characters)", isCursor);
const BYTES = new Kind("a Uint8Array", isBytes);
const COUNT = new Kind("a number from 0 on", isCount);
const TEXT = new Kind("a string", (value) => typeof value === "string");
const TIME = new Kind("a time in milliseconds", Number.isFinite);
const EPOCH = new Kind("a bigint", (value) => typeof value === "bigint");
const TRUTH = new Kind("true or false", (value) => typeof value === "boolean");
const ENTRY_KIND = new Kind(
  '"handshake" or "message"',
  (value) => value === "handshake" || value === "message",
);
const ANSWER_KIND = new Kind('"accepted", "stale" or "refused"', (value) => SUBMITTED.has(value));

const ENTRY = { cursor: CURSOR, kind: ENTRY_KIND, id: TEXT, epoch: EPOCH, message: BYTES, time: TIME };
const WELCOME = {
  cursor: CURSOR,
  reference: BYTES,
  groupId: BYTES,
  welcome: BYTES,
  handshake: CURSOR,
  time: TIME,
};
const SUBMITTED = new Map<unknown, Shape>([
  ["accepted", { kind: ANSWER_KIND, cursor: CURSOR }],
  ["stale", { kind: ANSWER_KIND, first: ENTRY }],
  ["refused", { kind: ANSWER_KIND, reason: TEXT }],
]);

/** Those of the calls that answer with something. */
const SHAPES: { readonly [call: string]: (value: unknown) => Shape | undefined } = {
  send: () => CURSOR,
  submit: (value) => SUBMITTED.get((value as { kind?: unknown } | undefined)?.kind) ?? { kind: ANSWER_KIND },
  countKeyPackages: () => ({ single: COUNT, lastResort: COUNT }),
  claimKeyPackages: () => [BYTES],
  groupInfo: (value) => (value === undefined ? undefined : { groupInfo: BYTES, handshake: CURSOR }),
  publishGroupInfo: () => TRUTH,
  subscribe: () => ({ entries: [ENTRY], behind: COUNT }),
  inbox: () => ({ entries: [WELCOME], behind: COUNT }),
};

/** @returns what is wrong with a value: what it is, where, and what was expected */
function wrong(value: unknown, shape: Shape, at: string): string | undefined {
  const not = (expected: string) => `${shown(value)}${at && ` as ${at}`}, expected ${expected}`;
  if (shape instanceof Kind) return shape.fits(value) ? undefined : not(shape.expected);
  if (Array.isArray(shape)) {
    if (!Array.isArray(value)) return not("an array");
    const found = value.map((item, i) => wrong(item, shape[0] as Shape, `${at}[${i}]`));
    return found.find((one) => one !== undefined);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return not(`an object with ${Object.keys(shape).join(", ")}`);
  const found = Object.entries(shape).map(([part, of]) =>
    wrong((value as Record<string, unknown>)[part], of, at ? `${at}.${part}` : part),
  );
  return found.find((one) => one !== undefined);
}

/** Checks what a call has answered with. @throws DeliveryConformanceError */
export function checkAnswer(call: string, value: unknown): void {
  const shape = SHAPES[call]?.(value);
  const found = shape && wrong(value, shape, "");
  if (found !== undefined) fail(`${call}() returned ${found}`);
}

/** Checks what a reader has been given. @throws DeliveryConformanceError */
export function checkBatch(call: string, result: unknown): void {
  if (typeof result !== "object" || result === null)
    fail(`${call}: next() returned ${shown(result)}, expected an object with done and value`);
  const { done, value } = result as IteratorResult<unknown>;
  const shape = done === true ? undefined : SHAPES[call]?.(value);
  const found = shape && wrong(value, shape, "");
  if (found !== undefined) fail(`${call}: next() returned a batch that is wrong: ${found}`);
}

/** Checks that what answers later is a promise. @throws DeliveryConformanceError */
export function checkPromise(call: string, value: unknown): void {
  if (typeof (value as PromiseLike<unknown> | undefined)?.then !== "function")
    fail(`${call} returned ${shown(value)}, expected a promise`);
}
