// RFC 9420 §16.2 leaves it to the application what it keeps: its own entries, in the storage of its client.
import { MlsError } from "../../errors.js";
import type { EntryChange } from "../../operation/index.js";
import { checkOptions, needed, type OptionShape } from "../../option-shapes.js";
import { isPromise } from "../../provider/index.js";
import type { VersionStep } from "./client-storage.js";

/** What is called `version`, a sealed storage has for itself. */
const KEY = /^app\/(?!(?:.*\/)?version$)[a-z0-9/-]{1,251}$/;
const PREFIX = /^app\/[a-z0-9/-]{0,251}$/;
const CHANGE: OptionShape<EntryChange> = { key: needed("string"), value: "bytes" };
const STEP: OptionShape<VersionStep> = { key: needed("string"), from: "bytes", to: "bytes" };
const MAX_STEP_SIZE = 64;

const wrong = (what: string, key: unknown) =>
  new MlsError(
    "usage",
    `expected ${what}, got ${typeof key === "string" ? `"${key.slice(0, 64)}"` : typeof key}`,
  );

/** @throws MlsError `usage` */
export function needKey(key: unknown): string {
  if (typeof key === "string" && KEY.test(key)) return key;
  throw wrong('a key of an entry: "app/", a to z, 0 to 9, "-" and "/", without "version" at its end', key);
}

/** @throws MlsError `usage` */
export function needPrefix(prefix: unknown): string {
  if (typeof prefix === "string" && PREFIX.test(prefix)) return prefix;
  throw wrong('a beginning of keys: "app/", a to z, 0 to 9, "-" and "/"', prefix);
}

function needKeys(all: readonly { readonly key: string }[]): void {
  const seen = new Set<string>();
  for (const { key } of all) {
    if (seen.has(needKey(key))) throw new MlsError("usage", `expected each key once, got "${key}" twice`);
    seen.add(key);
  }
}

/** Copies of changes that an application gave. @throws MlsError `usage` */
export function changesOf(changes: unknown, name: string): readonly EntryChange[] {
  const copies = checkOptions(changes as readonly EntryChange[], { "[]": CHANGE }, name);
  needKeys(copies);
  return copies;
}

/** What an application writes with a call, copied. @throws what `ask` throws, MlsError `usage` */
export function askedChanges(ask: () => unknown): readonly EntryChange[] {
  const asked = ask();
  if (!isPromise(asked)) return changesOf(asked, "options.alongside()");
  asked.then(undefined, () => undefined);
  throw new MlsError(
    "usage",
    "expected the entries of options.alongside() at once, got a promise: a function of a page can't answer its worker so",
  );
}

/** @throws MlsError `usage` */
export function stepsOf(steps: unknown, changes: readonly EntryChange[]): readonly VersionStep[] {
  const copies = checkOptions(steps as readonly VersionStep[], { "[]": STEP }, "steps");
  needKeys([...changes, ...copies]);
  const size = Math.max(0, ...copies.flatMap(({ from, to }) => [from?.length ?? 0, to?.length ?? 0]));
  if (size <= MAX_STEP_SIZE) return copies;
  throw new MlsError("usage", `steps: expected values of at most ${MAX_STEP_SIZE} bytes, got ${size}`);
}
