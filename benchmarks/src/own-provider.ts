// A provider of the caller's own, from a module.
import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { CryptoProvider } from "@copse/core";
import { copse } from "./copse.js";
import type { Implementation } from "./implementation.js";
import { UsageError } from "./options.js";

const EXPECTED =
  "expected a module whose default export is a CryptoProvider, or a function that returns one or a promise of one";

/**
 * Loads a provider. Its name is that of the provider, with the file's name if another one has it too.
 * @param path of a module, from the working directory
 * @param taken names that others have
 * @throws UsageError if there is no such module, or it has no provider
 */
export async function ownImplementation(
  path: string,
  taken: readonly string[] = [],
): Promise<Implementation> {
  const file = resolve(path);
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) throw new UsageError(`--provider: there is no file ${path}`);
  const told = <T>(what: string, work: () => T | Promise<T>): Promise<T> =>
    Promise.resolve()
      .then(work)
      .catch((error: unknown) => {
        throw new UsageError(
          `--provider ${path}: ${what}: ${error instanceof Error ? error.message : error}`,
        );
      });
  const module = await told("it can't be imported", async () => {
    return (await import(pathToFileURL(file).href)) as { readonly default?: unknown };
  });
  // Each time a new one: what the benchmarks count and what they time are different objects.
  const load = async (): Promise<CryptoProvider> => {
    const { default: own } = module;
    const made: unknown =
      typeof own === "function" ? await told("its function failed", () => own() as unknown) : own;
    if (!isProvider(made))
      throw new UsageError(`--provider ${path}: ${EXPECTED}, ${cameInstead(module, made)}`);
    if (made.suites.length === 0)
      throw new UsageError(`--provider ${path}: "${made.name}" serves no suite here`);
    return made;
  };
  const { name } = await load();
  const own = taken.includes(name) ? `${name} (${basename(file)})` : name;
  if (taken.includes(own)) throw new UsageError(`--provider ${path}: the name "${own}" is taken`);
  return { ...copse(own, load), module: file };
}

/** What a module has in place of a provider. */
function cameInstead(module: { readonly default?: unknown }, made: unknown): string {
  if ("default" in module) {
    const what = made === null ? "null" : typeof made;
    return `got ${typeof module.default === "function" ? `a function that returns ${what}` : what}`;
  }
  const names = Object.keys(module);
  return names.length === 0 ? "it exports nothing" : `it exports ${names.join(", ")} and no default`;
}

function isProvider(value: unknown): value is CryptoProvider {
  const one = value as Partial<CryptoProvider> | null | undefined;
  return typeof one?.name === "string" && Array.isArray(one.suites) && typeof one.suite === "function";
}
