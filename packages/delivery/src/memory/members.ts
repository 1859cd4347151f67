// Who is a member: whoever opens what is sealed to the key of an epoch.
import { type CryptoProvider, equalBytes, MlsError } from "@copse/core";
import { GRANT_INFO, takePublicKey } from "../rules.js";
import { DeliveryError, type EpochKeySource, type PublicEpochKey } from "../service.js";
import type { Group, GroupKey } from "./group.js";

const INFO = /* @__PURE__ */ Uint8Array.from(GRANT_INFO, (character) => character.charCodeAt(0));
const EMPTY = /* @__PURE__ */ new Uint8Array();
const GRANT_BYTES = 32;

const forbidden = (what: string, cause?: unknown) => new DeliveryError("forbidden", what, { cause });

/** Checks membership for a service. */
export class Members {
  readonly #crypto: CryptoProvider;

  constructor(crypto: CryptoProvider) {
    this.#crypto = crypto;
  }

  /** @throws DeliveryError `invalid` if it isn't the public key of a suite that the provider has */
  async checkKey({ suite, publicKey }: PublicEpochKey): Promise<void> {
    if (!this.#crypto.suites.some(({ id }) => id === suite))
      throw new DeliveryError("invalid", `nextKey: suite ${suite} isn't known here`);
    try {
      await this.#crypto.suite(suite).hpke.validatePublicKey(publicKey);
    } catch (cause) {
      throw new DeliveryError("invalid", "nextKey: expected a public key of the suite", { cause });
    }
  }

  /**
   * The key that a client has.
   * @param proven the keys that the connection has proven before: they aren't asked for again
   * @throws DeliveryError `forbidden` if no handshake has registered it, or the client can't open what is sealed to it
   */
  async prove(group: Group, source: EpochKeySource, proven: WeakSet<GroupKey>): Promise<GroupKey> {
    const key = await source();
    if (key === undefined) throw forbidden("the client has no key of an epoch");
    const { suite, publicKey } = takePublicKey(key, "key");
    const registered = group.key(suite, publicKey);
    if (registered === undefined) throw forbidden("no handshake that is kept has registered this key");
    if (proven.has(registered)) return registered;
    const ofSuite = this.#crypto.suite(suite);
    const grant = ofSuite.random(GRANT_BYTES);
    const { kemOutput, ciphertext } = await ofSuite.hpke.seal(publicKey, INFO, EMPTY, grant);
    let answer: unknown;
    try {
      answer = await key.open(kemOutput, ciphertext);
    } catch (cause) {
      // Its provider has given no answer.
      if (cause instanceof MlsError && cause.retry === "now") throw cause;
      throw forbidden("the client can't open what is sealed to its key", cause);
    }
    if (!(answer instanceof Uint8Array) || !equalBytes(answer, grant))
      throw forbidden("what the client has opened isn't what was sealed to its key");
    proven.add(registered);
    return registered;
  }
}
