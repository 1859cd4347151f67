// The providers that members can use, and what each does in a suite.
import { hpkeProvider } from "@copse/provider-hpke";
import { libsodiumProvider } from "@copse/provider-libsodium";
import { nobleProvider } from "@copse/provider-noble";
import { nodeProvider } from "@copse/provider-node";
import { sodiumNativeProvider } from "@copse/provider-sodium-native";
import { webCryptoProvider } from "@copse/provider-webcrypto";
import type { ProviderEntry } from "./provider-entry.js";
import { tokenProvider } from "./token.js";

const webcrypto: ProviderEntry = {
  name: "webcrypto",
  make: (options) => webCryptoProvider(options),
  async describe({ kem, signature, aead, hash }) {
    const [group, scheme] = [groupName(kem.name), schemeName(signature.name)];
    const platform = [];
    const libraries = [];
    if (await platformHas(group)) platform.push(group);
    else libraries.push(`${group} by @hpke/dhkem-x25519`);
    if (await platformHas(scheme)) platform.push(scheme);
    else libraries.push(`${scheme} by @noble/curves`);
    if (aead.name.startsWith("AES")) platform.push(aead.name);
    else libraries.push(`${aead.name} by @hpke/chacha20poly1305`);
    libraries.push(`${hash.name} and HMAC by @noble/hashes`);
    const native = platform.length === 0 ? [] : [`${platform.join(", ")} by the platform`];
    return [...native, ...libraries].join("; ");
  },
};

const libsodium: ProviderEntry = {
  name: "libsodium",
  // libsodium's WASM build has no AES: suite 1 uses WebCrypto's.
  async make() {
    const lender = await webCryptoProvider();
    const hasAes = lender.suites.some(({ id }) => id === 1);
    return libsodiumProvider(hasAes ? { aes: lender.suite(1).aead } : {});
  },
  async describe({ kem, signature, aead, hash }) {
    const own = [groupName(kem.name), schemeName(signature.name)];
    const isLent = aead.name.startsWith("AES");
    if (!isLent) own.push(aead.name);
    const lent = isLent ? `${aead.name} lent by webcrypto; ` : "";
    return `${own.join(", ")} in WASM; ${lent}${hash.name} and HMAC by @noble/hashes`;
  },
};

const node: ProviderEntry = {
  name: "node",
  make: async () => nodeProvider(),
  describe: async () => "all of it by OpenSSL, through node:crypto",
};

const sodiumNative: ProviderEntry = {
  name: "sodium-native",
  make: async () => sodiumNativeProvider(),
  async describe({ aead }) {
    const isAes = aead.name.startsWith("AES");
    const own = ["X25519", "Ed25519", ...(isAes ? [] : [aead.name]), "SHA-256"];
    return `${own.join(", ")} by libsodium, as native code; ${isAes ? `${aead.name} and ` : ""}HMAC by node:crypto`;
  },
};

const hpke: ProviderEntry = {
  name: "hpke",
  make: () => hpkeProvider(),
  async describe({ signature, aead, hash }) {
    return `HPKE and ${aead.name} by the hpke-js family; ${schemeName(signature.name)}, ${hash.name} and HMAC by noble`;
  },
};

const noble: ProviderEntry = {
  name: "noble",
  make: async () => nobleProvider(),
  describe: async () => "all of it in JavaScript, by @noble/curves, @noble/ciphers and @noble/hashes",
};

export const PROVIDERS: readonly ProviderEntry[] = [
  webcrypto,
  libsodium,
  node,
  sodiumNative,
  hpke,
  noble,
  tokenProvider(),
];

/** Used if the command line names none. */
export const DEFAULT_PROVIDERS: readonly string[] = ["webcrypto", "libsodium"];

/** The group of a KEM: `X25519` of `DHKEM(X25519, HKDF-SHA256)`. */
function groupName(kem: string): string {
  return /^DHKEM\(([^,]+),/.exec(kem)?.[1] ?? kem;
}

const SCHEMES: Readonly<Record<string, string>> = {
  ed25519: "Ed25519",
  ed448: "Ed448",
  ecdsa_secp256r1_sha256: "ECDSA P-256",
  ecdsa_secp384r1_sha384: "ECDSA P-384",
  ecdsa_secp521r1_sha512: "ECDSA P-521",
};

function schemeName(name: string): string {
  return SCHEMES[name] ?? name;
}

/** Whether the platform's WebCrypto has this curve. */
async function platformHas(curve: string): Promise<boolean> {
  if (curve !== "X25519" && curve !== "Ed25519") return true;
  const usages = curve === "X25519" ? ["deriveBits" as const] : ["sign" as const, "verify" as const];
  try {
    await globalThis.crypto.subtle.generateKey({ name: curve }, false, usages);
    return true;
  } catch {
    return false;
  }
}
