// What the session knows of a backend.
import type { CipherSuite, CryptoProvider } from "@copse/core";

/** A provider, and what is to be done when the session is over. */
export type SessionProvider = CryptoProvider & { close?(): Promise<void> };

export interface Backend {
  readonly name: string;
  /** Whether it takes more than npm installs. */
  readonly needsInstalling?: boolean;
  /** @throws NotHereError (rejects) if something that it takes isn't installed */
  make(): Promise<SessionProvider>;
  /** Who does what in a suite, for a person to read. */
  describe(suite: CipherSuite): Promise<string>;
}

/** Something isn't installed; the message says what, and how to get it. */
export class NotHereError extends Error {
  override name = "NotHereError";
}
