// RFC 9420 §17.1, RFC 9180 §7: checks that a provider serves what it lists, and that suites are what they say.
import {
  AES_128_GCM,
  AES_256_GCM,
  CHACHA20_POLY1305,
  CIPHER_SUITES,
  type CryptoProvider,
  DHKEM_P256,
  DHKEM_P384,
  DHKEM_P521,
  DHKEM_X448,
  DHKEM_X25519,
  ECDSA_P256,
  ECDSA_P384,
  ECDSA_P521,
  ED448,
  ED25519,
  SHA256,
  SHA384,
  SHA512,
  UnsupportedError,
} from "@copse/core/provider";
import { type Check, check, describe, fail, type SuiteChecks } from "../check.js";
import { errorOf, holds, is } from "../tools/assert.js";

/** The algorithms of the registries: what has one's id or name must be it. */
const KEMS = [DHKEM_P256, DHKEM_P384, DHKEM_P521, DHKEM_X25519, DHKEM_X448];
const HASHES = [SHA256, SHA384, SHA512];
const AEADS = [AES_128_GCM, AES_256_GCM, CHACHA20_POLY1305];
const SCHEMES = [ECDSA_P256, ECDSA_P384, ECDSA_P521, ED25519, ED448];

/** The checks of a provider as a whole. */
export function providerChecks(provider: CryptoProvider, timeLimit?: number): Check[] {
  const named = (name: string, body: () => unknown) => check(provider.name, name, body, timeLimit);
  return [
    named("suites: all that are listed are served, and the same object each time", () => {
      holds(provider.suites.length > 0, "no suite is listed");
      const ids = provider.suites.map(({ id }) => id);
      is(new Set(ids).size, ids.length, "the number of different code points");
      for (const { id, name } of provider.suites) {
        const served = provider.suite(id);
        is(served.suite.id, id, `the code point of what suite(${id}) serves`);
        is(served.suite.name, name, `the name of what suite(${id}) serves`);
        holds(provider.suite(id) === served, `suite(${id}) gives another object each time`);
      }
    }),

    named("suites: others are refused with an UnsupportedError", async () => {
      const listed = new Set(provider.suites.map(({ id }) => id));
      for (const id of [
        0,
        ...CIPHER_SUITES.map((suite) => suite.id),
        8,
        0x0a0a,
        0xf0f0,
        0xffff,
        -1,
        65_537,
      ]) {
        if (listed.has(id)) continue;
        const error = await errorOf(() => provider.suite(id));
        if (error === undefined) fail(`suite(${id}) is served, but not listed`);
        const fits = error instanceof UnsupportedError && error.code === "unsupported";
        holds(fits, `suite(${id}): not an UnsupportedError, but ${describe(error)}`);
      }
    }),
  ];
}

export const algorithmChecks: SuiteChecks = {
  "algorithms: the suite is what the registry says": ({ suite }) => {
    const registered = CIPHER_SUITES.find(({ id, name }) => id === suite.id || name === suite.name);
    if (registered !== undefined) {
      is(suite.id, registered.id, "the code point");
      is(suite.name, registered.name, "the name");
      alike(suite.kem, registered.kem, "the suite's KEM");
      alike(suite.hash, registered.hash, "the suite's hash");
      alike(suite.aead, registered.aead, "the suite's AEAD");
      alike(suite.signature, registered.signature, "the suite's signature scheme");
    }
    // A suite of one's own may be made of known algorithms, with their sizes.
    known(suite.kem, KEMS, ({ id }) => id, "the KEM");
    known(suite.hash, HASHES, ({ kdfId }) => kdfId, "the hash");
    known(suite.aead, AEADS, ({ id }) => id, "the AEAD");
    known(suite.signature, SCHEMES, ({ id }) => id, "the signature scheme");
    holds(Number.isInteger(suite.id) && suite.id > 0 && suite.id < 65_536, "the code point is no uint16");
  },

  "algorithms: the parts are those of the suite": ({ suite, hash, kdf, aead, hpke, signature }) => {
    alike(hash.algorithm, suite.hash, "the hash part's algorithm");
    alike(kdf.algorithm, suite.hash, "the KDF part's algorithm");
    alike(aead.algorithm, suite.aead, "the AEAD part's algorithm");
    alike(hpke.algorithm, suite.kem, "the HPKE part's algorithm");
    alike(signature.algorithm, suite.signature, "the signature part's algorithm");
  },
};

function known<T extends { readonly name: string }>(
  algorithm: T,
  registry: readonly T[],
  idOf: (algorithm: T) => number,
  what: string,
): void {
  const entry = registry.find((one) => one.name === algorithm.name || idOf(one) === idOf(algorithm));
  if (entry !== undefined) alike(algorithm, entry, what);
}

function alike(got: object, wanted: object, what: string): void {
  for (const [key, value] of Object.entries(wanted)) {
    is((got as Record<string, unknown>)[key], value, `${key} of ${what}`);
  }
}
