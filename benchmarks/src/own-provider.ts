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
  await stat(file).catch(() => {
    throw new UsageError(`--provider: there is no file ${path}`);
  });
  const module = (await import(pathToFileURL(file).href)) as { readonly default?: unknown };
  // Each time a new one: what the benchmarks count and what they time are different objects.
  const load = async (): Promise<CryptoProvider> => {
    const made: unknown = typeof module.default === "function" ? await module.default() : module.default;
    if (!isProvider(made)) throw new UsageError(`--provider ${path}: ${EXPECTED}`);
    return made;
  };
  const { name } = await load();
  const own = taken.includes(name) ? `${name} (${basename(file)})` : name;
  if (taken.includes(own)) throw new UsageError(`--provider ${path}: the name "${own}" is taken`);
  return { ...copse(own, load), module: file };
}

function isProvider(value: unknown): value is CryptoProvider {
  const one = value as Partial<CryptoProvider> | null | undefined;
  return typeof one?.name === "string" && Array.isArray(one.suites) && typeof one.suite === "function";
}
