// RFC 9420 §16.6: another master key for a storage whose values are sealed.
import { wipe } from "../../../bytes.js";
import { MlsError } from "../../../errors.js";
import type { StorageCipher } from "../../../provider/index.js";
import type { ClientStorage } from "../client-storage.js";
import { CLIENT } from "../entries.js";
import { type FoundPart, isSame, type PartList } from "./part-list.js";
import { partsOf, type SealedStorageOptions } from "./sealed-storage.js";

/**
 * Seals all values of a storage anew, with another master key: each group in one write, and the client in the last one. Close
 * all clients of the storage before. If it was interrupted, call it again, with the same ciphers: it goes on where it
 * was, and until it is done, neither key opens all. The storage has the old values no more; backups have.
 * @param storage as it is given to `sealedStorage`
 * @param options those of `sealedStorage`
 * @throws MlsError `state` if a part was sealed with neither key, or isn't as its last write made it; `storage` if the storage
 *   refuses a write; and what the storage throws
 * @example
 * await resealStorage(storage, nodeStorageCipher(oldKey), nodeStorageCipher(newKey));
 */
export async function resealStorage(
  storage: ClientStorage,
  from: StorageCipher,
  to: StorageCipher,
  options: SealedStorageOptions = {},
): Promise<void> {
  const [before, after] = [partsOf(storage, from, options), partsOf(storage, to, options)];
  const isLast = (name: string) => Number(name === CLIENT);
  const names = [...(await before.entries("")).keys()].sort((a, b) => isLast(a) - isLast(b));
  for (const name of names) await resealPart(storage, before, after, name);
}

async function resealPart(
  storage: ClientStorage,
  before: PartList,
  after: PartList,
  name: string,
): Promise<void> {
  const read = async (parts: PartList) =>
    (await parts.read(name, (one) => one === name)).find(({ part }) => part.name === name) as FoundPart;
  for (let refused: FoundPart | undefined; ; ) {
    const isDone = await read(after).catch((error: unknown) => {
      if (error instanceof MlsError && error.code === "state") return undefined;
      throw error;
    });
    if (isDone !== undefined) return;
    const found = await read(before);
    if (refused !== undefined && isSame(refused.state.seal, found.state.seal))
      throw new MlsError("storage", "the storage refuses a write from the version that it has");
    refused = found;
    const { part, state, values, open } = found;
    const opened = await Promise.all(
      values.map(async (entry) => ({ ...entry, value: await part.open(entry, open) })),
    );
    try {
      const write = await after.part(name).next(state, opened);
      const steps = write.step === undefined ? [] : [write.step];
      if ((await storage.write(write.changes, steps)) === true) return await after.made([write]);
    } finally {
      wipe(...opened.map(({ value }) => value));
    }
  }
}
