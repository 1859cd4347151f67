// The backends that are measured, in the order of their columns.
import { libsodiumProvider } from "@copse/provider-libsodium";
import { nobleProvider } from "@copse/provider-noble";
import { nodeProvider } from "@copse/provider-node";
import { webCryptoProvider } from "@copse/provider-webcrypto";
import type { Backend } from "./backend.js";
import { copse } from "./copse.js";
import { REFERENCE, tsMls } from "./ts-mls.js";

/** Serves all suites, and makes what slow ones are given: key packages of a crowd, and trees. */
export const node: Backend = copse("node", () => nodeProvider());

export const backends: readonly Backend[] = [
  tsMls,
  copse("webcrypto", () => webCryptoProvider()),
  // libsodium has no AES-128: in suite 1 that part is OpenSSL's.
  copse("libsodium", () => libsodiumProvider({ aes: nodeProvider().suite(1).aead })),
  node,
  copse("noble", () => nobleProvider()),
];

/** A peer, and JavaScript: they take minutes for what the others do in seconds. */
export const SLOW: readonly string[] = [REFERENCE, "noble"];
