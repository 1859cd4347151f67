// RFC 9420 §5.1: a provider that counts its calls.
import {
  type AeadPart,
  type Awaitable,
  type CipherSuiteProvider,
  type CryptoProvider,
  checkOptions,
  type ExpandRequest,
  type HashPart,
  type HpkeKeyPair,
  type HpkePart,
  isPromise,
  type KdfPart,
  type OptionShape,
  type SignatureKeyPair,
  type SignaturePart,
} from "@copse/core/provider";
import type { ComposedHpke } from "@copse/provider-kit";
import { type Clock, platformClock } from "./clock.js";

/** The names of a part's methods, the optional ones included. */
type MethodsOf<Part> = {
  [Key in keyof Part]-?: NonNullable<Part[Key]> extends (...args: never[]) => unknown ? Key : never;
}[keyof Part] &
  string;

/** Every operation of a suite, by its name in the interface. */
export type Operation =
  | `hash.${MethodsOf<HashPart>}`
  | `kdf.${MethodsOf<KdfPart>}`
  | `aead.${MethodsOf<AeadPart>}`
  | `hpke.${MethodsOf<HpkePart>}`
  | `signature.${MethodsOf<SignaturePart>}`
  | "random";

/** The counts of one operation. */
export interface OperationCount {
  /** How often it was called; a batch is one call. */
  readonly calls: number;
  /** How many operations: the size of a batch, 1 for every other call. */
  readonly items: number;
  /** How many calls threw or were rejected. */
  readonly failures: number;
  /** Bytes of the arguments: messages, keys in bytes, labels. Handles count as none. */
  readonly bytesIn: number;
  /** Bytes of the answers. */
  readonly bytesOut: number;
  /** Time from call to answer. Concurrent calls count in full, each. */
  readonly milliseconds: number;
}

/** The counts of one suite. */
export interface SuiteCounts {
  readonly id: number;
  readonly name: string;
  /** Only operations that were called, in the order of their first call. */
  readonly operations: { readonly [name in Operation]?: OperationCount };
}

/** A {@link CryptoProvider} that counts. */
export interface InstrumentedProvider extends CryptoProvider {
  /** The counts since the last {@link reset}, of each suite that was used. Plain data. */
  report(): readonly SuiteCounts[];
  /** Starts again from zero. A pending call still counts before the reset. */
  reset(): void;
}

export interface InstrumentOptions {
  /** Milliseconds from any fixed point. Default: the platform's `performance.now`. */
  readonly clock?: Clock;
}

const OPTIONS: OptionShape<InstrumentOptions> = { clock: "function" };

/**
 * The same provider, counting calls, bytes and time of each operation. Synchronous answers stay synchronous, and
 * handles of either provider work with the other. Only calls through the interface are counted, not the
 * provider's internal ones (such as the HMACs in its HPKE).
 * @throws MlsError `usage` for unknown options
 */
export function instrumentProvider(
  provider: CryptoProvider,
  options: InstrumentOptions = {},
): InstrumentedProvider {
  checkOptions(options, OPTIONS);
  const { clock = platformClock } = options;
  const instrumented = new Map<number, CipherSuiteProvider>();
  let counters = new Map<number, { readonly name: string; readonly of: Map<Operation, Counter> }>();

  /** The current counter, also after a reset. */
  function counterOf(id: number, name: string, operation: Operation): Counter {
    let suite = counters.get(id);
    if (suite === undefined) {
      suite = { name, of: new Map() };
      counters.set(id, suite);
    }
    let counter = suite.of.get(operation);
    if (counter === undefined) {
      counter = { calls: 0, items: 0, failures: 0, bytesIn: 0, bytesOut: 0, milliseconds: 0 };
      suite.of.set(operation, counter);
    }
    return counter;
  }

  return {
    name: provider.name,
    suites: provider.suites,
    suite(id) {
      let suite = instrumented.get(id);
      if (suite === undefined) {
        const inner = provider.suite(id);
        const { name } = inner.suite;
        suite = instrumentSuite(
          inner,
          meter(clock, (operation) => counterOf(id, name, operation)),
        );
        instrumented.set(id, suite);
      }
      return suite;
    },
    report: () =>
      [...counters].map(([id, { name, of }]) => ({
        id,
        name,
        operations: Object.fromEntries([...of].map(([operation, counter]) => [operation, { ...counter }])),
      })),
    reset() {
      counters = new Map();
    },
  };
}

