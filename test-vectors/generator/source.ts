// RFC 9420 §5.1: random bytes from a seed, and cryptography that takes all of its randomness from them.
import { createHmac } from "node:crypto";
import type { CipherSuiteProvider, CryptoProvider } from "@copse/core/provider";
import { nobleProvider } from "@copse/provider-noble";

/**
 * A deterministic random source: HMAC-SHA256 in counter mode, with a key derived from the seed. Each vector has a
 * source of its own, named after file, suite and number: a change to one vector doesn't change the others.
 */
export class Source {
  private readonly key: Uint8Array;
  private counter = 0;

  constructor(seed: string | Uint8Array, name = "copse test vectors") {
    this.key = createHmac("sha256", seed).update(name).digest();
  }

  /** Derives another source. The same name gives the same source. */
  of(name: string): Source {
    return new Source(this.key, name);
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; at += 32) {
      const block = createHmac("sha256", this.key)
        .update(`block ${this.counter++}`)
        .digest();
      bytes.set(block.subarray(0, length - at), at);
    }
    return bytes;
  }

  /** A random integer from 0 to `bound` - 1. `bound` must be at most 2^32. */
  below(bound: number): number {
    return Math.floor((Buffer.from(this.bytes(4)).readUInt32BE() / 2 ** 32) * bound);
  }

  /** A random element. @throws Error if the list is empty */
  pick<T>(from: readonly T[]): T {
    const picked = from[this.below(from.length)];
    if (picked === undefined) throw new Error("expected at least one element to pick from, got none");
    return picked;
  }
}

/** What the functions that make a vector are given. */
export interface VectorContext {
  readonly id: number;
  readonly source: Source;
  readonly suite: CipherSuiteProvider;
  /** Lists only this suite, so that the members' capabilities are short. */
  readonly crypto: CryptoProvider;
}

/**
 * Deterministic cryptography for one suite. provider-noble takes all fresh keys from the given source, also the
 * ephemeral keys of HPKE. ECDSA nonces derive from key and message (RFC 6979), and so do those of EdDSA.
 */
export function contextOf(source: Source, id: number): VectorContext {
  const noble = nobleProvider({ random: (length) => source.bytes(length) });
  const suite = noble.suite(id);
  const crypto: CryptoProvider = {
    name: "seeded",
    suites: [suite.suite],
    suite: (wanted) => noble.suite(wanted),
  };
  return { id, source, suite, crypto };
}

export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
