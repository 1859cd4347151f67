// PKCS#11 v2.40 §5.4: a library, loaded once in a process for all who use it.
import { type Awaitable, MlsError } from "@copse/core/provider";
import type { Cryptoki, Handle } from "./cryptoki.js";
import { CKF_OS_LOCKING_OK } from "./cryptoki.js";
import { answerOf, CKR_CANT_LOCK, CKR_CRYPTOKI_ALREADY_INITIALIZED, TokenError } from "./errors.js";

/** The functions of a library that take long: they run in another thread where the library allows it. */
export interface LongCalls {
  generateKeyPair(
    ...args: Parameters<Cryptoki["C_GenerateKeyPair"]>
  ): Awaitable<ReturnType<Cryptoki["C_GenerateKeyPair"]>>;
  sign(...args: Parameters<Cryptoki["C_Sign"]>): Awaitable<Buffer>;
  deriveKey(...args: Parameters<Cryptoki["C_DeriveKey"]>): Awaitable<Handle>;
}

/** A library in use. */
export interface Library {
  readonly cryptoki: Cryptoki;
  readonly long: LongCalls;
  /** Initialises it, also if it was finalised meanwhile. @throws TokenError */
  initialize(): void;
  /** Somebody may have finalised and initialised it anew: nothing is known of its locks any more. */
  doubt(): void;
  /** Ends this use of it; the last one to do so finalises it. */
  release(): void;
}

interface Loaded {
  readonly cryptoki: Cryptoki;
  users: number;
  /** Whether it was initialised here, as far as is known. */
  ours: boolean;
  /** Whether it was initialised for calls from several threads, as far as is known. */
  locks: boolean;
}

/** By their real paths: a process has a library once, whatever links lead to it. */
const loaded = new Map<string, Loaded>();
/** Those that applications have loaded themselves. */
const given = new WeakMap<Cryptoki, Loaded>();

/**
 * @param library a path, or a library that the application has loaded itself and finalises itself
 * @param osLocking whether the application knows that the library locks, if it isn't initialised here
 * @throws MlsError `missing` if pkcs11js isn't installed or the library can't be loaded
 */
export async function openLibrary(library: string | Cryptoki, osLocking: boolean): Promise<Library> {
  if (typeof library !== "string") {
    const entry = given.get(library) ?? { cryptoki: library, users: 0, ours: false, locks: false };
    given.set(library, entry);
    return use(entry, undefined, osLocking);
  }
  const load = await pkcs11js();
  const path = await realPath(library);
  let entry = loaded.get(path);
  if (entry === undefined) {
    entry = { cryptoki: load(library), users: 0, ours: false, locks: false };
    loaded.set(path, entry);
  }
  return use(entry, path, osLocking);
}

/** A name without a folder is looked for by the system, and stands for itself. */
async function realPath(path: string): Promise<string> {
  // In a variable, so that this package can be bundled for platforms without files.
  const name: string = "node:fs";
  try {
    const { realpathSync } = (await import(/* @vite-ignore */ name)) as {
      realpathSync(path: string): string;
    };
    return realpathSync(path);
  } catch {
    return path;
  }
}

function use(entry: Loaded, path: string | undefined, osLocking: boolean): Library {
  entry.users++;
  let released = false;
  return {
    cryptoki: entry.cryptoki,
    long: longCalls(entry),
    initialize() {
      let answer = initialized(entry.cryptoki, CKF_OS_LOCKING_OK);
      if (answer === undefined) {
        // Calls come from several threads of Node's pool.
        Object.assign(entry, { ours: true, locks: true });
        return;
      }
      // By another provider here, or by somebody who may not have asked for locks.
      if (answer.code === CKR_CRYPTOKI_ALREADY_INITIALIZED) {
        if (!entry.ours) entry.locks = osLocking;
        return;
      }
      // It can't lock: all calls are made on one thread.
      if (answer.code === CKR_CANT_LOCK) answer = initialized(entry.cryptoki);
      if (answer === undefined) Object.assign(entry, { ours: true, locks: false });
      else {
        const { ckr } = answer;
        throw new TokenError(`the PKCS#11 library can't be initialised (${ckr ?? "no answer"})`, { ckr });
      }
    },
    doubt() {
      entry.ours = false;
      entry.locks = osLocking;
    },
    release() {
      if (released) return;
      released = true;
      if (--entry.users > 0 || path === undefined) return;
      loaded.delete(path);
      if (!entry.ours) return;
      try {
        entry.cryptoki.C_Finalize();
      } catch {
        // Initialised elsewhere in this process.
      }
    },
  };
}

/** The answer of a library that refuses to be initialised; undefined if it doesn't. */
function initialized(cryptoki: Cryptoki, flags?: number): { code?: number; ckr?: string } | undefined {
  try {
    if (flags === undefined) cryptoki.C_Initialize();
    else cryptoki.C_Initialize({ flags });
    return undefined;
  } catch (error) {
    return answerOf(error) ?? {};
  }
}

/** Nothing tells whether somebody else's library locks. Without locks, calls in two threads destroy its state. */
function longCalls(entry: Loaded): LongCalls {
  const { cryptoki } = entry;
  return {
    generateKeyPair: (...args) =>
      entry.locks ? cryptoki.C_GenerateKeyPairAsync(...args) : cryptoki.C_GenerateKeyPair(...args),
    sign: (...args) => (entry.locks ? cryptoki.C_SignAsync(...args) : cryptoki.C_Sign(...args)),
    deriveKey: (...args) =>
      entry.locks ? cryptoki.C_DeriveKeyAsync(...args) : cryptoki.C_DeriveKey(...args),
  };
}

/** pkcs11js is native code and optional, so it is looked for only when it is needed. */
async function pkcs11js(): Promise<(path: string) => Cryptoki> {
  // In a variable, so that compilers and bundlers don't resolve it.
  const name: string = "pkcs11js";
  let module: { PKCS11?: new () => Cryptoki & { load(path: string): void }; default?: unknown };
  try {
    module = await import(/* @vite-ignore */ name);
  } catch (cause) {
    throw new MlsError(
      "missing",
      "pkcs11js isn't installed: it is native code that npm builds with a C++ compiler (npm install pkcs11js)",
      { cause },
    );
  }
  const PKCS11 = module.PKCS11 ?? (module.default as typeof module).PKCS11;
  if (PKCS11 === undefined) throw new MlsError("missing", "the installed pkcs11js has no class PKCS11");
  return (path) => {
    const cryptoki = new PKCS11();
    try {
      cryptoki.load(path);
    } catch (cause) {
      throw new MlsError("missing", `${path} can't be loaded as a PKCS#11 library`, { cause });
    }
    return cryptoki;
  };
}
