// RFC 9420 §5.1: the providers, with everything random from a seed. Those that answer at once: WebCrypto and hpke-js answer
// when their threads are done, and take randomness that can't be given to them.
import type { CipherSuiteProvider, CryptoProvider, SignaturePart } from "@copse/core/provider";
import { type DhPrimitives, defineProvider, dhkem, hpke } from "@copse/provider-kit";
import { libsodiumProvider } from "@copse/provider-libsodium";
import { nobleProvider } from "@copse/provider-noble";
import { nodeProvider } from "@copse/provider-node";
import { sodiumNativeProvider } from "@copse/provider-sodium-native";
import { x25519 as sodiumWasm } from "../../packages/provider-libsodium/src/x25519.js";
import { dhGroup as nobleGroup } from "../../packages/provider-noble/src/dh.js";
import { dhGroup as nodeGroup } from "../../packages/provider-node/src/asymmetric.js";
import { x25519 as sodiumNative } from "../../packages/provider-sodium-native/src/x25519.js";
import type { KeyStore } from "./key-store.js";
import { digestOf } from "./numbers.js";
import type { Watch } from "./seals.js";

/** Random bytes of the step that is made. */
export type Entropy = (length: number) => Uint8Array;

/** A library that does the cryptography, and the Diffie-Hellman group of its KEM. */
export interface Library {
  readonly name: string;
  readonly suite: CipherSuiteProvider;
  readonly group: DhPrimitives<unknown>;
}

/** X25519, ChaCha20-Poly1305, SHA-256, Ed25519: the suite that all of them serve. */
export const SUITE = 3;

/** How many clients of each there are: a member on noble takes as long as ten others. */
const SHARES = { sodium: 50, openssl: 10, wasm: 3, noble: 1 };

export async function libraries(): Promise<readonly Library[]> {
  const wasm = (await libsodiumProvider()).suite(SUITE);
  const [native, node, noble] = [sodiumNativeProvider(), nodeProvider(), nobleProvider()].map((provider) =>
    provider.suite(SUITE),
  ) as [CipherSuiteProvider, CipherSuiteProvider, CipherSuiteProvider];
  const random = () => {
    throw new Error("expected no randomness of the library's own");
  };
  const { kem } = node.suite;
  const of = (name: string, { signature, ...suite }: CipherSuiteProvider, group: object): Library => ({
    name,
    suite: { ...suite, signature: verifyingOnce(signature) },
    group: group as DhPrimitives<unknown>,
  });
  return [
    ...Array<Library>(SHARES.sodium).fill(of("sodium-native", native, sodiumNative)),
    ...Array<Library>(SHARES.openssl).fill(of("node", node, nodeGroup(kem))),
    ...Array<Library>(SHARES.wasm).fill(of("libsodium", wasm, sodiumWasm)),
    ...Array<Library>(SHARES.noble).fill(of("noble", noble, nobleGroup(kem, random))),
  ];
}

/** How many verdicts a library remembers. */
const REMEMBERED = 5000;

/**
 * A library that remembers its verdicts: all members of a group are in this process, and verify the same signatures. Without
 * batches: threads verify the large ones of node:crypto.
 */
function verifyingOnce({ verifyAll: _, ...signature }: SignaturePart): SignaturePart {
  const verdicts = new Map<number, boolean>();
  return {
    ...signature,
    verify(publicKey, message, given) {
      const id = digestOf(publicKey, message, given);
      let verdict = verdicts.get(id);
      if (verdict !== undefined) return verdict;
      // All of these libraries answer at once.
      verdict = signature.verify(publicKey, message, given) as boolean;
      if (verdicts.size >= REMEMBERED) verdicts.clear();
      verdicts.set(id, verdict);
      return verdict;
    },
  };
}

/** The provider of one process. */
export function seededProvider(
  { name, suite, group }: Library,
  entropy: Entropy,
  watch: Watch,
  keyStore: KeyStore | undefined,
): CryptoProvider {
  const { Nsk } = suite.suite.kem;
  const pair = () => group.importPrivateKey(entropy(Nsk));
  const seeded: DhPrimitives<unknown> = { ...group, generateKeyPair: pair };
  const aead = watch.watched(suite.aead);
  const stored = keyStore === undefined ? seeded : keyStore.keeping(seeded, pair);
  const kem = dhkem(stored, suite.kdf);
  const signature: SignaturePart = {
    ...suite.signature,
    generateKeyPair: () => suite.signature.importPrivateKey(entropy(suite.suite.signature.Nsk)),
  };
  const made: CipherSuiteProvider = {
    ...suite,
    aead,
    hpke: hpke({ kem, kdf: suite.kdf, aead }),
    signature,
    random: entropy,
  };
  return defineProvider(name, [made]);
}
