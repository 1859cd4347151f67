// RFC 9420 §5.1: every way in which this package makes a provider conforms.
import { nodeProvider } from "@copse/provider-node";
import { webCryptoProvider } from "@copse/provider-webcrypto";
import { conforms } from "@copse/test-support/conformance";
import { wycheproofFiles } from "@copse/test-support/wycheproof";
import { describe } from "vitest";
import { memoryStore, without } from "./support.js";

const second = nodeProvider();
const UNBATCHED = "signature: verifyAll agrees with verify";
const UNSAVED = [UNBATCHED, "hpke keys: loads what it saves"];
// The default gives no private key away: what asks for the bytes of one doesn't apply.
const SECRET = "memory: imported private keys are copied, also from Buffers";

describe("the default", async () => {
  conforms(await webCryptoProvider(), {
    full: 2,
    all: [1, 2],
    second,
    make: webCryptoProvider,
    maySkip: [...UNSAVED, SECRET],
  });
});

// Only these and the way that keys go differ from the default, and the oracle's tests export keys of all suites.
describe("native hashing, and keys that can be exported", async () => {
  const wycheproof = wycheproofFiles().filter(({ fileName }) => fileName.startsWith("hmac"));
  const provider = await webCryptoProvider({ hashing: "native", extractable: true });
  conforms(provider, {
    second,
    suites: [1, 2, 7],
    areas: ["hash", "mac", "kdf", "hpke keys", "signature keys", "memory", "agreement"],
    wycheproof,
    maySkip: [...UNSAVED, "hash: hashAll agrees with hash"],
  });
});

describe("a key store", async () => {
  const provider = await webCryptoProvider({ keyStore: memoryStore() });
  conforms(provider, {
    suites: [1, 2],
    areas: ["hpke keys", "keys", "handles", "memory"],
    wycheproof: [],
    maySkip: [UNBATCHED, SECRET],
  });
});

// The other suites have nothing of the libraries'.
describe("library curves", async () => {
  const provider = await webCryptoProvider({ forceLibraryCurves: true, extractable: true });
  conforms(provider, { second, suites: [1, 3], all: [1], maySkip: UNSAVED });
});

describe("a platform without X25519 and Ed25519", async () => {
  const provider = await webCryptoProvider({ crypto: without("X25519", "Ed25519") });
  conforms(provider, { second, suites: [1, 3], all: [], wycheproof: [], maySkip: [...UNSAVED, SECRET] });
});
