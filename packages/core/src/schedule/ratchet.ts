// RFC 9420 §9.1: the hash ratchets that message keys come from.
import { wipe } from "../bytes.js";
import { deriveTreeSecrets, onFailure } from "../crypto/index.js";
import { type Awaitable, type CipherSuiteProvider, isPromise } from "../provider/index.js";

/** The generations that fit their field in SenderData. */
export const GENERATIONS = 2 ** 32;

/** What encrypts one message: a key of `AEAD.Nk` bytes and a nonce of `AEAD.Nn`, before the reuse guard. */
export interface MessageKey {
  readonly generation: number;
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
}

/** One of a sender's two ratchets: where it stands, and what it passed without using. */
export interface Ratchet {
  /** The next generation; {@link GENERATIONS} when it has come to its end. */
  generation: number;
  /** `ratchet_secret_[generation]`, `KDF.Nh` bytes */
  secret: Uint8Array;
  /**
   * Keys and nonces of generations passed over, oldest first, and never the secrets that they came from:
   * from these the keys that are already consumed could be derived once more.
   */
  readonly skipped: Map<number, MessageKey>;
}

/** A move forward along a ratchet, computed but not made yet. */
export interface RatchetStep {
  /** Keys of the generations passed over, oldest first. */
  readonly skipped: readonly MessageKey[];
  readonly message: MessageKey;
  /** The secret of the generation behind {@link message}. */
  readonly secret: Uint8Array;
}

/**
 * The move from generation `from` to `target` and past it. Keys before `firstKept` aren't derived. The
 * secrets in between are overwritten; `start`, the secret of `from`, is not.
 */
export function deriveStep(
  provider: CipherSuiteProvider,
  start: Uint8Array,
  from: number,
  target: number,
  firstKept: number,
): Awaitable<RatchetStep> {
  const { hash, aead } = provider.suite;
  const next = ["secret", hash.Nh] as const;
  const all = [next, ["key", aead.Nk], ["nonce", aead.Nn]] as const;
  const skipped: MessageKey[] = [];
  // A copy: while an asynchronous provider works, the ratchet may be moved, and its secret overwritten.
  let secret: Uint8Array = start.slice();

  const moved = (generation: number, [following, key, nonce]: readonly Uint8Array[]): RatchetStep | null => {
    wipe(secret);
    secret = following as Uint8Array;
    if (key === undefined || nonce === undefined) return null;
    if (generation === target) return { skipped, message: { generation, key, nonce }, secret };
    skipped.push({ generation, key, nonce });
    return null;
  };

  const walk = (start: number): Awaitable<RatchetStep> => {
    for (let generation = start; ; generation++) {
      const kept = generation >= firstKept || generation === target;
      const derived = deriveTreeSecrets(provider, secret, generation, kept ? all : [next]);
      if (isPromise(derived)) {
        return derived.then((secrets) => moved(generation, secrets) ?? walk(generation + 1));
      }
      const end = moved(generation, derived);
      if (end !== null) return end;
    }
  };
  return onFailure(
    () => walk(from),
    () => {
      wipe(secret);
      wipeKeys(skipped);
    },
  );
}

/** Overwrites keys and nonces. */
function wipeKeys(keys: Iterable<MessageKey>): void {
  for (const { key, nonce } of keys) wipe(key, nonce);
}

/** Overwrites what a ratchet holds. */
export function wipeRatchet(ratchet: Ratchet): void {
  wipe(ratchet.secret);
  wipeKeys(ratchet.skipped.values());
  ratchet.skipped.clear();
}

/** Overwrites a move that won't be made. */
export function wipeStep({ skipped, message, secret }: RatchetStep): void {
  wipeKeys(skipped);
  wipe(message.key, message.nonce, secret);
}
