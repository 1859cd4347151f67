// RFC 9420 §5.1: deliberately faulty providers, each a healthy one with one fault, and the check that names it.
import { createDecipheriv } from "node:crypto";
import {
  AES_256_GCM,
  type CipherSuiteProvider,
  CryptoError,
  type CryptoProvider,
  type HpkePart,
} from "@copse/core/provider";
import { dhkem, hpke } from "@copse/provider-kit";
import { nodeProvider } from "@copse/provider-node";
import { dhGroup } from "../../provider-node/src/asymmetric.js";

const node = nodeProvider();
const none = new Uint8Array(0);

export interface Fault {
  readonly fault: string;
  /** The code point of the suite that has it. */
  readonly suite: number;
  /** The check that names it. */
  readonly caughtBy: string;
  readonly provider: CryptoProvider;
}

const faults: Fault[] = [];

/** A provider of one suite, some of whose parts are replaced. */
function fault(
  what: string,
  suite: number,
  caughtBy: string,
  change: (healthy: CipherSuiteProvider) => Partial<CipherSuiteProvider>,
  provider: Partial<CryptoProvider> = {},
): void {
  const healthy = node.suite(suite);
  const served = { ...healthy, ...change(healthy) };
  const whole: CryptoProvider = {
    name: what,
    suites: [served.suite],
    suite: (id) => (id === suite ? served : node.suite(-1)),
    ...provider,
  };
  faults.push({ fault: what, suite, caughtBy, provider: whole });
}

/** Does as the healthy one does, but where that refuses. */
function orElse<T>(call: () => T, otherwise: () => T): T {
  try {
    return call();
  } catch {
    return otherwise();
  }
}

