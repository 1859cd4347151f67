// RFC 9420 §5.1: calls that run at the same time are as good as calls one after the other.
import type {
  Awaitable,
  CipherSuiteProvider,
  HpkeKeyPair,
  HpkeSealed,
  SignatureKeyPair,
} from "@copse/core/provider";
import { fail, type SuiteChecks } from "../../check.js";
import {
  ascii,
  EMPTY,
  equal,
  errorOf,
  is,
  isCryptoError,
  pattern,
  range,
  toHex,
  unless,
} from "../../tools/assert.js";
import { type Bytes, type Operation, operations } from "../../tools/operations.js";

/** The answers of calls that are all made before the first answer is looked at. */
const together = async <T>(calls: readonly (() => Awaitable<T>)[]): Promise<T[]> =>
  Promise.all(calls.map(async (call) => call()));

/** Makes a call now. If the check ends before it waits for the answer, a failure is nobody's, and ends no process. */
function begin<T>(call: () => Awaitable<T>): Promise<T> {
  const answer = (async () => call())();
  answer.catch(() => undefined);
  return answer;
}

async function opens({ hpke }: CipherSuiteProvider, pair: HpkeKeyPair, what: string): Promise<void> {
  const { kemOutput, ciphertext } = await hpke.seal(pair.publicKey, EMPTY, EMPTY, ascii("a"));
  const error = await errorOf(async () =>
    equal(await hpke.open(pair.privateKey, kemOutput, EMPTY, EMPTY, ciphertext), ascii("a"), what),
  );
  if (error !== undefined) fail(`${what}: the private key isn't that of the public key`);
}

async function signs(
  { signature }: CipherSuiteProvider,
  pair: SignatureKeyPair,
  what: string,
): Promise<void> {
  const value = await signature.sign(pair.privateKey, ascii("a"));
  is(await signature.verify(pair.publicKey, ascii("a"), value), true, `the answer to ${what}`);
}

/** A few key pairs, made one after the other. */
async function several<T>(count: number, make: () => Awaitable<T>): Promise<T[]> {
  const made: T[] = [];
  for (let i = 0; i < count; i++) made.push(await make());
  return made;
}

