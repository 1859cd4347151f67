// RFC 9420 §17.1: what a platform reports, a line of JSON each, and what is asked of it.

/** Why pkcs11 isn't tried where there is no token. */
export const NO_TOKEN = "there is no token here";

/** What to run; all of it if nothing is said. */
export interface RunOptions {
  /** Names of providers. */
  readonly providers?: readonly string[];
  /** Code points of suites. */
  readonly suites?: readonly number[];
  /** How much the checks do; default: `"full"`. */
  readonly effort?: "full" | "short";
  /** libsodium's WASM as a module, where a platform compiles none from bytes. */
  readonly libsodium?: object;
  /** Where pkcs11 finds a token; without one it isn't tried. */
  readonly token?: TokenPlace;
}

/** A token, as the provider over PKCS#11 wants it. */
export interface TokenPlace {
  /** Path of the PKCS#11 library. */
  readonly library: string;
  readonly tokenLabel: string;
  readonly pin: string;
}

/** One suite of one provider. */
export interface SuiteLine {
  readonly kind: "suite";
  readonly provider: string;
  readonly id: number;
  readonly name: string;
  /** Conformance checks that passed. */
  readonly passed: number;
  /** Verdicts on edge cases of public keys and signatures that were as they must be. */
  readonly verdicts: number;
  readonly failed: readonly { readonly name: string; readonly detail: string }[];
  /** Why the group session didn't go through; empty if it did. */
  readonly session: string;
}

/** A provider that isn't served here. */
export interface RefusalLine {
  readonly kind: "refusal";
  readonly provider: string;
  readonly reason: string;
}

/** A provider, before its suites are run. */
export interface ProviderLine {
  readonly kind: "provider";
  readonly provider: string;
  /** Code points of all suites that it serves, also of those that aren't run. */
  readonly serves: readonly number[];
}

/** What the platform itself has. */
export interface FactsLine {
  readonly kind: "facts";
  /** Curves of WebCrypto's that not all platforms have, of those that this one has. */
  readonly curves: readonly string[];
  /** Whether WASM can be compiled from bytes. */
  readonly wasm: boolean;
  /** What it lacks and the test provides, by name. */
  readonly provided?: readonly string[];
}

/** Everything was run. */
export interface EndLine {
  readonly kind: "end";
}

export type Line = SuiteLine | RefusalLine | ProviderLine | FactsLine | EndLine;
