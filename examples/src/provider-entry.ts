// An entry of the list of providers that a session chooses from.
import type { CipherSuite, CryptoProvider } from "@copse/core";

/** A provider, and optionally how to release it at the end of the session. */
export type SessionProvider = CryptoProvider & { close?(): Promise<void> };

export interface MakeOptions {
  /** Whether its private keys must be bytes that can be stored. */
  readonly extractable?: boolean;
}

export interface ProviderEntry {
  readonly name: string;
  /** Whether it needs software that npm doesn't install. */
  readonly needsInstalling?: boolean;
  /** Creates the provider. Rejects with NotHereError if something that it needs isn't installed. */
  make(options?: MakeOptions): Promise<SessionProvider>;
  /** Which library or platform implements which part of a suite, as text for people. */
  describe(suite: CipherSuite): Promise<string>;
}

/** Something isn't installed. The message says what, and how to install it. */
export class NotHereError extends Error {
  override name = "NotHereError";
}
