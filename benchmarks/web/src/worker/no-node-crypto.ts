// node:crypto, in the place of which a browser has nothing. The benchmarks name it for the backend that is left out here.
function missing(): never {
  throw new Error("a browser has no node:crypto");
}
export const createECDH = missing;
export const createPublicKey = missing;
export const diffieHellman = missing;
export const generateKeyPairSync = missing;
