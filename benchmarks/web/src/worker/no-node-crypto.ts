// Replaces node:crypto, which browsers don't have. The benchmarks import it for provider-node, which is left out here.
function missing(): never {
  throw new Error("a browser has no node:crypto");
}
export const createECDH = missing;
export const createPublicKey = missing;
export const diffieHellman = missing;
export const generateKeyPairSync = missing;
