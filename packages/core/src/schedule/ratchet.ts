// RFC 9420 §9.1: the hash ratchets from which message keys are derived.
import { secretBytes, wipe } from "../bytes.js";
import { deriveTreeSecrets, onFailure, repeat } from "../crypto/index.js";
import { type Awaitable, type CipherSuiteProvider, chain } from "../provider/index.js";

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
  /** One for each ratchet of a tree: twice the leaf index, and 1 more for that of handshakes. */
  readonly number: number;
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
  const last = free.pop();
  // Another length is that of another suite.
  const copy = last?.length === secret.length ? last : secretBytes(secret.length);
  copy.set(secret);
  return copy;
}

function giveBack(copy: Uint8Array): void {
  wipe(copy);
  if (free.length < MAX_FREE) free.push(copy);
}

/** The label and the length, in bytes, of an output of a generation. */
type Output = readonly [label: string, length: number];

/**
 * Goes along a ratchet from generation `from` to generation `to`, and returns the ratchet secret of that one. Those in
 * between are overwritten; `start`, the one of `from`, is not.
 * @param outputsOf which outputs of a generation to derive, of which the first is the next ratchet secret
 * @param pass is told them
 * @param undo is called if the derivation fails
 */
function advance(
  provider: CipherSuiteProvider,
  start: Uint8Array,
  [from, to]: readonly [from: number, to: number],
  outputsOf: (generation: number) => readonly Output[],
  pass: (generation: number, outputs: readonly Uint8Array[]) => void,
  undo?: () => void,
): Awaitable<Uint8Array> {
  // A copy, because another message may move the ratchet and overwrite its secret while an asynchronous provider works.
  const first = borrowCopy(start);
  let secret: Uint8Array = first;
  let generation = from;
  const forget = () => {
    if (secret === first) giveBack(first);
    else wipe(secret);
  };
  const take = (outputs: readonly Uint8Array[]) => {
    forget();
    secret = outputs[0] as Uint8Array;
    pass(generation++, outputs);
    return true;
  };
  const step = () =>
    generation < to && chain(deriveTreeSecrets(provider, secret, generation, outputsOf(generation)), take);
  return onFailure(
    () => chain(repeat(step), () => secret),
    () => {
      forget();
      undo?.();
    },
  );
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
  const walked = advance(
    provider,
    start,
    [from, target + 1],
    (generation) => (generation >= firstKept || generation === target ? all : [next]),
    (generation, [, key, nonce]) => {
      if (key !== undefined && nonce !== undefined) skipped.push({ generation, key, nonce });
    },
    () => wipeKeys(skipped),
  );
  // The last key is that of the message.
  return chain(walked, (secret) => ({ skipped, message: skipped.pop() as MessageKey, secret }));
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
  return advance(
    provider,
    start,
    [from, target],
    () => next,
    (generation, [secret]) => pass(generation + 1, secret as Uint8Array),
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
