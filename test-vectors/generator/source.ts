// RFC 9420 §5.1: randomness that comes from a seed, and cryptography that draws on nothing else.
import { createHmac } from "node:crypto";
import type { CipherSuiteProvider, CryptoProvider } from "@copse/core/provider";
import { nobleProvider } from "@copse/provider-noble";

/**
 * HMAC-SHA256 in counter mode under a key made of the seed. Each vector has a source of its own, named after its
 * file, suite and number, so that a change in how one vector is made leaves all others as they were.
 */
export class Source {
  private readonly key: Uint8Array;
  private counter = 0;

  constructor(seed: string | Uint8Array, name = "copse test vectors") {
    this.key = createHmac("sha256", seed).update(name).digest();
  }

  /** Another source, the same for the same name. */
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

  /** A number from 0 to `bound` - 1; `bound` is at most 2^32. */
  below(bound: number): number {
    return Math.floor((Buffer.from(this.bytes(4)).readUInt32BE() / 2 ** 32) * bound);
  }

  /** @throws Error if there is nothing to pick from */
  pick<T>(from: readonly T[]): T {
    const picked = from[this.below(from.length)];
    if (picked === undefined) throw new Error("there is nothing to pick from");
    return picked;
  }
}

/** What one vector is made with. */
export interface Maker {
  readonly id: number;
  readonly source: Source;
  readonly suite: CipherSuiteProvider;
  /** Serves that one suite, so that the members' capabilities stay short. */
  readonly crypto: CryptoProvider;
}

/**
 * Cryptography in one suite from a seed. In noble, fresh keys, those of HPKE's encapsulation among them, come from
 * the source that is given to it, and ECDSA takes its nonces from key and message (RFC 6979), as EdDSA does.
 */
export function makerOf(source: Source, id: number): Maker {
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
