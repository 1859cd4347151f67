// What is measured, in the order of the columns: ts-mls, and Copse with each provider.
import { hpkeProvider } from "@copse/provider-hpke";
import { libsodiumProvider } from "@copse/provider-libsodium";
import { nobleProvider } from "@copse/provider-noble";
import { nodeProvider } from "@copse/provider-node";
import { sodiumNativeProvider } from "@copse/provider-sodium-native";
import { webCryptoProvider } from "@copse/provider-webcrypto";
import { copse } from "./copse.js";
import type { Implementation } from "./implementation.js";
import { REFERENCE, tsMls } from "./ts-mls.js";

/** Has all suites. Also makes the key packages and trees for the slow implementations. */
export const node: Implementation = copse("node", () => nodeProvider());

export const implementations: readonly Implementation[] = [
  tsMls,
  copse("webcrypto", () => webCryptoProvider()),
  // libsodium has no AES-128: suite 1 uses OpenSSL's.
  copse("libsodium", () => libsodiumProvider({ aes: nodeProvider().suite(1).aead })),
  node,
  copse("sodium-native", () => sodiumNativeProvider()),
  copse("hpke", () => hpkeProvider()),
  copse("noble", () => nobleProvider()),
];

/** These take minutes for what the others do in seconds. */
export const SLOW: readonly string[] = [REFERENCE, "hpke", "noble"];
