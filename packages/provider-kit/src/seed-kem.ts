// draft-ietf-hpke-pq: KEMs with ML-KEM (FIPS 203), whose private keys are seeds, from what a backend has of them.
import { CryptoError, type HpkeKeyPair, type HpkePrivateKey, type KemAlgorithm } from "@copse/core/provider";
import { expectLength } from "./bytes.js";
import type { DhKeyPair, Encapsulated, Kem } from "./dhkem.js";
import { guardSync } from "./guard.js";
import { isMlKemPublicKey, pqDeriveInput } from "./ml-kem.js";

/** ML-KEM or a hybrid, with expanded private keys of the backend's own type. The kit makes handles of them. */
export interface SeedKemPrimitives<Key> {
  readonly algorithm: KemAlgorithm;
  /** The ML-KEM that it is or contains: its public key comes first. */
  readonly mlkem: KemAlgorithm;
  /** Bytes that an encapsulation is made from; 0 where the backend draws them itself. */
  readonly Nrandom: number;
  /** Both keys of a seed of `Nsk` bytes, which must not be kept. */
  fromSeed(seed: Uint8Array): DhKeyPair<Key>;
  /** Of a hybrid: checks what follows ML-KEM's public key, which the kit has checked. @throws CryptoError */
  validateElement?(element: Uint8Array): void;
  /** The kit has checked the public key. The randomness must not be kept. */
  encapsulate(publicKey: Uint8Array, randomness: Uint8Array): Encapsulated;
  /** The kit has checked the length. */
  decapsulate(kemOutput: Uint8Array, privateKey: Key): Uint8Array;
}

/** What the KEMs with ML-KEM need besides. */
export interface SeedKemParts {
  /** Whose keys they are: each KEM with the same object takes those of the others for its algorithm. */
  readonly backend: { readonly name: string };
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
  encap(publicKey: Uint8Array): Encapsulated;
  decap(kemOutput: Uint8Array, privateKey: HpkePrivateKey): Uint8Array;
}

/** A private key's seed, and what the backend expanded it to. */
interface Expanded<Key> {
  readonly seed: Uint8Array;
  readonly key: Key;
}

/** The handle. Its fields are private, so that no log or serialiser gives a key away. */
class PqPrivateKey<Key> {
  readonly #backend: SeedKemParts["backend"];
  readonly #id: number;
  readonly #expanded: Expanded<Key>;

  constructor(backend: SeedKemParts["backend"], { id }: KemAlgorithm, expanded: Expanded<Key>) {
    this.#backend = backend;
    this.#id = id;
    this.#expanded = expanded;
  }

  /** @throws CryptoError if `handle` isn't a key that this backend made for this KEM */
  static open<Key>(
    handle: unknown,
    backend: SeedKemParts["backend"],
    { id, name }: KemAlgorithm,
  ): Expanded<Key> {
    if (!(handle instanceof PqPrivateKey) || handle.#backend !== backend || handle.#id !== id) {
      throw new CryptoError(`this private key isn't one of ${backend.name}'s for ${name}`);
    }
    return handle.#expanded;
  }
}

/** Key management, checks and `DeriveKeyPair` of draft-ietf-hpke-pq around the backend's primitives. */
export function seedKem<Key>(primitives: SeedKemPrimitives<Key>, parts: SeedKemParts): SyncKem {
  const { algorithm, mlkem, Nrandom } = primitives;
  const { backend } = parts;
  const { name, Nenc, Npk, Nsk } = algorithm;

  /** Keeps the seed. */
  function pair(seed: Uint8Array): HpkeKeyPair {
    const { publicKey, privateKey } = primitives.fromSeed(seed);
    const handle = new PqPrivateKey(backend, algorithm, { seed, key: privateKey });
    return { publicKey, privateKey: handle as object as HpkePrivateKey };
  }

  const open = (handle: HpkePrivateKey) => PqPrivateKey.open<Key>(handle, backend, algorithm);

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
    encap(publicKey) {
      validatePublicKey(publicKey);
      const randomness = parts.random(Nrandom);
      return useSecretSync(randomness, () =>
        guardSync(`${name}: no secret with this public key`, () =>
          primitives.encapsulate(publicKey, randomness),
        ),
      );
    },
    decap(kemOutput, handle) {
      expectLength(kemOutput, Nenc, `${name} encapsulated key`);
      const { key } = open(handle);
      return guardSync(`${name}: no secret from this encapsulated key`, () =>
        primitives.decapsulate(kemOutput, key),
      );
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
