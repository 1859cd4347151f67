// RFC 9420 §5.1, the interface's rules on memory: an input is never changed and never kept, and an output is
// the caller's own.
import { type SuiteChecks, skip } from "../../check.js";
import { ascii, EMPTY, equal, equalBytes, filled, holds, is, pattern, unless } from "../../tools/assert.js";
import { type Bytes, comparable, operations } from "../../tools/operations.js";

const copies = (bytes: Bytes): Uint8Array[] => bytes.map((each) => Uint8Array.from(each));

/** A Uint8Array whose `slice` shares its memory, as Node's Buffer has it. */
class Sharing extends Uint8Array {
  override slice(start?: number, end?: number): Uint8Array<ArrayBuffer> {
    return this.subarray(start, end) as Uint8Array<ArrayBuffer>;
  }
}

/** The same memory as an array of that kind. */
const sharing = ({ buffer, byteOffset, length }: Uint8Array): Sharing =>
  new Sharing(buffer as ArrayBuffer, byteOffset, length);

/** The same bytes in the midst of a larger buffer. */
function view(bytes: Uint8Array, kind: new (buffer: ArrayBuffer, at: number, length: number) => Uint8Array) {
  const around = filled(bytes.length + 23, 0xa5);
  around.set(bytes, 11);
  return { around, inner: new kind(around.buffer as ArrayBuffer, 11, bytes.length) };
}

