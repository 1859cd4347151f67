// RFC 9420 §9.1: the hash ratchets from which message keys are derived.
import { copySecret, secretBytes, wipe } from "../bytes.js";
import { deriveTreeSecrets, onFailure } from "../crypto/index.js";
import { type Awaitable, type CipherSuiteProvider, isPromise } from "../provider/index.js";

/** How many generations a ratchet has: the field in SenderData is a uint32. */
export const GENERATIONS = 2 ** 32;

/** The key that encrypts one message. */
export interface MessageKey {
  readonly generation: number;
  /** `AEAD.Nk` bytes */
  readonly key: Uint8Array;
  /** `AEAD.Nn` bytes, before the reuse guard */
  readonly nonce: Uint8Array;
}

/** One of a sender's two ratchets: its next generation, and the keys of those it skipped. */
export interface Ratchet {
  /** The next generation; {@link GENERATIONS} when none is left. */
  generation: number;
  /** `ratchet_secret_[generation]`, `KDF.Nh` bytes */
  secret: Uint8Array;
  /**
   * Keys and nonces of skipped generations, oldest first. Their ratchet secrets are not kept: those would also
   * give the keys that are already consumed.
   */
  readonly skipped: Map<number, MessageKey>;
  /** Keys of generations below this one may have been deleted before they were used. */
  forgotten: number;
}

/** A step forward along a ratchet, derived but not applied yet. */
export interface RatchetStep {
  /** Keys of the generations that the step skips, oldest first. */
  readonly skipped: readonly MessageKey[];
  readonly message: MessageKey;
  /** The ratchet secret of the generation after that of {@link message}. */
  readonly secret: Uint8Array;
}

/** Memory for copies of ratchet secrets. To allocate it for each message would cost 1 % of the time. All are zero. */
const free: Uint8Array[] = [];
const MAX_FREE = 8;

function borrowCopy(secret: Uint8Array): Uint8Array {
  const found = free.findIndex(({ length }) => length === secret.length);
  const [copy = secretBytes(secret.length)] = found < 0 ? [] : free.splice(found, 1);
  copy.set(secret);
  return copy;
}

function giveBack(copy: Uint8Array): void {
  wipe(copy);
  if (free.length < MAX_FREE) free.push(copy);
}

/**
 * Derives the step from generation `from` to the one after `target`. No keys are derived for generations before
 * `firstKept`. The secrets in between are overwritten; `start`, the secret of `from`, is not.
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
  // A copy, because another message may move the ratchet and overwrite its secret while an asynchronous provider works.
  const first = borrowCopy(start);
  let secret: Uint8Array = first;

  const advance = (
    generation: number,
    [following, key, nonce]: readonly Uint8Array[],
  ): RatchetStep | null => {
    if (secret === first) giveBack(first);
    else wipe(secret);
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
        return derived.then((secrets) => advance(generation, secrets) ?? walk(generation + 1));
      }
      const end = advance(generation, derived);
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

/**
 * The secret of generation `target`, derived from `start`, that of `from`, without the keys in between. Those in
 * between are overwritten; `start` is not.
 * @param pass is told each secret on the way, the last one included
 */
export function deriveSecretAhead(
  provider: CipherSuiteProvider,
  start: Uint8Array,
  from: number,
  target: number,
  pass: (generation: number, secret: Uint8Array) => void,
): Awaitable<Uint8Array> {
  const next = [["secret", provider.suite.hash.Nh]] as const;
  // A copy, as above.
  let secret: Uint8Array = copySecret(start);
  const advance = (generation: number, [following]: readonly Uint8Array[]): void => {
    wipe(secret);
    secret = following as Uint8Array;
    pass(generation, secret);
  };
  const walk = (first: number): Awaitable<Uint8Array> => {
    for (let generation = first; generation < target; generation++) {
      const derived = deriveTreeSecrets(provider, secret, generation, next);
      if (isPromise(derived)) {
        return derived.then((secrets) => {
          advance(generation + 1, secrets);
          return walk(generation + 1);
        });
      }
      advance(generation + 1, derived);
    }
    return secret;
  };
  return onFailure(
    () => walk(from),
    () => wipe(secret),
  );
}

/** Overwrites keys and nonces. */
function wipeKeys(keys: Iterable<MessageKey>): void {
  for (const { key, nonce } of keys) wipe(key, nonce);
}

/** Overwrites all secrets of a ratchet. */
export function wipeRatchet(ratchet: Ratchet): void {
  wipe(ratchet.secret);
  wipeKeys(ratchet.skipped.values());
  ratchet.skipped.clear();
}

/** Overwrites a step that is not going to be applied. */
export function wipeStep({ skipped, message, secret }: RatchetStep): void {
  wipeKeys(skipped);
  wipe(message.key, message.nonce, secret);
}
