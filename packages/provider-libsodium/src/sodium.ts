// libsodium in WASM, loaded once, when a provider is first made.
import { ascii, MlsError, UnsupportedError } from "@copse/core/provider";
import type Sodium from "libsodium-wrappers";

/** There after {@link loadSodium}. */
export let sodium: typeof Sodium;

let loading: Promise<void> | undefined;

/**
 * Loads libsodium, unless it is loaded already.
 * @param module a `WebAssembly.Module` of its WASM, where none can be compiled from bytes
 * @throws MlsError `usage` for another module; UnsupportedError if the platform can't load it
 */
export async function loadSodium(module?: object): Promise<void> {
  if (module !== undefined) checkModule(module);
  loading ??= module === undefined ? load() : instantiating(() => module as WebAssembly.Module, load);
  try {
    await loading;
  } catch (error) {
    throw new UnsupportedError(
      "libsodium's WASM can't be loaded here: where none is compiled from bytes, give it as the option module, in the first call",
      { cause: error },
    );
  }
}

/**
 * The WASM that `libsodium-wrappers` contains, for a file that a Worker imports as a module. Call it in a script, before
 * any provider is made, and again after each update of `libsodium-wrappers`.
 * @throws MlsError `usage` if libsodium is loaded already; UnsupportedError if the platform can't load it
 * @example
 * await writeFile("src/libsodium.wasm", await libsodiumWasm());
 */
export async function libsodiumWasm(): Promise<Uint8Array> {
  if (loading !== undefined) {
    throw new MlsError("usage", "libsodiumWasm: expected libsodium not to be loaded yet: call it first");
  }
  let wasm = new Uint8Array();
  loading = instantiating((bytes) => {
    wasm = Uint8Array.from(bytes);
    return bytes;
  }, load);
  await loadSodium();
  return wasm;
}

async function load(): Promise<void> {
  const { default: loaded } = await import("libsodium-wrappers");
  await loaded.ready;
  sodium = loaded;
}

function checkModule(module: object): void {
  if (typeof WebAssembly === "undefined" || !(module instanceof WebAssembly.Module)) {
    throw new MlsError("usage", "module: expected a WebAssembly.Module");
  }
  const exports = WebAssembly.Module.exports(module).length;
  if (exports < 100)
    throw new MlsError("usage", `module: expected libsodium's, got one with ${exports} exports`);
}

/** What libsodium's WASM has among its data, and no other. */
const MARK = /* @__PURE__ */ ascii("LibsodiumDRG");

function isLibsodium(source: unknown): source is Uint8Array<ArrayBuffer> {
  if (!(source instanceof Uint8Array)) return false;
  const [first = 0] = MARK;
  for (let at = source.indexOf(first); at >= 0; at = source.indexOf(first, at + 1)) {
    if (MARK.every((byte, i) => source[at + i] === byte)) return true;
  }
  return false;
}

/**
 * Does some work, in which libsodium is loaded, with what `choose` gives in place of the WASM's bytes. libsodium's own
 * code has no option for it: it calls `WebAssembly.instantiate` with the bytes that it contains. Meanwhile that function
 * is another, which does as always with all other bytes.
 */
async function instantiating(
  choose: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer> | WebAssembly.Module,
  work: () => Promise<void>,
): Promise<void> {
  const before = WebAssembly.instantiate as (source: unknown, imports?: unknown) => Promise<unknown>;
  const instead = async (source: unknown, imports?: unknown): Promise<unknown> => {
    if (!isLibsodium(source)) return before.call(WebAssembly, source, imports);
    const chosen = choose(source);
    const made = await before.call(WebAssembly, chosen, imports);
    return chosen instanceof WebAssembly.Module ? { module: chosen, instance: made } : made;
  };
  const place = WebAssembly as { instantiate: unknown };
  place.instantiate = instead;
  try {
    await work();
  } finally {
    if (place.instantiate === instead) place.instantiate = before;
  }
}
