// What a module of somebody's own must have: for the command line and for the page.
import type { CryptoProvider } from "@copse/core";

const EXPECTED =
  "expected a module whose default export is a CryptoProvider, or a function that returns one or a promise of one";

/**
 * The provider of a module: a new one, if it has a function that makes it.
 * @throws Error, for people, if it has none
 */
export async function providerOf(module: { readonly default?: unknown }): Promise<CryptoProvider> {
  const { default: own } = module;
  let made: unknown = own;
  if (typeof own === "function") {
    try {
      made = await own();
    } catch (error) {
      throw new Error(`its function failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (!isProvider(made)) throw new Error(`${EXPECTED}, ${cameInstead(module, made)}`);
  if (made.suites.length === 0) throw new Error(`"${made.name}" serves no suite here`);
  return made;
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
  return (
    typeof one?.name === "string" &&
    Array.isArray(one.suites) &&
    one.suites.every((suite) => Number.isInteger((suite as { id?: unknown } | undefined)?.id)) &&
    typeof one.suite === "function"
  );
}
