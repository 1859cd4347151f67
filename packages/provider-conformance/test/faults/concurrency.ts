// RFC 9420 §5.1: faults that show when calls run at the same time.
import type { CipherSuiteProvider } from "@copse/core/provider";
import { type Fault, fault, loose } from "./fault.js";

const ONE_BY_ONE = "calls: many at once answer as one after the other";
const PAIRS = "calls: key pairs made at the same time are different, and each is a pair";
const DERIVED = "calls: key pairs derived at the same time are those of their inputs";
const MOVED = "calls: private keys exported, imported and saved at the same time are each their own";
const SIGNED = "calls: signatures made at the same time are each of its own message and key";
const SEALED = "calls: HPKE messages sealed, opened and exported at the same time are each their own";
const BATCHES = "calls: batches made at the same time are each their own";
const ENDS = "calls: a key that is destroyed while others work ends alone";

type Loose = (...args: unknown[]) => unknown;

const turn = () => Promise.resolve();

/** Two calls that wait at the same time get each other's answers. */
function swapping(healthy: Loose): Loose {
  let waiting: { answer: unknown; resolve: (answer: unknown) => void } | undefined;
  return async (...args) => {
    const answer = await healthy(...args);
    if (waiting) {
      const other = waiting;
      waiting = undefined;
      other.resolve(answer);
      return other.answer;
    }
    return new Promise((resolve) => {
      const own = { answer, resolve };
      waiting = own;
      setTimeout(() => {
        if (waiting === own) waiting = undefined;
        resolve(answer);
      }, 5);
    });
  };
}

/** Calls at the same time share the answer of the first. */
function sharing(healthy: Loose): Loose {
  let running: Promise<unknown> | undefined;
  return (...args) => {
    running ??= (async () => {
      await turn();
      return healthy(...args);
    })().finally(() => {
      running = undefined;
    });
    return running;
  };
}

/** Keeps one argument in a variable of its own over an `await`. */
const mixing =
  (at: number) =>
  (healthy: Loose): Loose => {
    let current: unknown;
    return async (...args) => {
      current = args[at];
      await turn();
      return healthy(...args.map((one, i) => (i === at ? current : one)));
    };
  };

const hpke = (name: keyof CipherSuiteProvider["hpke"]) => ["hpke", name] as const;
const signature = (name: keyof CipherSuiteProvider["signature"]) => ["signature", name] as const;

export const CONCURRENCY: readonly Fault[] = [
  fault("works in a scratch buffer over an await", 3, ONE_BY_ONE, ({ hash }) => {
    const scratch = new Uint8Array(200);
    return {
      hash: {
        ...hash,
        async hash(data) {
          if (data.length > scratch.length) return hash.hash(data);
          scratch.set(data);
          await turn();
          return hash.hash(scratch.slice(0, data.length));
        },
        hashAll: async (data) => Promise.all(data.map((d) => hash.hash(d))),
      },
    };
  }),
  loose("keeps the key of a MAC over an await", 1, ONE_BY_ONE, ["hash", "mac"], mixing(0)),
  loose("keeps the info of HKDF over an await", 1, ONE_BY_ONE, ["kdf", "expand"], mixing(1)),
  loose("keeps the plaintext over an await", 1, ONE_BY_ONE, ["aead", "seal"], mixing(3)),
  loose("shares one key pair among callers", 1, PAIRS, hpke("generateKeyPair"), sharing),
  loose("shares one signature key pair among callers", 2, PAIRS, signature("generateKeyPair"), sharing),
  fault("exchanges private keys of pairs made at the same time", 1, PAIRS, (s) => {
    const swapped = swapping(() => s.hpke.generateKeyPair());
    return {
      hpke: {
        ...s.hpke,
        async generateKeyPair() {
          const own = await s.hpke.generateKeyPair();
          // Where nobody else makes one, its own after a while.
          const late = new Promise((resolve) => setTimeout(resolve, 20));
          const other = (await Promise.race([swapped(), late])) as typeof own | undefined;
          return { publicKey: own.publicKey, privateKey: (other ?? own).privateKey };
        },
      },
    };
  }),
  loose("derives one key pair for all callers", 3, DERIVED, hpke("deriveKeyPair"), sharing),
  loose("keeps the input of a derivation over an await", 7, DERIVED, hpke("deriveKeyPair"), mixing(0)),
  loose("exports one key to all callers", 1, MOVED, hpke("exportPrivateKey"), sharing),
  loose("exchanges exported signature keys", 1, MOVED, signature("exportPrivateKey"), swapping),
  loose("imports one key for all callers", 2, MOVED, hpke("importPrivateKey"), sharing),
  loose("keeps the bytes of an import over an await", 5, MOVED, signature("importPrivateKey"), mixing(0)),
  loose("exchanges signatures made at the same time", 1, SIGNED, signature("sign"), swapping),
  loose("keeps the message to sign over an await", 2, SIGNED, signature("sign"), mixing(1)),
  loose("keeps the key to sign with over an await", 3, SIGNED, signature("sign"), mixing(0)),
  loose("exchanges answers given at the same time", 7, SIGNED, signature("verify"), swapping),
  loose("keeps the signature to verify over an await", 1, SIGNED, signature("verify"), mixing(2)),
  loose("keeps HPKE's info over an await", 1, SEALED, hpke("seal"), mixing(1)),
  loose("exchanges HPKE messages", 2, SEALED, hpke("seal"), swapping),
  loose("keeps the key to open with over an await", 3, SEALED, hpke("open"), mixing(0)),
  loose("exchanges what is opened at the same time", 1, SEALED, hpke("open"), swapping),
  loose("exchanges what is exported at the same time", 1, SEALED, hpke("receiveExport"), swapping),
  loose("keeps the exporter context over an await", 4, SEALED, hpke("sendExport"), mixing(2)),
  loose("hashes one list for all callers", 1, BATCHES, ["hash", "hashAll"], sharing),
  loose("keeps a list of requests over an await", 1, BATCHES, ["kdf", "expandAll"], mixing(1)),
  loose("exchanges answers to batches", 2, BATCHES, signature("verifyAll"), swapping),
  fault("ends all calls when it destroys a key", 1, ENDS, ({ hpke: part }) => {
    let destroyed = 0;
    return {
      hpke: {
        ...part,
        async open(...inputs) {
          const before = destroyed;
          await turn();
          const opened = await part.open(...inputs);
          return destroyed === before ? opened : opened.map(() => 0);
        },
        destroyPrivateKey(key) {
          destroyed++;
          return part.destroyPrivateKey(key);
        },
      },
    };
  }),
];
