// RFC 9420 §6.3.2: what a receiver sees of the generations of others: none may come with two messages.
import { createHash } from "node:crypto";
import type { CipherSuiteProvider, CryptoProvider } from "@copse/core/provider";
import { defineProvider } from "@copse/provider-kit";
import { nodeProvider } from "@copse/provider-node";
import { decode } from "../../../packages/core/src/codec/codec.js";
import { SenderData, SenderDataAAD } from "../../../packages/core/src/wire/message.js";

export interface SeenTwice {
  readonly group: string;
  readonly epoch: number;
  readonly leafIndex: number;
  readonly generation: number;
}

/** The length of SenderData. */
const SENDER_DATA = 12;
/** How many generations one client remembers: more than a run has. */
const MOST = 1_000_000;

/** Remembers the generations that a client sees, and tells of each that comes with another message. */
export class Generations {
  readonly #seen = new Map<string, string>();
  readonly #told: (seen: SeenTwice) => void;

  constructor(told: (seen: SeenTwice) => void) {
    this.#told = told;
  }

  see(aad: Uint8Array, ciphertext: Uint8Array, senderData: Uint8Array): void {
    let about: { groupId: Uint8Array; epoch: bigint; contentType: number };
    try {
      about = decode(SenderDataAAD, aad);
    } catch {
      // Something else that has this length.
      return;
    }
    const { leafIndex, generation } = decode(SenderData, senderData);
    const group = Buffer.from(about.groupId).toString("hex");
    const key = `${group} ${about.epoch} ${about.contentType} ${leafIndex} ${generation}`;
    const digest = createHash("sha256").update(ciphertext).digest("base64");
    if ((this.#seen.get(key) ?? digest) !== digest)
      this.#told({ group, epoch: Number(about.epoch), leafIndex, generation });
    if (this.#seen.size < MOST) this.#seen.set(key, digest);
  }
}

/** A provider for one client. */
export function watchedProvider(suite: number, told: (seen: SeenTwice) => void): CryptoProvider {
  const own = nodeProvider().suite(suite);
  const generations = new Generations(told);
  const watched: CipherSuiteProvider = {
    ...own,
    aead: {
      algorithm: own.aead.algorithm,
      seal: (...args) => own.aead.seal(...args),
      open: (key, nonce, aad, ciphertext) => {
        // node:crypto answers at once.
        const plaintext = own.aead.open(key, nonce, aad, ciphertext) as Uint8Array;
        if (plaintext.length === SENDER_DATA) generations.see(aad, ciphertext, plaintext);
        return plaintext;
      },
    },
  };
  return defineProvider("node, watched", [watched]);
}
