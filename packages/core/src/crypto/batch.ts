// Independent operations in one call to the provider, with a fallback for providers that have no batch functions.
import {
  type Awaitable,
  all,
  type CipherSuiteProvider,
  type ExpandRequest,
  type HpkeSealed,
  type HpkeSealRequest,
  type VerifyRequest,
} from "../provider/index.js";

/** The digests of all inputs, in their order: `Nh` bytes each. */
export function hashAll(
  provider: CipherSuiteProvider,
  inputs: readonly Uint8Array[],
): Awaitable<Uint8Array[]> {
  const { hash } = provider;
  if (inputs.length === 0) return [];
  return hash.hashAll ? hash.hashAll(inputs) : all(inputs.map((input) => hash.hash(input)));
}

/** Many outputs of one key, in the order of the requests. */
export function expandAll(
  { kdf }: CipherSuiteProvider,
  prk: Uint8Array,
  requests: readonly ExpandRequest[],
): Awaitable<Uint8Array[]> {
  return kdf.expandAll
    ? kdf.expandAll(prk, requests)
    : all(requests.map(({ info, length }) => kdf.expand(prk, info, length)));
}

/** Whether each signature is valid, in the order of the requests. */
export function verifyAll(
  provider: CipherSuiteProvider,
  requests: readonly VerifyRequest[],
): Awaitable<boolean[]> {
  const { signature } = provider;
  if (requests.length === 0) return [];
  return signature.verifyAll
    ? signature.verifyAll(requests)
    : all(requests.map((r) => signature.verify(r.publicKey, r.message, r.signature)));
}

/** All encryptions, in the order of the requests. */
export function sealAll(
  provider: CipherSuiteProvider,
  requests: readonly HpkeSealRequest[],
): Awaitable<HpkeSealed[]> {
  const { hpke } = provider;
  if (requests.length === 0) return [];
  return hpke.sealAll
    ? hpke.sealAll(requests)
    : all(requests.map((r) => hpke.seal(r.publicKey, r.info, r.aad, r.plaintext)));
}