const bigEndian = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).toString("hex") || "0"}`);

// --- suites

fault(
  "says more suites than it serves",
  1,
  "suites: all that are listed are served, and the same object each time",
  () => ({}),
  {
    suites: [node.suite(1).suite, node.suite(2).suite],
  },
);
fault(
  "makes a suite anew each time",
  1,
  "suites: all that are listed are served, and the same object each time",
  () => ({}),
  {
    suite: (id) => ({ ...node.suite(id) }),
  },
);
fault(
  "throws a TypeError for an unknown suite",
  1,
  "suites: others are refused with an UnsupportedError",
  () => ({}),
  {
    suite(id) {
      if (id !== 1) throw new TypeError("no such suite");
      return node.suite(1);
    },
  },
);
fault(
  "runs AES-256 in a suite that says AES-128",
  1,
  "algorithms: the suite is what the registry says",
  (s) => ({
    suite: { ...s.suite, aead: AES_256_GCM },
    aead: node.suite(4).aead,
  }),
);
fault("has a part of another suite", 1, "algorithms: the parts are those of the suite", () => ({
  aead: node.suite(3).aead,
}));

// --- hash, KDF, random

fault("truncates a hash", 5, "hash: a digest has Nh bytes", ({ hash }) => ({
  hash: { ...hash, hash: async (data) => (await hash.hash(data)).slice(0, 32) },
}));
fault("hashes many in the wrong order", 1, "hash: hashAll agrees with hash", ({ hash }) => ({
  hash: { ...hash, hashAll: async (data) => Promise.all([...data].reverse().map((d) => hash.hash(d))) },
}));
fault("refuses an empty MAC key", 2, "mac: takes an empty key, and any other length", ({ hash }) => ({
  hash: {
    ...hash,
    mac(key, data) {
      if (key.length === 0) throw new CryptoError("an empty key");
      return hash.mac(key, data);
    },
  },
}));
fault("swaps HKDF's salt and input", 1, "kdf: extract is HMAC with the salt as its key", ({ kdf }) => ({
  kdf: { ...kdf, extract: (salt, ikm) => kdf.extract(ikm, salt) },
}));
fault(
  "expands to any length",
  1,
  "kdf: expand refuses more than 255 blocks, and what is no length",
  ({ kdf }) => ({
    kdf: {
      ...kdf,
      expand: (prk, info, length) =>
        orElse(
          () => kdf.expand(prk, info, length),
          () => new Uint8Array(Math.max(0, Math.floor(length) || 0)),
        ),
    },
  }),
);
fault("fills only the first 65,536 random bytes", 1, "random: looks random", ({ random }) => ({
  random(length) {
    const bytes = new Uint8Array(length);
    bytes.set(random(Math.min(length, 65_536)));
    return bytes;
  },
}));

// --- AEAD

fault("skips the tag check", 1, "aead: refuses a changed tag", ({ aead }) => ({
  aead: {
    ...aead,
    open: (key, nonce, aad, ciphertext) =>
      orElse(
        () => aead.open(key, nonce, aad, ciphertext),
        () => {
          if (key.length !== 16 || nonce.length !== 12 || ciphertext.length < 16)
            throw new CryptoError("length");
          const cipher = createDecipheriv("aes-128-gcm", key, nonce).setAAD(aad);
          return new Uint8Array(cipher.update(ciphertext.subarray(0, -16)));
        },
      ),
  },
}));
fault("takes truncated tags", 1, "aead: refuses every truncated tag", ({ aead }) => ({
  aead: {
    ...aead,
    open: (key, nonce, aad, ciphertext) =>
      orElse(
        () => aead.open(key, nonce, aad, ciphertext),
        () => {
          if (key.length !== 16 || nonce.length !== 12 || ciphertext.length < 12)
            throw new CryptoError("length");
          try {
            const cipher = createDecipheriv("aes-128-gcm", key, nonce, { authTagLength: 12 });
            cipher.setAAD(aad).setAuthTag(ciphertext.subarray(-12));
            const opened = new Uint8Array(cipher.update(ciphertext.subarray(0, -12)));
            cipher.final();
            return opened;
          } catch (cause) {
            throw new CryptoError("tag", { cause });
          }
        },
      ),
  },
}));
fault("ignores additional data", 3, "aead: refuses other additional data", ({ aead }) => ({
  aead: {
    ...aead,
    seal: (key, nonce, _aad, plaintext) => aead.seal(key, nonce, none, plaintext),
    open: (key, nonce, _aad, ciphertext) => aead.open(key, nonce, none, ciphertext),
  },
}));
fault("stretches short keys", 6, "aead: refuses keys and nonces of a wrong length", ({ aead }) => {
  const stretch = (key: Uint8Array) => {
    const full = new Uint8Array(32);
    full.set(key.subarray(0, 32));
    return full;
  };
  return {
    aead: {
      ...aead,
      seal: (key, nonce, aad, plaintext) => aead.seal(stretch(key), nonce, aad, plaintext),
      open: (key, nonce, aad, ciphertext) => aead.open(stretch(key), nonce, aad, ciphertext),
    },
  };
});

// --- HPKE

fault(
  "reuses an ephemeral key",
  1,
  "hpke: uses a fresh ephemeral key for each encryption",
  ({ suite, kdf, aead }) => {
    const group = dhGroup(suite.kem);
    const ephemeral = group.generateKeyPair();
    const { encap } = dhkem({ ...group, generateKeyPair: () => ephemeral }, kdf);
    return { hpke: hpke({ kem: { ...dhkem(group, kdf), encap }, kdf, aead }) };
  },
);
fault(
  "derives another key pair each time",
  7,
  "hpke keys: deriveKeyPair gives the same key pair for the same input",
  (s) => ({
    hpke: { ...s.hpke, deriveKeyPair: () => s.hpke.generateKeyPair() },
  }),
);
fault("ignores HPKE's info", 2, "hpke: refuses another info", (s) => ({
  hpke: {
    ...s.hpke,
    seal: (key, _info, aad, plaintext) => s.hpke.seal(key, none, aad, plaintext),
    open: (key, enc, _info, aad, ciphertext) => s.hpke.open(key, enc, none, aad, ciphertext),
    sealAll: (all) => Promise.all(all.map((r) => s.hpke.seal(r.publicKey, none, r.aad, r.plaintext))),
  },
}));
fault("ignores HPKE's additional data", 4, "hpke: refuses other additional data", (s) => ({
  hpke: {
    ...s.hpke,
    seal: (key, info, _aad, plaintext) => s.hpke.seal(key, info, none, plaintext),
    open: (key, enc, info, _aad, ciphertext) => s.hpke.open(key, enc, info, none, ciphertext),
    sealAll: (all) => Promise.all(all.map((r) => s.hpke.seal(r.publicKey, r.info, none, r.plaintext))),
  },
}));
fault(
  "ignores the exporter context",
  3,
  "hpke: an exported secret depends on the key, the info, the context and the length",
  (s) => ({
    hpke: {
      ...s.hpke,
      sendExport: (key, info, _context, length) => s.hpke.sendExport(key, info, none, length),
      receiveExport: (key, enc, info, _context, length) => s.hpke.receiveExport(key, enc, info, none, length),
    },
  }),
);
fault("seals many in the wrong order", 1, "hpke: sealAll agrees with seal", (s) => ({
  hpke: {
    ...s.hpke,
    sealAll: async (all) =>
      (await Promise.all(all.map((r) => s.hpke.seal(r.publicKey, r.info, r.aad, r.plaintext)))).reverse(),
  },
}));

fault(
  "opens HPKE messages without their tags",
  1,
  "hpke: refuses a damaged ciphertext",
  ({ suite, kdf, aead }) => ({
    hpke: hpke({
      kem: dhkem(dhGroup(suite.kem), kdf),
      kdf,
      aead: {
        ...aead,
        open(key, nonce, _aad, ciphertext) {
          if (ciphertext.length < 16) throw new CryptoError("length");
          return new Uint8Array(
            createDecipheriv("aes-128-gcm", key, nonce).update(ciphertext.subarray(0, -16)),
          );
        },
      },
    }),
  }),
);

/** HPKE that takes, beside good public keys, those that `also` says: as if they were a key of its own. */
function taking(part: HpkePart, also: (key: Uint8Array) => boolean): Partial<CipherSuiteProvider> {
  const own = part.generateKeyPair();
  const replaced = async (key: Uint8Array) => (also(key) ? (await own).publicKey : key);
  return {
    hpke: {
      ...part,
      validatePublicKey: async (key) => part.validatePublicKey(await replaced(key)),
      seal: async (key, info, aad, plaintext) => part.seal(await replaced(key), info, aad, plaintext),
    },
  };
}

fault("takes points off the curve", 2, "hpke keys: refuses points off the curve", ({ hpke: part }) =>
  taking(part, (key) => {
    if (key.length !== 65 || key[0] !== 4 || key.subarray(1).every((byte) => byte === 0)) return false;
    return orElse(
      () => part.validatePublicKey(key) instanceof Promise,
      () => true,
    );
  }),
);
fault("takes the point at infinity", 7, "hpke keys: refuses the point at infinity", (s) =>
  taking(s.hpke, (key) => key.length === 1 && key[0] === 0),
);
fault("takes compressed points", 5, "hpke keys: refuses other encodings of points", (s) =>
  taking(
    s.hpke,
    (key) => key.length === 67 && (key[0] === 2 || key[0] === 3) && key.some((b, i) => i > 0 && b > 0),
  ),
);
for (const suite of [1, 4]) {
  fault(
    "takes an all-zero shared secret",
    suite,
    "hpke keys: refuses points of low order, whose shared secret is zero",
    (s) =>
      taking(s.hpke, (key) =>
        key.length === s.suite.kem.Npk
          ? orElse(
              () => s.hpke.validatePublicKey(key) !== undefined,
              () => true,
            )
          : false,
      ),
  );
}
fault(
  "takes scalars above the order",
  7,
  "hpke keys: takes 1 to order - 1 as private keys, and no other number",
  (s) => ({
    hpke: {
      ...s.hpke,
      importPrivateKey: (bytes) =>
        orElse(
          () => s.hpke.importPrivateKey(bytes),
          () => {
            if (bytes.length !== 48 || bytes[0] !== 0xff) throw new CryptoError("no key");
            return s.hpke.generateKeyPair();
          },
        ),
    },
  }),
);
fault(
  "exports keys in another form than it imports",
  1,
  "hpke keys: imports what it exports, or refuses to export with key-not-extractable",
  (s) => ({
    hpke: {
      ...s.hpke,
      exportPrivateKey: async (key) => new Uint8Array([4, 32, ...(await s.hpke.exportPrivateKey(key))]),
    },
  }),
);
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
);

// --- signatures

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
);
fault("takes ECDSA signatures that aren't DER", 2, "signature: refuses what isn't DER", ({ signature }) => ({
  signature: {
    ...signature,
    verify: (key, message, value) => signature.verify(key, message, value.slice(0, 2 + (value[1] ?? 0))),
  },
}));
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
);
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
});
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
);
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
);
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
);

// --- memory and errors

fault(
  "returns a shared buffer",
  1,
  "memory: outputs are plain Uint8Arrays that share no memory",
  ({ kdf }) => {
    const shared = new Uint8Array(32);
    return {
      kdf: {
        ...kdf,
        async extract(salt, ikm) {
          shared.set(await kdf.extract(salt, ikm));
          return shared;
        },
      },
    };
  },
);
fault(
  "returns Buffers out of a pool",
  1,
  "memory: outputs are plain Uint8Arrays that share no memory",
  ({ hash }) => ({
    hash: { ...hash, mac: async (key, data) => Buffer.from(await hash.mac(key, data)) },
  }),
);
fault("changes its input", 1, "memory: inputs are never changed", ({ aead }) => ({
  aead: {
    ...aead,
    async open(key, nonce, aad, ciphertext) {
      const opened = await aead.open(key, nonce, aad, ciphertext);
      ciphertext.set(opened);
      return opened;
    },
  },
}));
fault("takes the whole buffer of a view", 1, "memory: inputs may be views of larger buffers", ({ hash }) => ({
  hash: { ...hash, hash: (data) => hash.hash(new Uint8Array(data.buffer)) },
}));
fault("keeps the caller's array in a cache", 2, "memory: inputs are never kept", ({ signature }) => {
  const cache = new Map<Uint8Array, Uint8Array>();
  const cached = (key: Uint8Array) => {
    if (!cache.has(key)) cache.set(key, key.slice());
    return cache.get(key) ?? key;
  };
  return {
    signature: {
      ...signature,
      verify: (key, message, value) => signature.verify(cached(key), message, value),
    },
  };
});
fault(
  "works in a scratch buffer over an await",
  3,
  "calls: many at once answer as one after the other",
  ({ hash }) => {
    const scratch = new Uint8Array(200);
    return {
      hash: {
        ...hash,
        async hash(data) {
          if (data.length > scratch.length) return hash.hash(data);
          scratch.set(data);
          await Promise.resolve();
          return hash.hash(scratch.slice(0, data.length));
        },
        hashAll: async (data) => Promise.all(data.map((d) => hash.hash(d))),
      },
    };
  },
);
fault(
  "throws the backend's own errors",
  1,
  "errors: bad input ends with a CryptoError and with no other error",
  (s) => ({
    signature: {
      ...s.signature,
      sign(key, message) {
        try {
          return s.signature.sign(key, message);
        } catch {
          throw new TypeError("backend");
        }
      },
    },
  }),
);
fault("shows its private keys", 3, "hpke keys: a handle shows nothing of the private key", (s) => ({
  hpke: {
    ...s.hpke,
    async generateKeyPair() {
      const { publicKey, privateKey } = await s.hpke.generateKeyPair();
      return {
        publicKey,
        privateKey: Object.assign(privateKey, { d: await s.hpke.exportPrivateKey(privateKey) }),
      };
    },
  },
}));

export const FAULTS: readonly Fault[] = faults;
