// Proofs that the client is a member of a group: one for each key of an epoch.
import { MlsError, toHex } from "@copse/core";
import { Ending, takePublicKey } from "@copse/delivery/rules";
import { DeliveryError, type EpochKey, type EpochKeySource } from "@copse/delivery/service";
import { needsProof, type Requests } from "./requests.js";

const forbidden = (what: string, cause?: unknown) => new DeliveryError("forbidden", what, { cause });

/** The key that a source gives, if it gives one. */
export async function keyOf(source: EpochKeySource | undefined): Promise<EpochKey | undefined> {
  const key = await source?.();
  if (key === undefined) return undefined;
  const open = key.open.bind(key);
  return { ...takePublicKey(key, "key"), open };
}

/** How often a proof is made for one call: each needs two requests, between which the service may start again. */
const TRIES = 3;

export class Proofs {
  readonly #requests: Requests;
  /** Those that are under way: calls at the same time share one. */
  readonly #now = new Map<string, Promise<void>>();

  constructor(requests: Requests) {
    this.#requests = requests;
  }

  /** Makes a call that needs a key, with a proof before it if the service asks for one. */
  async with<T>(
    groupId: Uint8Array,
    source: EpochKeySource | undefined,
    work: (publicKey: Uint8Array | undefined) => Promise<T>,
  ): Promise<T> {
    const key = await keyOf(source);
    for (let tries = 0; ; tries++)
      try {
        return await work(key?.publicKey);
      } catch (error) {
        if (key === undefined || !needsProof(error)) throw error;
        if (tries === TRIES)
          throw new DeliveryError("unavailable", "no proof came through", { cause: error });
        await this.prove(groupId, key);
      }
  }

  /**
   * Proves a key, unless the challenge is over before its answer comes.
   * @throws DeliveryError `forbidden` if no handshake has registered the key, or the client can't open what is sealed to it
   */
  prove(groupId: Uint8Array, key: EpochKey): Promise<void> {
    const name = `${toHex(groupId)} ${toHex(key.publicKey)}`;
    const known = this.#now.get(name);
    if (known !== undefined) return known;
    const proof = this.#prove(groupId, key).finally(() => this.#now.delete(name));
    this.#now.set(name, proof);
    return proof;
  }

  // Not ended by a call's signal: others may wait for it too.
  async #prove(groupId: Uint8Array, key: EpochKey): Promise<void> {
    const signal = new Ending();
    const sealed = await this.#requests.call("challengeKey", { groupId, key: key.publicKey }, signal);
    let proof: unknown;
    try {
      proof = await key.open(sealed.kemOutput, sealed.ciphertext);
    } catch (cause) {
      // Its provider has given no answer.
      if (cause instanceof MlsError && cause.retry === "now") throw cause;
      throw forbidden("the client can't open what is sealed to its key", cause);
    }
    if (!(proof instanceof Uint8Array)) throw forbidden("what the client has opened isn't bytes");
    try {
      await this.#requests.call("proveKey", { challenge: sealed.challenge, proof }, signal);
    } catch (error) {
      // The service has started again meanwhile, or the request came twice: the call that needs it shows whether it is proven.
      if (!needsProof(error)) throw error;
    }
  }
}
