// A provider of the caller's own, from a module.
import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { CryptoProvider } from "@copse/core";
import { copse } from "./copse.js";
import type { Implementation } from "./implementation.js";
import { UsageError } from "./options.js";
import { providerOf } from "./own-module.js";

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
  const told = (error: unknown): never => {
    throw new UsageError(`--provider ${path}: ${error instanceof Error ? error.message : String(error)}`);
  };
  let module: { readonly default?: unknown };
  try {
    module = (await import(pathToFileURL(file).href)) as typeof module;
  } catch (error) {
    return told(`it can't be imported: ${error instanceof Error ? error.message : String(error)}`);
  }
  // Each time a new one: what the benchmarks count and what they time are different objects.
  const load = (): Promise<CryptoProvider> => providerOf(module).catch(told);
  const { name } = await load();
  const own = taken.includes(name) ? `${name} (${basename(file)})` : name;
  if (taken.includes(own)) throw new UsageError(`--provider ${path}: the name "${own}" is taken`);
  return { ...copse(own, load), module: file };
}