type Counter = { -readonly [Key in keyof OperationCount]: OperationCount[Key] };

/** Runs a call and counts it; `sizeOf` says how many bytes its answer has. */
type Meter = <T>(
  operation: Operation,
  bytesIn: number,
  call: () => Awaitable<T>,
  sizeOf: (answer: T) => number,
  items?: number,
) => Awaitable<T>;

function meter(clock: Clock, counterOf: (operation: Operation) => Counter): Meter {
  return <T>(
    operation: Operation,
    bytesIn: number,
    call: () => Awaitable<T>,
    sizeOf: (answer: T) => number,
    items = 1,
  ): Awaitable<T> => {
    const counter = counterOf(operation);
    counter.calls++;
    counter.items += items;
    counter.bytesIn += bytesIn;
    const start = clock();
    const succeed = (answer: T): T => {
      counter.milliseconds += clock() - start;
      counter.bytesOut += sizeOf(answer);
      return answer;
    };
    const fail = (error: unknown): never => {
      counter.milliseconds += clock() - start;
      counter.failures++;
      throw error;
    };
    let answer: Awaitable<T>;
    try {
      answer = call();
    } catch (error) {
      return fail(error);
    }
    return isPromise(answer) ? answer.then(succeed, fail) : succeed(answer);
  };
}

const none = () => 0;
const length = (bytes: Uint8Array) => bytes.length;
const lengths = (all: readonly Uint8Array[]) => sum(all, length);
const publicKeyLength = (pair: HpkeKeyPair | SignatureKeyPair) => pair.publicKey.length;

function sum<T>(all: readonly T[], sizeOf: (one: T) => number): number {
  let total = 0;
  for (const one of all) total += sizeOf(one);
  return total;
}

function instrumentSuite(inner: CipherSuiteProvider, count: Meter): CipherSuiteProvider {
  return {
    suite: inner.suite,
    hash: instrumentHash(inner.hash, count),
    kdf: instrumentKdf(inner.kdf, count),
    aead: instrumentAead(inner.aead, count),
    hpke: instrumentHpke(inner.hpke, count),
    signature: instrumentSignature(inner.signature, count),
    random: (size) => count("random", 0, () => inner.random(size), length) as Uint8Array,
  };
}

function instrumentHash(part: HashPart, count: Meter): HashPart {
  return {
    algorithm: part.algorithm,
    hash: (data) => count("hash.hash", data.length, () => part.hash(data), length),
    mac: (key, data) => count("hash.mac", key.length + data.length, () => part.mac(key, data), length),
    ...(part.hashAll && {
      hashAll: (data: Parameters<NonNullable<HashPart["hashAll"]>>[0]) =>
        count("hash.hashAll", lengths(data), () => part.hashAll!(data), lengths, data.length),
    }),
  };
}

function instrumentKdf(part: KdfPart, count: Meter): KdfPart {
  return {
    algorithm: part.algorithm,
    extract: (salt, ikm) =>
      count("kdf.extract", salt.length + ikm.length, () => part.extract(salt, ikm), length),
    expand: (prk, info, size) =>
      count("kdf.expand", prk.length + info.length, () => part.expand(prk, info, size), length),
    ...(part.expandAll && {
      expandAll: (prk: Uint8Array, requests: readonly ExpandRequest[]) =>
        count(
          "kdf.expandAll",
          prk.length + sum(requests, ({ info }) => info.length),
          () => part.expandAll!(prk, requests),
          lengths,
          requests.length,
        ),
    }),
  };
}

function instrumentAead(part: AeadPart, count: Meter): AeadPart {
  return {
    algorithm: part.algorithm,
    seal: (key, nonce, aad, plaintext) =>
      count(
        "aead.seal",
        lengths([key, nonce, aad, plaintext]),
        () => part.seal(key, nonce, aad, plaintext),
        length,
      ),
    open: (key, nonce, aad, ciphertext) =>
      count(
        "aead.open",
        lengths([key, nonce, aad, ciphertext]),
        () => part.open(key, nonce, aad, ciphertext),
        length,
      ),
  };
}

