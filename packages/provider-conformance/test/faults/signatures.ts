// RFC 9420 §5.1: faults in signatures and their keys.
import { CryptoError } from "@copse/core/provider";
import { ed25519 } from "@noble/curves/ed25519.js";
import { type Fault, fault } from "./fault.js";

const bigEndian = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).toString("hex") || "0"}`);

export const SIGNATURES: readonly Fault[] = [
  fault(
    "refuses to export without saying so",
    1,
    "signature keys: imports what it exports, or refuses to export with key-not-extractable",
    (s) => ({
      signature: {
        ...s.signature,
        exportPrivateKey() {
          throw new CryptoError("no");
        },
      },
    }),
  ),
  fault(
    "takes a malleable EdDSA signature",
    1,
    "signature: refuses S that isn't below the order",
    ({ signature }) => {
      const order = 2n ** 252n + 27742317777372353535851937790883648493n;
      const reduced = (value: Uint8Array) => {
        if (value.length !== 64) return value;
        const s = bigEndian(value.slice(32).reverse()) % order;
        const bytes = Buffer.from(s.toString(16).padStart(64, "0"), "hex").reverse();
        return new Uint8Array([...value.slice(0, 32), ...bytes]);
      };
      return {
        signature: {
          ...signature,
          verify: (key, message, value) => signature.verify(key, message, reduced(value)),
        },
      };
    },
  ),
  fault(
    "takes ECDSA signatures that aren't DER",
    2,
    "signature: refuses what isn't DER",
    ({ signature }) => ({
      signature: {
        ...signature,
        verify: (key, message, value) => signature.verify(key, message, value.slice(0, 2 + (value[1] ?? 0))),
      },
    }),
  ),
  fault(
    "takes a signature of zeros",
    7,
    "signature: refuses r and s that are zero or not below the order",
    (s) => ({
      signature: {
        ...s.signature,
        verify: (key, message, value) =>
          Buffer.from(value).equals(Buffer.from("3006020100020100", "hex")) ||
          s.signature.verify(key, message, value),
      },
    }),
  ),
  fault("insists on low s", 2, "signature: takes s and its negative alike", ({ signature }) => {
    const half = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n >> 1n;
    const isLow = (value: Uint8Array) => bigEndian(value.subarray(6 + (value[3] ?? 0))) <= half;
    return {
      signature: {
        ...signature,
        sign: async (key, message) => {
          for (;;) {
            const value = await signature.sign(key, message);
            if (isLow(value)) return value;
          }
        },
        verify: (key, message, value) => isLow(value) && signature.verify(key, message, value),
      },
    };
  }),
  fault(
    "throws where verify should say false",
    3,
    "signature: verify answers false to what is no key, and never throws",
    (s) => ({
      signature: {
        ...s.signature,
        verify(key, message, value) {
          if (key.length !== 32) throw new CryptoError("no key");
          return s.signature.verify(key, message, value);
        },
      },
    }),
  ),
  fault(
    "believes all of a batch if it believes the first",
    1,
    "signature: verifyAll agrees with verify",
    ({ signature }) => ({
      signature: {
        ...signature,
        async verifyAll(all) {
          const [first] = all;
          const fits =
            first !== undefined && (await signature.verify(first.publicKey, first.message, first.signature));
          return all.map(() => fits);
        },
      },
    }),
  ),
  fault("multiplies by the cofactor", 1, "verdicts: signatures", (s) => ({
    signature: {
      ...s.signature,
      verify(key, message, value) {
        try {
          return ed25519.verify(value, message, key, { zip215: false });
        } catch {
          return false;
        }
      },
    },
  })),
  fault(
    "forgets in a batch what it knows of single signatures",
    1,
    "verdicts: signatures in a batch",
    (s) => ({
      signature: {
        ...s.signature,
        verifyAll: (all) =>
          all.map(({ publicKey, message, signature }) => {
            try {
              return ed25519.verify(signature, message, publicKey, { zip215: true });
            } catch {
              return false;
            }
          }),
      },
    }),
  ),
  fault("takes a key in another form", 2, "verdicts: public keys", ({ signature }) => ({
    signature: {
      ...signature,
      validatePublicKey: (key) => signature.validatePublicKey(Uint8Array.of(4, ...key.subarray(1))),
    },
  })),
  fault(
    "takes Edwards points of small order",
    1,
    "signature keys: refuses points that are no key",
    ({ signature }) => ({
      signature: {
        ...signature,
        validatePublicKey(key) {
          if (key.length !== 32) throw new CryptoError("length");
        },
      },
    }),
  ),
];
