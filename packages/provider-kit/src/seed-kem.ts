// draft-ietf-hpke-pq: KEMs with ML-KEM (FIPS 203), whose private keys are seeds, from a library's primitives.
import { CryptoError, type HpkeKeyPair, type HpkePrivateKey, type KemAlgorithm } from "@copse/core/provider";
import { expectLength } from "./bytes.js";
import type { DhKeyPair, Encapsulated, Kem } from "./dhkem.js";
import { guardSync } from "./guard.js";
import { isMlKemPublicKey, pqDeriveInput } from "./ml-kem.js";

/** ML-KEM or a hybrid, with expanded private keys of the provider's own type, which the kit wraps in handles. */
export interface SeedKemPrimitives<Key> {
  readonly algorithm: KemAlgorithm;
  /** The ML-KEM that it is or contains: its public key comes first. */
  readonly mlkem: KemAlgorithm;
  /** How many random bytes an encapsulation needs; 0 if the library draws them itself. */
  readonly Nrandom: number;
  /** Expands a seed of `Nsk` bytes to both keys. Must not keep the seed. */
  fromSeed(seed: Uint8Array): DhKeyPair<Key>;
  /** Of a hybrid: checks what follows ML-KEM's public key, which the kit has checked. @throws CryptoError */
  validateElement?(element: Uint8Array): void;
  /** The kit has checked the public key. The randomness must not be kept. */
  encapsulate(publicKey: Uint8Array, randomness: Uint8Array): Encapsulated;
  /** The kit has checked the length. */
  decapsulate(kemOutput: Uint8Array, privateKey: Key): Uint8Array;
  /** Overwrites the expanded key, where it is bytes. The kit overwrites the seed. */
  destroy?(privateKey: Key): void;
}

/** What the kit needs besides the primitives. */
export interface SeedKemParts {
  /** Identifies whose keys they are: KEMs made with the same object take one another's keys for the same algorithm. */
  readonly provider: object;
  /** Bytes that the kit may keep and wipe. */
  random(length: number): Uint8Array;
  /** `length` bytes, in memory of their own */
  shake256(input: Uint8Array, length: number): Uint8Array;
}

/** A KEM that answers at once. */
export interface SyncKem extends Kem {
  generateKeyPair(): HpkeKeyPair;
  deriveKeyPair(ikm: Uint8Array): HpkeKeyPair;
  validatePublicKey(publicKey: Uint8Array): void;
  importPrivateKey(bytes: Uint8Array): HpkeKeyPair;
  exportPrivateKey(privateKey: HpkePrivateKey): Uint8Array;
  destroyPrivateKey(privateKey: HpkePrivateKey): void;
  encap(publicKey: Uint8Array): Encapsulated;
  decap(kemOutput: Uint8Array, privateKey: HpkePrivateKey): Uint8Array;
}

/** A private key's seed, and the key that the provider expanded it to. */
interface Expanded<Key> {
  readonly seed: Uint8Array;
  readonly key: Key;
}

/** The provider and KEM of a handle, which its keys have in common. */
type Owner = SeedKemParts["provider"];
interface Kept {
  readonly provider: Owner;
  readonly id: number;
  expanded: Expanded<unknown> | undefined;
}

/** What handles stand for. Not in private fields, for the reason given at {@link PrivateKeyHandle}. */
const kept = new WeakMap<object, Kept>();

/** A private key's handle, which shows nothing of the key. */
class PqPrivateKey<Key> {
  constructor(provider: Owner, { id }: KemAlgorithm, expanded: Expanded<Key>) {
    kept.set(this, { provider, id, expanded });
  }

  /** @throws CryptoError if `handle` isn't a key that this provider made for this KEM */
  static open<Key>(handle: unknown, provider: Owner, algorithm: KemAlgorithm): Expanded<Key> {
    const { expanded } = find(handle, provider, algorithm);
    if (expanded === undefined) throw new CryptoError(`${algorithm.name}: the private key was destroyed`);
    return expanded as Expanded<Key>;
  }

  /** Empties a handle, for good. `undefined` if it was emptied before. @throws CryptoError, as {@link open} */
  static take<Key>(handle: unknown, provider: Owner, algorithm: KemAlgorithm): Expanded<Key> | undefined {
    const found = find(handle, provider, algorithm);
    const { expanded } = found;
    found.expanded = undefined;
    return expanded as Expanded<Key> | undefined;
  }
}

function find(handle: unknown, provider: Owner, { id, name }: KemAlgorithm): Kept {
  const found = kept.get(handle as object);
  if (found?.provider !== provider || found.id !== id) {
    throw new CryptoError(`${name}: the private key is not a handle of this provider`);
  }
  return found;
}

/** Key management, checks and `DeriveKeyPair` of draft-ietf-hpke-pq around the provider's primitives. */
export function seedKem<Key>(primitives: SeedKemPrimitives<Key>, parts: SeedKemParts): SyncKem {
  const { algorithm, mlkem, Nrandom } = primitives;
  const { provider } = parts;
  const { name, Nenc, Npk, Nsk } = algorithm;

  /** Keeps the seed. */
  function pair(seed: Uint8Array): HpkeKeyPair {
    const { publicKey, privateKey } = primitives.fromSeed(seed);
    const handle = new PqPrivateKey(provider, algorithm, { seed, key: privateKey });
    return { publicKey, privateKey: handle as object as HpkePrivateKey };
  }

  const open = (handle: HpkePrivateKey) => PqPrivateKey.open<Key>(handle, provider, algorithm);

  /** @throws CryptoError unless ML-KEM's half passes FIPS 203 §7.2 and the other its own check */
  function validatePublicKey(publicKey: Uint8Array): void {
    expectLength(publicKey, Npk, `${name} public key`);
    if (!isMlKemPublicKey(publicKey.subarray(0, mlkem.Npk))) {
      throw new CryptoError(`${name}: the public key's coefficients aren't below the modulus`);
    }
    primitives.validateElement?.(publicKey.subarray(mlkem.Npk));
  }

  return {
    algorithm,
    generateKeyPair: () => pair(parts.random(Nsk)),
    deriveKeyPair(ikm) {
      const input = pqDeriveInput(algorithm, ikm);
      return pair(useSecretSync(input, () => parts.shake256(input, Nsk)));
    },
    validatePublicKey,
    importPrivateKey(bytes) {
      expectLength(bytes, Nsk, `${name} private key`);
      // Not slice(): that of a Buffer shares its memory.
      return pair(new Uint8Array(bytes));
    },
    exportPrivateKey: (handle) => open(handle).seed.slice(),
    destroyPrivateKey(handle) {
      const expanded = PqPrivateKey.take<Key>(handle, provider, algorithm);
      if (expanded === undefined) return;
      expanded.seed.fill(0);
      primitives.destroy?.(expanded.key);
    },
    encap(publicKey) {
      validatePublicKey(publicKey);
      const randomness = parts.random(Nrandom);
      return useSecretSync(randomness, () =>
        guardSync(`${name}: key agreement failed`, () => primitives.encapsulate(publicKey, randomness)),
      );
    },
    decap(kemOutput, handle) {
      expectLength(kemOutput, Nenc, `${name} encapsulated key`);
      const { key } = open(handle);
      return guardSync(`${name}: decapsulation failed`, () => primitives.decapsulate(kemOutput, key));
    },
  };
}

/** Runs `use` and then overwrites the secret that only it needs. For synchronous work; else `useSecret`. */
export function useSecretSync<T>(secret: Uint8Array, use: () => T): T {
  try {
    return use();
  } finally {
    secret.fill(0);
  }
}
