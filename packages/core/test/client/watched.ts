// RFC 9420 §9.2, §16.2: a provider that notes which private keys there are.
import { type CryptoProvider, type Group, type HpkePrivateKey, MlsError } from "@copse/core";
import { nodeProvider } from "@copse/provider-node";
import { privateKeysIn } from "../../src/group/state.js";

export const SUITE = 1;

/**
 * A provider that notes which private keys there are.
 * @param stored whether keys are saved as references into a key store, as those of a token are
 */
export function watched(stored = false) {
  const node = nodeProvider();
  const suite = node.suite(SUITE);
  const live = new Set<HpkePrivateKey>();
  const numbers = new Map<HpkePrivateKey, number>();
  const store = new Map<number, HpkePrivateKey>();
  const destroyed = new Set<HpkePrivateKey>();
  let next = 0;
  const note = <P extends { privateKey: HpkePrivateKey }>(pair: P): P => {
    live.add(pair.privateKey);
    return pair;
  };
  const hpke: typeof suite.hpke = {
    ...suite.hpke,
    generateKeyPair: async () => note(await suite.hpke.generateKeyPair()),
    deriveKeyPair: async (ikm) => note(await suite.hpke.deriveKeyPair(ikm)),
    importPrivateKey: async (bytes) => note(await suite.hpke.importPrivateKey(bytes)),
    destroyPrivateKey(key) {
      destroyed.add(key);
      const number = numbers.get(key);
      if (number !== undefined) {
        store.delete(number);
        for (const [handle, other] of numbers) if (other === number) live.delete(handle);
      }
      live.delete(key);
      return suite.hpke.destroyPrivateKey(key);
    },
    ...(stored && {
      savePrivateKey(key: HpkePrivateKey) {
        if (destroyed.has(key)) throw new MlsError("state", "the key was destroyed");
        // As key stores do, which aren't asked again whether they still have a key.
        const known = numbers.get(key);
        const number = known ?? next++;
        numbers.set(key, number);
        if (known === undefined) store.set(number, key);
        return Uint8Array.of(number >> 8, number & 0xff);
      },
      async loadPrivateKey([high = 0, low = 0]: Uint8Array) {
        const key = store.get((high << 8) | low);
        if (key === undefined) throw new MlsError("state", "the key store doesn't have this key");
        // Another handle each time, as a token and a database give.
        const bytes = await suite.hpke.exportPrivateKey(key);
        const { privateKey } = await suite.hpke.importPrivateKey(bytes);
        numbers.set(privateKey, (high << 8) | low);
        return privateKey;
      },
    }),
  };
  const crypto: CryptoProvider = { ...node, suite: () => ({ ...suite, hpke }) };
  return { crypto, live, store };
}

/** The keys that a group's state needs. */
export const needed = (group: Group) => new Set(privateKeysIn(group.predecessor));
