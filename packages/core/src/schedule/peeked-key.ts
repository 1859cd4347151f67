// RFC 9420 §9.2: the key of a message that may still be refused.
import type { Awaitable } from "../provider/index.js";

/** The key of a received message, not consumed yet. */
export interface PeekedKey {
  /** `AEAD.Nk` bytes */
  readonly key: Uint8Array;
  /** `AEAD.Nn` bytes, before the reuse guard */
  readonly nonce: Uint8Array;
  /**
   * Derives what {@link consume} needs: the keys of a long way of skipped generations. Call it when the message is
   * authenticated, so that junk doesn't cost as much.
   */
  complete(): Awaitable<void>;
  /**
   * Deletes the key and the secrets that led to it (§9.2). Call it when the message is authenticated.
   * @throws MlsError `duplicate` if another message has consumed this generation in the meantime; `usage` if
   *   {@link complete} hasn't ended
   */
  consume(): void;
  /** Overwrites what was derived; the tree stays as it is. Call it when the message is refused. */
  discard(): void;
}
