// RFC 9420 §10: of key packages that were used, deleted or have expired nothing is left: no entry, no key in the storage, and
// none in a key store.
import { memoryStorage } from "@copse/core/storage";
import { nodeProvider } from "@copse/provider-node";
import { webCryptoProvider } from "@copse/provider-webcrypto";
import { keyPackageCount, useUpKeyPackages } from "@copse/test-support/leftovers";
import { expect, it } from "vitest";
import { SUITE, watched } from "../client/watched.js";

const count = keyPackageCount(120);
const limit = 60_000 + 100 * count;

it(
  `keys as bytes: ${count} key packages`,
  async () => {
    await useUpKeyPackages({ storage: memoryStorage(), crypto: nodeProvider(), suite: SUITE, count });
  },
  limit,
);

it(
  `keys that the storage keeps: ${count} key packages`,
  async () => {
    const storage = memoryStorage();
    let most = 0;
    const handles = () =>
      (storage.list("") as readonly { handle?: object }[]).filter(({ handle }) => handle !== undefined)
        .length;
    const meanwhile = () => {
      most = Math.max(most, handles());
    };
    await useUpKeyPackages({ storage, crypto: await webCryptoProvider(), suite: SUITE, count, meanwhile });
    expect(most, "two of each key package, and the signer's").toBe(2 * Math.min(count, 30) + 1);
    expect(handles()).toBe(1);
  },
  limit,
);

it(
  `keys in a key store: ${count} key packages`,
  async () => {
    const { crypto, store } = watched(true);
    let most = 0;
    const meanwhile = () => {
      most = Math.max(most, store.size);
    };
    await useUpKeyPackages({ storage: memoryStorage(), crypto, suite: SUITE, count, meanwhile });
    expect(most).toBe(2 * Math.min(count, 30));
    expect(store.size).toBe(0);
  },
  limit,
);
