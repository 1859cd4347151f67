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
  loading ??= load(module && (() => module as WebAssembly.Module));
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
  loading = load((bytes) => {
    wasm = Uint8Array.from(bytes);
    return bytes;
  });
  await loadSodium();
  return wasm;
}

/** What is instantiated in place of the bytes that libsodium's code contains. */
type Choose = (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer> | WebAssembly.Module;

async function load(choose?: Choose): Promise<void> {
  const instead = choose && instantiateInstead(choose);
  try {
    const { default: loaded } = await import("libsodium-wrappers");
    instead?.begin();
    await loaded.ready;
    sodium = loaded;
  } finally {
    instead?.end();
  }
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
 * Makes libsodium instantiate what `choose` gives. Its own code has no option for it: it calls `WebAssembly.instantiate`
 * with the bytes that it contains. From here to `end` that function is another, which does as always with other bytes.
 * @returns `begin` lets it go on. In a Worker that is after the import: while a module is evaluated, as in all that
 * happens outside of requests, there are no random bytes, and libsodium asks for some when it is instantiated.
 */
function instantiateInstead(choose: Choose): { begin(): void; end(): void } {
  const place = WebAssembly as { instantiate: unknown };
  const before = WebAssembly.instantiate as (source: unknown, imports?: unknown) => Promise<unknown>;
  let waits: (() => void) | undefined;
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
      waits = () => resolve(make());
      if (begun) waits();
    });
  };
  place.instantiate = instead;
  const end = () => {
    if (place.instantiate === instead) place.instantiate = before;
  };
  const begin = () => {
    begun = true;
    waits?.();
  };
  return { begin, end };
}
