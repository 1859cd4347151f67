// RFC 9420 §5.1.2: the signers that calls were given, in the storage: groups and key packages need them after a restart.
import { toHex, wipe } from "../../bytes.js";
import { keyOfSigner } from "../../crypto/index.js";
import { MlsError } from "../../errors.js";
import { type ClientConfig, checkSigners, type GroupState } from "../../group/index.js";
import type { Signer } from "../../provider/index.js";
import type { ClientStorage, StorageChange } from "./client-storage.js";
import { readList, SIGNERS } from "./entries.js";
import { entryOf, type SignerEntry, signerIn } from "./saved-signer.js";

export class KeptSigners {
  readonly #storage: ClientStorage;
  readonly #config: () => ClientConfig;
  /** Those that the storage doesn't have yet. */
  readonly #new = new Set<Signer>();

  constructor(storage: ClientStorage, config: () => ClientConfig) {
    this.#storage = storage;
    this.#config = config;
  }

  add(signer: Signer): void {
    this.#new.add(signer);
  }

  /**
   * Adds entries with the new ones to a write. A signer whose private key isn't to be had, as one of a token, stays the
   * application's, which adds it after a restart.
   * @returns is called when that is written
   */
  async addTo(changes: StorageChange[]): Promise<() => void> {
    const added = [...this.#new];
    for (const signer of added) {
      const entry = await this.#entry(signer);
      if (entry !== undefined) changes.push({ ...entry, key: `${SIGNERS}${toHex(signer.publicKey)}` });
    }
    return () => {
      for (const signer of added) this.#new.delete(signer);
    };
  }

  async #entry(signer: Signer): Promise<SignerEntry | undefined> {
    const { signature, privateKey } = keyOfSigner(signer) ?? {};
    if (signature === undefined || privateKey === undefined) return undefined;
    try {
      const { publicKey } = signer;
      const provider = { ...this.#config().provider, signature };
      return await entryOf(provider, { publicKey, privateKey }, this.#storage.handles === true);
    } catch (error) {
      if (error instanceof MlsError && error.code === "key-not-extractable") return undefined;
      throw error;
    }
  }

  /** Takes those of the storage. @throws MlsError `state` */
  async load(entries: Iterable<SignerEntry>): Promise<void> {
    const config = this.#config();
    const all = [...entries];
    try {
      for (const entry of all) {
        const signer = await signerIn(config.provider, entry);
        if (signer !== undefined) config.addSigner(signer, true);
      }
    } finally {
      wipe(...all.map(({ value }) => value));
    }
  }

  /** Looks in the storage for what a group needs: another opener may have put it there. */
  async loadFor(state: GroupState): Promise<void> {
    try {
      checkSigners(this.#config(), state);
    } catch {
      await this.load(await readList(this.#storage, SIGNERS));
    }
  }
}
