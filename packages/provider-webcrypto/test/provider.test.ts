// RFC 9420 §5.1: what every provider must pass, in every way in which this package makes one.
import { webCryptoProvider } from "@copse/provider-webcrypto";
import { describe } from "vitest";
import { checkProvider, checkSuite } from "../../../tests/support/provider-checks.js";
import { checkWycheproof } from "../../../tests/support/wycheproof.js";
import { suitesOf, without } from "./support.js";

describe("the default", async () => {
  checkProvider(await webCryptoProvider());
});

describe("native hashing, and keys that can be exported", async () => {
  const provider = await webCryptoProvider({ hashing: "native", extractable: true });
  for (const suite of suitesOf(provider)) checkSuite(suite);
});

// The other suites have nothing of the libraries'.
describe.each([
  ["library curves", { forceLibraryCurves: true, extractable: true }],
  ["a platform without X25519 and Ed25519", { crypto: without("X25519", "Ed25519") }],
])("%s", async (_, options) => {
  const provider = await webCryptoProvider(options);
  const suites = provider.suites.filter(({ id }) => id === 1 || id === 3);
  for (const { id } of suites) checkSuite(provider.suite(id));
  checkWycheproof({ ...provider, suites });
});
