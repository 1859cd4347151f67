// RFC 9420 §10, §16.2: how a client is opened that a storage has, or a new one.
import { guardFunctions, noVerdict } from "../../crypto/index.js";
import { MlsError } from "../../errors.js";
import { answer, perform } from "../../operation/index.js";
import { checkOptions, needed, type OptionShape } from "../../option-shapes.js";
import type { CipherSuiteProvider } from "../../provider/index.js";
import { partsOf } from "../client.js";
import { CLIENT, type ClientOptions } from "../options.js";
import type { ClientStorage } from "./client-storage.js";
import { type FoundClient, readClient, wipeFound } from "./entries.js";
import { makeSigner, needGiven, recordOf, type SignerEntry, signerIn, suiteOf } from "./saved-signer.js";
import { StoredClient } from "./stored-client.js";
import { StoredState } from "./stored-state.js";

/** The options of {@link openClient}. */
export interface StoredClientOptions extends ClientOptions {
  /** Where the client keeps its state. It has the storage to itself. */
  readonly storage: ClientStorage;
}

const STORED_CLIENT: OptionShape<StoredClientOptions> = { ...CLIENT, storage: needed("object") };

/** How often a client is opened that another opener has changed meanwhile. */
const MAX_TRIES = 5;

/**
 * Opens the client that a storage has, or a new one: the signer, key packages, groups, staged commits and proposals are as
 * they were after the last call that answered. Groups are loaded when they are asked for ({@link StoredClient.group}).
 *
 * Without `signer`, the client makes one at its first opening, whose private key the storage keeps.
 * @param options the same at each opening; `suite` isn't needed again
 * @throws MlsError `state` for damaged entries or another suite; `missing-signer` without the signer that the client was
 *   opened with before; `key-not-extractable` if the provider doesn't export the signer's key: pass `signer`; `try-again`
 *   or `storage` if the storage fails; otherwise as {@link Client.create}
 * @example
 * const alice = await openClient({ storage, crypto: nodeProvider(), credential: "alice", authentication });
 * for (const { groupId } of alice.knownGroups()) show(await alice.group(groupId));
 */
export async function openClient(options: StoredClientOptions): Promise<StoredClient> {
  const { storage, ...chosen } = checkOptions(options, STORED_CLIENT);
  for (const name of ["get", "list", "write"] as const)
    if (typeof storage[name] !== "function")
      throw new MlsError("usage", `expected options.storage: a client storage, got one without ${name}()`);
  const reading = guardFunctions(storage, (cause) => noVerdict("the storage", cause));
  // What fails to be written is no more than that: `makeWrite` says so.
  const guarded = { ...reading, write: storage.write.bind(storage) };
  const work = async () => {
    for (let i = 1; ; i++) {
      try {
        return await open(guarded, chosen);
      } catch (error) {
        // Another process opened a new client first.
        if (i === MAX_TRIES || !(error instanceof MlsError && error.code === "stale-state")) throw error;
      }
    }
  };
  return perform({ work, finish: answer }, chosen);
}

async function open(storage: ClientStorage, chosen: ClientOptions): Promise<StoredClient> {
  const found = await readClient(storage);
  try {
    return await openFound(storage, chosen, found);
  } finally {
    wipeFound(found);
  }
}

async function openFound(
  storage: ClientStorage,
  chosen: ClientOptions,
  found: FoundClient,
): Promise<StoredClient> {
  const { signer: saved } = found;
  let made: SignerEntry | undefined;
  const newSigner = async (provider: CipherSuiteProvider) => {
    if (saved !== undefined) return needGiven(await signerIn(provider, saved));
    const { signer, entry } = await makeSigner(provider, storage.handles === true);
    made = entry;
    return signer;
  };
  const suite = chosen.suite ?? (saved && suiteOf(saved.value));
  const parts = await partsOf(suite === undefined ? chosen : { ...chosen, suite }, newSigner);
  const { provider, signer } = parts;
  const state = new StoredState(storage, (length) => provider.random(length));
  const client = new StoredClient({ ...parts, options: { ...parts.options, signer } }, state);
  if (chosen.signer !== undefined) {
    if (saved === undefined) made = { value: await recordOf(provider, signer.publicKey) };
    else {
      const former = await signerIn(provider, saved);
      if (former !== undefined) client.addSigner(former);
    }
  }
  await client.begin(found, made);
  return client;
}
