// What is measured, in the order of the columns: ts-mls, OpenMLS, and Copse with each provider. Each is loaded when it is
// measured: not every platform has all of them, and other implementations are in a clone of the project only.
import { copse } from "./copse.js";
import type { Implementation } from "./implementation.js";
import { mlsTs } from "./mls-ts.js";
import { OPENMLS, REFERENCE } from "./references.js";
import { tsMls } from "./ts-mls.js";

const nodeProvider = async () => (await import("@copse/provider-node")).nodeProvider();

/** Has all suites. Also makes the key packages and trees for the slow implementations. */
export const node: Implementation = copse("node", nodeProvider);

export const implementations: readonly Implementation[] = [
  tsMls,
  mlsTs,
  copse("webcrypto", async () => (await import("@copse/provider-webcrypto")).webCryptoProvider()),
  // libsodium has no AES-128: suite 1 uses OpenSSL's.
  copse("libsodium", async () => {
    const { libsodiumProvider } = await import("@copse/provider-libsodium");
    return libsodiumProvider({ aes: (await nodeProvider()).suite(1).aead });
  }),
  node,
  copse("sodium-native", async () => (await import("@copse/provider-sodium-native")).sodiumNativeProvider()),
  copse("hpke", async () => (await import("@copse/provider-hpke")).hpkeProvider()),
  copse("noble", async () => (await import("@copse/provider-noble")).nobleProvider()),
];

/** These take minutes for what the others do in seconds, or can't make what is measured. */
export const SLOW: readonly string[] = [REFERENCE, OPENMLS, "hpke", "noble"];
