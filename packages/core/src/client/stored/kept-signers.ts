// RFC 9420 §5.1.2: the signers that calls were given, in the storage: groups and key packages need them after a restart.
import { toHex, wipe } from "../../bytes.js";
import { keyOfSigner } from "../../crypto/index.js";
import { MlsError } from "../../errors.js";
import { type ClientConfig, checkSigners, epochsIn, type GroupState, ownLeaf } from "../../group/index.js";
import type { Signer } from "../../provider/index.js";
import { isProposal, ProposalType } from "../../wire/index.js";
import type { ClientStorage, StorageChange, StoredEntry } from "./client-storage.js";
import { readList, SIGNERS } from "./entries.js";
import { entryOf, type SignerEntry, signerIn } from "./saved-signer.js";

/** How many bytes of a public key are in a name: those of some are longer than a key of an entry. */
const NAMED = 32;

/** The name of a signer in the storage. Public keys are as good as random, so that the beginning of one is enough. */
export const nameOf = (publicKey: Uint8Array): string => toHex(publicKey.subarray(0, NAMED));

/** A state never changes. So a message, which leaves it as it is, looks at none of its keys again. */
const inStates = new WeakMap<GroupState, readonly string[]>();

/** The names of the signers that a group needs, or may need: in staged commits, own Updates and kept epochs, too. */
export function signersIn(state: GroupState): readonly string[] {
  const known = inStates.get(state);
  if (known !== undefined) return known;
  const names = new Set([state.current, ...epochsIn(state)].map((one) => nameOf(ownLeaf(one).signatureKey)));
  for (const { proposals } of [state, ...(state.kept?.others ?? [])])
    for (const { proposal, leafKey } of proposals)
      if (leafKey !== undefined && isProposal(proposal, ProposalType.update))
        names.add(nameOf(proposal.leafNode.signatureKey));
  const sorted = [...names].sort();
  inStates.set(state, sorted);
  return sorted;
}

export class KeptSigners {
  readonly #storage: ClientStorage;
  readonly #config: () => ClientConfig;
  /** Those that the storage has, or would have if they were needed. */
  readonly #known = new Map<string, Signer>();
  /** The names of those that the storage has. */
  #stored: ReadonlySet<string> = new Set();

  constructor(storage: ClientStorage, config: () => ClientConfig) {
    this.#storage = storage;
    this.#config = config;
  }

  add(signer: Signer): void {
    this.#known.set(nameOf(signer.publicKey), signer);
  }

  /**
   * What makes the storage have these and no others. A signer whose private key isn't to be had, as one of a token, stays the
   * application's, which adds it after a restart.
   * @returns besides, what is called when that is written
   */
  async changes(needed: ReadonlySet<string>): Promise<{ changes: StorageChange[]; done: () => void }> {
    const changes: StorageChange[] = [];
    const stored = new Set<string>();
    for (const name of needed) {
      const signer = this.#known.get(name);
      if (!this.#stored.has(name)) {
        const entry = signer && (await this.#entry(signer));
        if (entry === undefined) continue;
        changes.push({ ...entry, key: `${SIGNERS}${name}` });
      }
      stored.add(name);
    }
    for (const name of this.#stored)
      if (!needed.has(name)) changes.push({ key: `${SIGNERS}${name}`, value: undefined });
    const done = () => {
      this.#stored = stored;
    };
    return { changes, done };
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

  /** Takes those of the storage that aren't here. @throws MlsError `state` */
  async load(entries: readonly StoredEntry[]): Promise<void> {
    const config = this.#config();
    const added = entries.filter(({ key }) => !this.#known.has(key.slice(SIGNERS.length)));
    try {
      for (const entry of added) {
        const signer = await signerIn(config.provider, entry);
        if (signer === undefined) continue;
        config.addSigner(signer, true);
        this.add(signer);
      }
    } finally {
      wipe(...entries.map(({ value }) => value));
    }
  }

  /** Notes which the storage has. */
  found(entries: readonly StoredEntry[]): void {
    this.#stored = new Set(entries.map(({ key }) => key.slice(SIGNERS.length)));
  }

  /** Looks in the storage for what a group needs: another opener may have put it there. @throws MlsError `missing-signer` */
  async loadFor(state: GroupState): Promise<void> {
    try {
      checkSigners(this.#config(), state);
    } catch {
      await this.load(await readList(this.#storage, SIGNERS));
      checkSigners(this.#config(), state);
    }
  }
}