export const memoryChecks: SuiteChecks = {
  "memory: inputs are never changed": async (suite) => {
    for (const { name, inputs, call } of await operations(suite)) {
      const given = copies(inputs);
      await call(given);
      for (const [i, input] of given.entries())
        equal(input, inputs[i] as Uint8Array, `input ${i} of ${name}`);
    }
  },

  "memory: inputs may be views of larger buffers": async (suite) => {
    for (const operation of await operations(suite)) {
      const { name, inputs, call } = operation;
      const wanted = await comparable(operation, inputs, await call(copies(inputs)));
      for (const kind of [Uint8Array, Sharing]) {
        const views = inputs.map((input) => view(input, kind));
        const got = await comparable(operation, inputs, await call(views.map(({ inner }) => inner)));
        for (const [i, { around }] of views.entries()) {
          const untouched = filled(around.length, 0xa5);
          untouched.set(inputs[i] as Uint8Array, 11);
          equal(around, untouched, `what lies around input ${i} of ${name}`);
        }
        for (const [i, output] of got.entries()) {
          equal(output, wanted[i] as Uint8Array, `what ${name} gives for views`);
        }
      }
    }
  },

  "memory: outputs are plain Uint8Arrays that share no memory": async (suite) => {
    const seen = new Map<ArrayBufferLike, string>();
    for (const { name, inputs, call } of await operations(suite)) {
      if (name === "verify" || name === "verifyAll") continue;
      const given = inputs.map((input) => new Sharing(copies([input])[0] as Uint8Array));
      for (const input of given) seen.set(input.buffer, `an input of ${name}`);
      for (const output of [...(await call(given)), ...(await call(given))]) {
        is(
          Object.getPrototypeOf(output) === Uint8Array.prototype,
          true,
          `that ${name} gives a plain Uint8Array`,
        );
        const other = seen.get(output.buffer);
        holds(other === undefined, `what ${name} gives shares its memory with ${other}`);
        is(output.buffer.byteLength, output.length, `the size of the buffer that ${name} gives a part of`);
        seen.set(output.buffer, `what ${name} gave before`);
      }
    }
  },

  "memory: outputs are the caller's to overwrite": async (suite) => {
    for (const { name, inputs, call, repeats } of await operations(suite)) {
      const first = await call(copies(inputs));
      const kept = copies(first);
      const second = await call(copies(inputs));
      for (const [i, output] of first.entries()) {
        equal(output, kept[i] as Uint8Array, `what ${name} gave before it was called again`);
        output.fill(0xee);
      }
      for (const [i, output] of second.entries()) {
        const isHit = output.length > 1 && equalBytes(output, filled(output.length, 0xee));
        holds(!isHit, `overwriting what ${name} gave overwrites what it gives next`);
        if (repeats) equal(output, kept[i] as Uint8Array, `what ${name} gives after that was overwritten`);
      }
    }
    // The public key of a pair is a part of what is bound in HPKE: its handle must have its own.
    const { hpke } = suite;
    for (const pair of [await hpke.generateKeyPair(), await hpke.deriveKeyPair(pattern(64))]) {
      const publicKey = Uint8Array.from(pair.publicKey);
      pair.publicKey.fill(0);
      const { kemOutput, ciphertext } = await hpke.seal(publicKey, EMPTY, EMPTY, ascii("a"));
      const opened = await hpke.open(pair.privateKey, kemOutput, EMPTY, EMPTY, ciphertext);
      equal(opened, ascii("a"), "what a key opens once the public key was overwritten");
    }
  },

  "memory: inputs are never kept": async ({ hpke, signature, suite }) => {
    const message = ascii("message");
    const own = await hpke.generateKeyPair();
    // A cache that keeps the caller's array would find the wrong key in it later.
    const reused = Uint8Array.from(own.publicKey);
    await hpke.seal(reused, EMPTY, EMPTY, message);
    const next = await hpke.generateKeyPair();
    reused.set(next.publicKey);
    const sealed = await hpke.seal(reused, EMPTY, EMPTY, message);
    reused.fill(0);
    equal(
      await hpke.open(next.privateKey, sealed.kemOutput, EMPTY, EMPTY, sealed.ciphertext),
      message,
      "what was encrypted to a key in an array that held another before",
    );
    const ikm = pattern(suite.hash.Nh);
    const derived = await hpke.deriveKeyPair(ikm);
    ikm.fill(0);
    const again = await hpke.deriveKeyPair(pattern(suite.hash.Nh));
    equal(again.publicKey, derived.publicKey, "the key pair that is derived again");

    const [a, b] = [await signature.generateKeyPair(), await signature.generateKeyPair()];
    const [byA, byB] = [
      await signature.sign(a.privateKey, message),
      await signature.sign(b.privateKey, message),
    ];
    const key = Uint8Array.from(a.publicKey);
    is(await signature.verify(key, message, byA), true, "the answer to a signature");
    key.set(b.publicKey);
    is(await signature.verify(key, message, byA), false, "the answer once the array holds another key");
    is(await signature.verify(key, message, byB), true, "the answer to that key's signature");
  },

  "memory: imported private keys are copied, also from Buffers": async ({ hpke, signature }) => {
    const message = ascii("message");
    const own = await hpke.generateKeyPair();
    const bytes = await unless("key-not-extractable", () => hpke.exportPrivateKey(own.privateKey));
    const signer = await signature.generateKeyPair();
    const signerBytes = await unless("key-not-extractable", () =>
      signature.exportPrivateKey(signer.privateKey),
    );
    if (bytes === undefined && signerBytes === undefined) skip("no private key can be exported");
    if (bytes !== undefined) {
      const { privateKey } = await hpke.importPrivateKey(sharing(bytes));
      bytes.fill(0);
      for (const key of [privateKey, own.privateKey]) {
        const { kemOutput, ciphertext } = await hpke.seal(own.publicKey, EMPTY, EMPTY, message);
        const opened = await hpke.open(key, kemOutput, EMPTY, EMPTY, ciphertext);
        equal(opened, message, "what the key opens once its exported bytes were overwritten");
      }
    }
    if (signerBytes === undefined) return;
    const { privateKey } = await signature.importPrivateKey(sharing(signerBytes));
    signerBytes.fill(0);
    for (const key of [privateKey, signer.privateKey]) {
      const fits = await signature.verify(signer.publicKey, message, await signature.sign(key, message));
      is(fits, true, "the answer to a signature by a key whose exported bytes were overwritten");
    }
  },
};
