// libsodium in WASM, loaded once, when a provider is first made.
import { ascii, MlsError, UnsupportedError } from "@copse/core/provider";
import type Sodium from "libsodium-wrappers";

/** There after {@link loadSodium}. */
export let sodium: typeof Sodium;

let loading: Promise<void> | undefined;

/**
 * Loads libsodium, unless it is loaded already.
 * @param module a `WebAssembly.Module` of its WASM, where none can be compiled from bytes
 * @throws MlsError `usage` for another module; UnsupportedError if the platform can't load it, or the module doesn't fit
 */
export async function loadSodium(module?: object): Promise<void> {
  if (module === undefined) {
    loading ??= load(
      "libsodium's WASM can't be loaded here: where none is compiled from bytes, give it as the option module, in the first call",
    );
  } else {
    checkModule(module);
    loading ??= load(
      "libsodium can't be loaded with this module: expected the WASM of the libsodium-wrappers that is used here, as libsodiumWasm gives it",
      () => module,
    );
  }
  return loading;
}

/**
 * The WASM that `libsodium-wrappers` contains, for a file that a Worker imports as a module. Call it in a script, before
 * any provider is made, and again after each update of `libsodium-wrappers`.
 * @throws MlsError `usage` if libsodium is loaded already, by a provider or by others; UnsupportedError if the platform can't
 *   load it
 * @example
 * await writeFile("src/libsodium.wasm", await libsodiumWasm());
 */
export async function libsodiumWasm(): Promise<Uint8Array> {
  let wasm = new Uint8Array();
  if (loading === undefined) {
    loading = load("libsodium's WASM can't be loaded here", (bytes) => {
      wasm = Uint8Array.from(bytes);
      return bytes;
    });
    await loading;
  }
  // Whoever imports libsodium-wrappers also loads it.
  if (wasm.length === 0) {
    throw new MlsError("usage", "libsodiumWasm: expected libsodium not to be loaded yet: call it first");
  }
  return wasm;
}

/** What is instantiated in place of the bytes that libsodium's code contains. */
type Choose = (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer> | WebAssembly.Module;

/** @param failure the message of the UnsupportedError if it fails */
async function load(failure: string, choose?: Choose): Promise<void> {
  const instead = choose && instantiateInstead(choose);
  try {
    const { default: loaded } = await import("libsodium-wrappers");
    instead?.begin();
    await loaded.ready;
    sodium = loaded;
  } catch (cause) {
    throw new UnsupportedError(failure, { cause });
  } finally {
    instead?.end();
  }
}

function checkModule(module: object): asserts module is WebAssembly.Module {
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
 * Makes libsodium instantiate what `choose` gives. Its own code has no option for it: it calls `WebAssembly.instantiate`
 * with the bytes that it contains. From here to `end` that function is another, which does as always with other bytes.
 * @returns `begin` lets it go on. In a Worker that is after the import: while a module is evaluated, as in all that
 * happens outside of requests, there are no random bytes, and libsodium asks for some when it is instantiated.
 */
function instantiateInstead(choose: Choose): { begin(): void; end(): void } {
  const place = WebAssembly as { instantiate: unknown };
  const before = WebAssembly.instantiate as (source: unknown, imports?: unknown) => Promise<unknown>;
  /** What goes on at `begin`. An application may load another copy of libsodium at the same time. */
  const waiting: (() => void)[] = [];
  let begun = false;
  const instead = (source: unknown, imports?: unknown): Promise<unknown> => {
    if (!isLibsodium(source)) return before.call(WebAssembly, source, imports);
    const chosen = choose(source);
    const make = async () => {
      const made = await before.call(WebAssembly, chosen, imports);
      return chosen instanceof WebAssembly.Module ? { module: chosen, instance: made } : made;
    };
    // A Worker's module can't wait for a promise that a request made: so this one is made by the module.
    return new Promise((resolve) => {
      const goOn = () => resolve(make());
      if (begun) goOn();
      else waiting.push(goOn);
    });
  };
  place.instantiate = instead;
  const begin = () => {
    begun = true;
    for (const goOn of waiting.splice(0)) goOn();
  };
  const end = () => {
    if (place.instantiate === instead) place.instantiate = before;
    // If the import failed, another copy waits still.
    begin();
  };
  return { begin, end };
}