export const concurrencyChecks: SuiteChecks = {
  "calls: many at once answer as one after the other": async (suite) => {
    const list = (await operations(suite)).filter(({ repeats }) => repeats);
    // Beside calls of all kinds, many of one kind with inputs of their own.
    const { hash, kdf, aead } = suite;
    const [key, nonce] = [pattern(suite.suite.aead.Nk), pattern(suite.suite.aead.Nn, 2)];
    for (let size = 1; size < 20; size++) {
      const inputs = [pattern(3 * size, size)];
      const add = (name: string, call: (data: Uint8Array) => Awaitable<Uint8Array>) =>
        list.push({ name, inputs, repeats: true, call: async ([data = EMPTY]) => [await call(data)] });
      add("hash", (data) => hash.hash(data));
      add("mac", (data) => hash.mac(data, data));
      add("extract", (data) => kdf.extract(data, data));
      add("expand", (data) => kdf.expand(pattern(suite.suite.hash.Nh), data, 10 * size));
      add("aead.seal", (data) => aead.seal(key, nonce, data, data));
    }
    const wanted: Bytes[] = [];
    for (const { call, inputs } of list) wanted.push(await call(inputs));
    const got = await Promise.all([...list, ...list].map(({ call, inputs }) => call(inputs)));
    for (const [n, outputs] of got.entries()) {
      const { name } = list[n % list.length] as Operation;
      for (const [i, output] of outputs.entries()) {
        equal(output, wanted[n % list.length]?.[i] as Uint8Array, `what ${name} gives among others`);
      }
    }
  },

  "calls: key pairs made at the same time are different, and each is a pair": async (suite) => {
    const { hpke, signature } = suite;
    const kem = await together(range(1, 12).map(() => () => hpke.generateKeyPair()));
    is(new Set(kem.map(({ publicKey }) => toHex(publicKey))).size, 12, "the number of different HPKE keys");
    for (const [i, pair] of kem.entries()) await opens(suite, pair, `HPKE key pair ${i}`);
    const signers = await together(range(1, 12).map(() => () => signature.generateKeyPair()));
    const different = new Set(signers.map(({ publicKey }) => toHex(publicKey))).size;
    is(different, 12, "the number of different signature keys");
    for (const [i, pair] of signers.entries()) await signs(suite, pair, `signature key pair ${i}`);
  },

  "calls: key pairs derived at the same time are those of their inputs": async (suite) => {
    const { hpke } = suite;
    const inputs = range(1, 8).map((i) => pattern(suite.suite.hash.Nh, i));
    const wanted: HpkeKeyPair[] = [];
    for (const ikm of inputs) wanted.push(await hpke.deriveKeyPair(ikm));
    const got = await together(inputs.map((ikm) => () => hpke.deriveKeyPair(ikm)));
    for (const [i, pair] of got.entries()) {
      equal(pair.publicKey, (wanted[i] as HpkeKeyPair).publicKey, `the public key derived from input ${i}`);
      await opens(suite, pair, `key pair ${i}`);
    }
  },

  "calls: private keys exported, imported and saved at the same time are each their own": async (suite) => {
    const { hpke, signature } = suite;
    for (const part of [hpke, signature]) {
      const { exportPrivateKey, importPrivateKey } = part as typeof hpke;
      const pairs = await several(5, () => (part as typeof hpke).generateKeyPair());
      const exported = await together(
        pairs.map(
          ({ privateKey }) =>
            async () =>
              unless("key-not-extractable", () => exportPrivateKey.call(part as typeof hpke, privateKey)),
        ),
      );
      const imported = await together(
        exported.map(
          (bytes) => async () =>
            bytes && unless("unsupported", () => importPrivateKey.call(part as typeof hpke, bytes)),
        ),
      );
      for (const [i, pair] of imported.entries()) {
        if (pair) equal(pair.publicKey, pairs[i]!.publicKey, `the public key of exported key ${i}`);
      }
    }
    const { savePrivateKey, loadPrivateKey } = hpke;
    if (savePrivateKey === undefined || loadPrivateKey === undefined) return;
    const pairs = await several(4, () => hpke.generateKeyPair());
    const saved = await together(
      pairs.map(
        ({ privateKey }) =>
          () =>
            savePrivateKey.call(hpke, privateKey),
      ),
    );
    const loaded = await together(saved.map((bytes) => () => loadPrivateKey.call(hpke, bytes)));
    for (const [i, privateKey] of loaded.entries()) {
      await opens(suite, { publicKey: pairs[i]!.publicKey, privateKey }, `saved key ${i}`);
    }
  },

  "calls: signatures made at the same time are each of its own message and key": async (suite) => {
    const { signature } = suite;
    const pairs = await several(3, () => signature.generateKeyPair());
    const jobs = range(0, 23).map((i) => ({ pair: pairs[i % 3]!, message: pattern(1 + 3 * i, i + 1) }));
    const values = await together(
      jobs.map(
        ({ pair, message }) =>
          () =>
            signature.sign(pair.privateKey, message),
      ),
    );
    for (const [i, { pair, message }] of jobs.entries()) {
      const fits = await signature.verify(pair.publicKey, message, values[i] as Uint8Array);
      is(fits, true, `the answer to signature ${i} of those made at the same time`);
    }
    // And verified at the same time, every second one with the message of another.
    const asked = jobs.map(({ pair, message }, i) => ({
      pair,
      message: i % 2 ? message : (jobs[(i + 1) % jobs.length]!.message as Uint8Array),
    }));
    const answers = await together(
      asked.map(
        ({ pair, message }, i) =>
          () =>
            signature.verify(pair.publicKey, message, values[i] as Uint8Array),
      ),
    );
    for (const [i, answer] of answers.entries()) {
      is(answer, i % 2 === 1, `answer ${i} of those given at the same time`);
    }
  },

  "calls: HPKE messages sealed, opened and exported at the same time are each their own": async (suite) => {
    const { hpke } = suite;
    const pairs = await several(3, () => hpke.generateKeyPair());
    const jobs = range(0, 11).map((i) => ({
      pair: pairs[i % 3] as HpkeKeyPair,
      info: pattern(i, i + 1),
      aad: pattern(2 * i, i + 2),
      plaintext: pattern(5 + i, i + 3),
    }));
    const sealed = await together<HpkeSealed>(
      jobs.map(
        ({ pair, info, aad, plaintext }) =>
          () =>
            hpke.seal(pair.publicKey, info, aad, plaintext),
      ),
    );
    const outputs = new Set(sealed.map(({ kemOutput }) => toHex(kemOutput)));
    is(outputs.size, jobs.length, "the number of different KEM outputs");
    const opened = await together(
      jobs.map(({ pair, info, aad }, i) => () => {
        const { kemOutput, ciphertext } = sealed[i] as HpkeSealed;
        return hpke.open(pair.privateKey, kemOutput, info, aad, ciphertext);
      }),
    );
    for (const [i, { plaintext }] of jobs.entries()) {
      equal(opened[i] as Uint8Array, plaintext, `what is opened of message ${i}`);
    }
    const sent = await together(
      jobs.map(
        ({ pair, info, aad }) =>
          () =>
            hpke.sendExport(pair.publicKey, info, aad, 32),
      ),
    );
    const received = await together(
      jobs.map(
        ({ pair, info, aad }, i) =>
          () =>
            hpke.receiveExport(pair.privateKey, sent[i]!.kemOutput, info, aad, 32),
      ),
    );
    for (const [i, secret] of received.entries()) equal(secret, sent[i]!.secret, `exported secret ${i}`);
  },

  "calls: batches made at the same time are each their own": async ({ hash, kdf, signature, suite }) => {
    const lists = range(1, 5).map((n) => range(1, 2 * n).map((i) => pattern(7 * i, n)));
    const wanted: Uint8Array[][] = [];
    for (const list of lists) wanted.push(await several(list.length, () => EMPTY));
    for (const [n, list] of lists.entries()) {
      for (const [i, data] of list.entries()) wanted[n]![i] = await hash.hash(data);
    }
    const digests = await together(lists.map((list) => async () => hash.hashAll?.(list)));
    for (const [n, answers] of digests.entries()) {
      for (const [i, digest] of (answers ?? []).entries())
        equal(digest, wanted[n]![i]!, `digest ${i} of list ${n}`);
    }
    const prk = pattern(suite.hash.Nh);
    const requests = lists.map((list) => list.map((info) => ({ info, length: 10 + info.length })));
    const expanded = await together(requests.map((list) => async () => kdf.expandAll?.(prk, list)));
    for (const [n, answers] of expanded.entries()) {
      for (const [i, output] of (answers ?? []).entries()) {
        const { info, length } = requests[n]![i]!;
        equal(output, await kdf.expand(prk, info, length), `output ${i} of list ${n}`);
      }
    }
    const { publicKey, privateKey } = await signature.generateKeyPair();
    const values = await several(1, () => signature.sign(privateKey, pattern(7, 1)));
    const asked = lists.map((list) =>
      list.map((message) => ({ publicKey, message, signature: values[0] as Uint8Array })),
    );
    const answers = await together(asked.map((list) => async () => signature.verifyAll?.(list)));
    for (const [n, list] of answers.entries()) {
      for (const [i, answer] of (list ?? []).entries())
        is(answer, n === 0 && i === 0, `answer ${i} of list ${n}`);
    }
  },

  "calls: a key that is destroyed while others work ends alone": async (suite) => {
    const { hpke, signature } = suite;
    const [kept, gone] = [await hpke.generateKeyPair(), await hpke.generateKeyPair()];
    const [signer, ended] = [await signature.generateKeyPair(), await signature.generateKeyPair()];
    const message = ascii("message");
    const sealed = await several(6, () => hpke.seal(kept.publicKey, EMPTY, EMPTY, message));
    const last = await hpke.seal(gone.publicKey, EMPTY, EMPTY, message);
    const open = ({ kemOutput, ciphertext }: HpkeSealed, pair: HpkeKeyPair) =>
      hpke.open(pair.privateKey, kemOutput, EMPTY, EMPTY, ciphertext);
    // What began before may still end well, or be refused, and nothing else.
    const begun = errorOf(async () => equal(await open(last, gone), message, "what the ending key opens"));
    const opened = sealed.slice(0, 3).map((one) => begin(() => open(one, kept)));
    const signed = [1, 2, 3].map(() => begin(() => signature.sign(signer.privateKey, message)));
    const ends = [
      begin(() => hpke.destroyPrivateKey(gone.privateKey)),
      begin(() => signature.destroyPrivateKey(ended.privateKey)),
    ];
    opened.push(...sealed.slice(3).map((one) => begin(() => open(one, kept))));
    for (const one of opened) equal(await one, message, "what another key opens meanwhile");
    for (const one of signed) {
      const fits = await signature.verify(signer.publicKey, message, await one);
      is(fits, true, "the answer to another key's signature meanwhile");
    }
    await Promise.all(ends);
    const error = await begun;
    if (error !== undefined && !isCryptoError(error)) throw error;
  },
};
