// RFC 9420 §9: no key of an AEAD encrypts two things. In MLS that is so for every one: those of messages and of their
// senders' data, of HPKE and of Welcomes.
import type { AeadPart } from "@copse/core/provider";
import { Broken } from "./broken.js";
import { digestOf, latin1 } from "./numbers.js";

interface Seal {
  readonly nonce: number;
  readonly content: number;
  /** Whether what was sealed has left the process. */
  isReleased: boolean;
}

/** All that was sealed in the world, by its key. */
export class Seals {
  readonly #all = new Map<string, Seal>();

  get count(): number {
    return this.#all.size;
  }

  /** Notes a seal that may never be released: after a crash its key may come again, and with another nonce. */
  add(key: string, seal: Seal): void {
    const before = this.#all.get(key);
    if (before === undefined || before.content === seal.content) {
      if (before === undefined) this.#all.set(key, seal);
      return;
    }
    if (before.nonce === seal.nonce)
      throw new Broken("no key and nonce seal twice", "two plaintexts under one key and nonce");
    if (!before.isReleased) this.#all.set(key, seal);
  }

  release(key: string, seal: Seal): void {
    const before = this.#all.get(key);
    if (before?.isReleased === true && before.content !== seal.content)
      throw new Broken("no generation encrypts twice", "two released ciphertexts under one key");
    this.#all.set(key, { ...seal, isReleased: true });
  }
}

/** What one process seals and opens. */
export class Watch {
  readonly #seals: Seals;
  #pending: { readonly key: string; readonly seal: Seal }[] = [];
  broken: Broken | undefined;
  /** The keys of what the running operation has opened. */
  opened: Uint8Array[] = [];

  constructor(seals: Seals) {
    this.#seals = seals;
  }

  begin(): void {
    this.drop();
    this.opened = [];
  }

  /** What was sealed since {@link begin} never leaves the process. */
  drop(): void {
    this.#pending = [];
  }

  /** What was sealed since {@link begin} has left the process. */
  release(): void {
    for (const { key, seal } of this.#pending) this.#seals.release(key, seal);
    this.#pending = [];
  }

  watched(aead: AeadPart): AeadPart {
    return {
      algorithm: aead.algorithm,
      seal: (key, nonce, aad, plaintext) => {
        const id = latin1(key);
        const seal = {
          nonce: digestOf(nonce),
          content: digestOf(nonce, aad, plaintext),
          isReleased: false,
        };
        // Not thrown here: what a provider throws isn't what the caller gets.
        try {
          this.#seals.add(id, seal);
        } catch (error) {
          this.broken ??= error as Broken;
        }
        this.#pending.push({ key: id, seal });
        return aead.seal(key, nonce, aad, plaintext);
      },
      open: (key, nonce, aad, ciphertext) => {
        this.opened.push(key.slice());
        return aead.open(key, nonce, aad, ciphertext);
      },
    };
  }
}
