// What a factory doesn't know is refused by name, never ignored: JavaScript has no type checker.
import { checksFor, checksForSuite, runChecks, testProvider } from "@copse/provider-conformance";
import { libsodiumProvider } from "@copse/provider-libsodium";
import { nobleProvider } from "@copse/provider-noble";
import { noblePqProvider } from "@copse/provider-noble/pq";
import { nodeProvider } from "@copse/provider-node";
import { pkcs11Provider } from "@copse/provider-pkcs11";
import { instrumentProvider, selectProvider } from "@copse/provider-select";
import { webCryptoProvider } from "@copse/provider-webcrypto";
import { failure } from "@copse/test-support/errors";
import { describe, expect, it } from "vitest";

const node = nodeProvider();
const needed = { suites: [1], candidates: [{ name: "node", load: () => node }] };
const token = { library: "none", pin: "0000", inner: node };

/** Each factory: how it is called, and options of wrong names and types, with what the error says. */
const FACTORIES: Readonly<
  Record<string, readonly [(options: never) => unknown, readonly (readonly [object, string])[]]>
> = {
  nodeProvider: [
    nodeProvider,
    [
      [{ codePoint: {} }, '"codePoint"'],
      [{ codePoints: 1 }, "codePoints: expected object"],
    ],
  ],
  nobleProvider: [
    nobleProvider,
    [
      [{ rng: () => 1 }, '"rng"'],
      [{ random: {} }, "random: expected function"],
    ],
  ],
  noblePqProvider: [
    noblePqProvider,
    [
      [{ codePoints: {}, aes: {} }, '"aes"'],
      [{ codePoints: {}, random: 1 }, "random: expected function"],
    ],
  ],
  libsodiumProvider: [
    libsodiumProvider,
    [
      [{ AES: {} }, '"AES"'],
      [{ aes: true }, "aes: expected object"],
    ],
  ],
  webCryptoProvider: [
    webCryptoProvider,
    [
      [{ extractible: true }, '"extractible"'],
      [{ extractable: "yes" }, "extractable: expected boolean"],
      [{ hashing: "slow" }, 'hashing: expected "fast" or "native"'],
      [{ keyStore: "indexedDB" }, "keyStore: expected object"],
    ],
  ],
  pkcs11Provider: [
    pkcs11Provider,
    [
      [{ ...token, tokenlabel: "mine" }, '"tokenlabel"'],
      [{ ...token, keys: { hpkeKeys: true } }, '"keys.hpkeKeys"'],
      [{ ...token, keys: { hpke: "offer" } }, 'keys.hpke: expected boolean or "offered"'],
      [{ ...token, pin: 1234 }, "pin: expected string or function, got number"],
    ],
  ],
  selectProvider: [
    selectProvider,
    [
      [{ ...needed, policies: "fastest" }, '"policies"'],
      [{ ...needed, suites: ["1"] }, "suites[0]: expected number"],
      [{ ...needed, clock: 1 }, "clock: expected function"],
      [{ ...needed, parts: { signatures: {} } }, '"parts.signatures"'],
      [{ ...needed, parts: { signature: { polcy: "fastest" } } }, '"parts.signature.polcy"'],
    ],
  ],
  instrumentProvider: [
    (options: never) => instrumentProvider(node, options),
    [
      [{ clocks: () => 1 }, '"clocks"'],
      [{ clock: 1 }, "clock: expected function"],
    ],
  ],
  testProvider: [
    (options: never) => testProvider(node, options),
    [
      [{ suite: 1 }, '"suite"'],
      [{ effort: "long" }, 'effort: expected "full" or "short"'],
    ],
  ],
  runChecks: [(options: never) => runChecks(node, options).next(), [[{ suite: 1 }, '"suite"']]],
  checksForSuite: [
    (options: never) => checksForSuite(node.suite(1), options),
    [
      [{ suites: [1] }, '"suites"'],
      [{ effort: "Short" }, 'effort: expected "full" or "short"'],
      [{ second: "node" }, "second: expected object"],
    ],
  ],
  checksFor: [
    (options: never) => checksFor(node, options),
    [
      [{ suites: 1 }, "suites: expected array"],
      [{ effort: true }, 'effort: expected "full" or "short"'],
      [{ wycheproof: [{ name: "x25519_test.json" }] }, '"wycheproof[0].name"'],
    ],
  ],
};

describe.each(Object.entries(FACTORIES))("%s", (_name, [make, wrong]) => {
  it.each(wrong)("refuses %o", async (options, said) => {
    const error = await failure(async () => make(options as never));
    expect(error.code).toBe("usage");
    expect(error.message).toContain(said);
    expect(error.message).not.toContain("1234");
  });

  it("refuses what are no options", async () => {
    for (const options of [null, 7, "options", [], () => ({})]) {
      expect((await failure(async () => make(options as never))).code).toBe("usage");
    }
  });
});

it("any cache is taken, as unusable entries are ignored", async () => {
  for (const cache of [undefined, null, "junk", [1], { node: 1 }]) {
    expect((await selectProvider({ ...needed, cache })).candidate).toBe("node");
  }
});