function instrumentHpke(part: HpkePart, count: Meter): HpkePart {
  // KDF and AEAD stay visible, so that a suite can check them. The KEM doesn't: its calls wouldn't be counted.
  const { kdf, aead } = part as Partial<ComposedHpke>;
  const made = kdf === undefined || aead === undefined ? {} : { kdf, aead };
  const sealed = (one: { kemOutput: Uint8Array; ciphertext: Uint8Array }) =>
    one.kemOutput.length + one.ciphertext.length;
  const counted: HpkePart = {
    ...made,
    algorithm: part.algorithm,
    generateKeyPair: () => count("hpke.generateKeyPair", 0, () => part.generateKeyPair(), publicKeyLength),
    deriveKeyPair: (ikm) =>
      count("hpke.deriveKeyPair", ikm.length, () => part.deriveKeyPair(ikm), publicKeyLength),
    validatePublicKey: (key) =>
      count("hpke.validatePublicKey", key.length, () => part.validatePublicKey(key), none),
    importPrivateKey: (bytes) =>
      count("hpke.importPrivateKey", bytes.length, () => part.importPrivateKey(bytes), publicKeyLength),
    exportPrivateKey: (key) => count("hpke.exportPrivateKey", 0, () => part.exportPrivateKey(key), length),
    destroyPrivateKey: (key) => count("hpke.destroyPrivateKey", 0, () => part.destroyPrivateKey(key), none),
    seal: (key, info, aad, plaintext) =>
      count(
        "hpke.seal",
        lengths([key, info, aad, plaintext]),
        () => part.seal(key, info, aad, plaintext),
        sealed,
      ),
    open: (key, kemOutput, info, aad, ciphertext) =>
      count(
        "hpke.open",
        lengths([kemOutput, info, aad, ciphertext]),
        () => part.open(key, kemOutput, info, aad, ciphertext),
        length,
      ),
    sendExport: (key, info, context, size) =>
      count(
        "hpke.sendExport",
        lengths([key, info, context]),
        () => part.sendExport(key, info, context, size),
        ({ kemOutput, secret }) => kemOutput.length + secret.length,
      ),
    receiveExport: (key, kemOutput, info, context, size) =>
      count(
        "hpke.receiveExport",
        lengths([kemOutput, info, context]),
        () => part.receiveExport(key, kemOutput, info, context, size),
        length,
      ),
  };
  if (part.savePrivateKey) {
    counted.savePrivateKey = (key) =>
      count("hpke.savePrivateKey", 0, () => part.savePrivateKey!(key), length);
  }
  if (part.loadPrivateKey) {
    counted.loadPrivateKey = (saved) =>
      count("hpke.loadPrivateKey", saved.length, () => part.loadPrivateKey!(saved), none);
  }
  if (part.isStored) counted.isStored = (key) => part.isStored!(key);
  if (part.exportHandle) counted.exportHandle = (key) => part.exportHandle!(key);
  if (part.importHandle) counted.importHandle = (handle, key) => part.importHandle!(handle, key);
  if (part.sweepPrivateKeys) counted.sweepPrivateKeys = (saved) => part.sweepPrivateKeys!(saved);
  if (part.sealAll) {
    counted.sealAll = (requests) =>
      count(
        "hpke.sealAll",
        sum(requests, (r) => lengths([r.publicKey, r.info, r.aad, r.plaintext])),
        () => part.sealAll!(requests),
        (all) => sum(all, sealed),
        requests.length,
      );
  }
  return counted;
}

function instrumentSignature(part: SignaturePart, count: Meter): SignaturePart {
  const counted: SignaturePart = {
    algorithm: part.algorithm,
    generateKeyPair: () =>
      count("signature.generateKeyPair", 0, () => part.generateKeyPair(), publicKeyLength),
    importPrivateKey: (bytes) =>
      count("signature.importPrivateKey", bytes.length, () => part.importPrivateKey(bytes), publicKeyLength),
    exportPrivateKey: (key) =>
      count("signature.exportPrivateKey", 0, () => part.exportPrivateKey(key), length),
    destroyPrivateKey: (key) =>
      count("signature.destroyPrivateKey", 0, () => part.destroyPrivateKey(key), none),
    validatePublicKey: (key) =>
      count("signature.validatePublicKey", key.length, () => part.validatePublicKey(key), none),
    sign: (key, message) => count("signature.sign", message.length, () => part.sign(key, message), length),
    verify: (key, message, signature) =>
      count(
        "signature.verify",
        lengths([key, message, signature]),
        () => part.verify(key, message, signature),
        none,
      ),
  };
  if (part.verifyAll) {
    counted.verifyAll = (requests) =>
      count(
        "signature.verifyAll",
        sum(requests, (r) => lengths([r.publicKey, r.message, r.signature])),
        () => part.verifyAll!(requests),
        none,
        requests.length,
      );
  }
  return counted;
}
