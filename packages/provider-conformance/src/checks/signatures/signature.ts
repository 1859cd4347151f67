// RFC 9420 §5.1.2: checks of signatures: known answers, round trips, damage, and keys.
import type {
  CipherSuiteProvider,
  SignaturePart,
  SignaturePrivateKey,
  VerifyRequest,
} from "@copse/core/provider";
import { type SuiteChecks, skip } from "../../check.js";
import { SIGNATURES } from "../../known/signatures.js";
import { WORKING_GROUP } from "../../known/working-group.js";
import {
  ascii,
  damaged,
  differs,
  EMPTY,
  equal,
  filled,
  flipped,
  hasLength,
  hex,
  holds,
  is,
  pattern,
  refusedBy,
  refuses,
  unless,
} from "../../tools/assert.js";
import { showsNothing } from "../../tools/secrets.js";
import { imported } from "../hpke/hpke.js";

const message: Uint8Array = ascii("message");

/** A key pair, and a signature by it. */
interface Signed {
  readonly signature: SignaturePart;
  readonly publicKey: Uint8Array;
  readonly privateKey: SignaturePrivateKey;
  readonly value: Uint8Array;
}

/** A key pair, and a message that it signed. */
export async function signed(
  { signature }: CipherSuiteProvider,
  content: Uint8Array = message,
): Promise<Signed> {
  const { publicKey, privateKey } = await signature.generateKeyPair();
  return { signature, publicKey, privateKey, value: await signature.sign(privateKey, content) };
}

/** Claims that a signature doesn't fit, and that the answer is `false` and no error. */
export async function doesNotFit(
  { signature }: CipherSuiteProvider,
  { publicKey, message: content, signature: value }: VerifyRequest,
  what: string,
): Promise<void> {
  is(await signature.verify(publicKey, content, value), false, `the answer to ${what}`);
}

interface KnownSignature {
  readonly privateKey: string;
  readonly publicKey: string;
  readonly message: string;
  readonly signature: string;
}

async function knownSignature(suite: CipherSuiteProvider, known: KnownSignature): Promise<void> {
  const { signature } = suite;
  const [publicKey, content, value] = [hex(known.publicKey), hex(known.message), hex(known.signature)];
  await signature.validatePublicKey(publicKey);
  is(await signature.verify(publicKey, content, value), true, "the answer to a known signature");
  const pair = await imported(() => signature.importPrivateKey(hex(known.privateKey)));
  equal(pair.publicKey, known.publicKey, "the imported key's public key");
  const own = await signature.sign(pair.privateKey, content);
  // EdDSA gives the same signature each time; ECDSA does so only with RFC 6979's nonces.
  if (suite.suite.signature.name.startsWith("ed")) equal(own, value, "the signature");
  is(await signature.verify(publicKey, content, own), true, "the answer to an own signature");
}

export const signatureChecks: SuiteChecks = {
  "signature: known answers": async (suite) => {
    const { name } = suite.suite.signature;
    for (const known of SIGNATURES[name] ?? skip(`there are none for ${name}`)) {
      await knownSignature(suite, known);
    }
  },

  "signature: known answers of the MLS working group": async (suite) => {
    const known = WORKING_GROUP.find((vector) => vector.suite === suite.suite.id);
    if (known === undefined) skip("there are none for this suite");
    await knownSignature(suite, known.verify);
  },

  "signature: verifies what it signs": async (suite) => {
    const { signature, publicKey, privateKey } = await signed(suite);
    hasLength(publicKey, suite.suite.signature.Npk, "the public key");
    for (const content of [EMPTY, message, pattern(100_000)]) {
      const value = await signature.sign(privateKey, content);
      const fits = await signature.verify(publicKey, content, value);
      is(fits, true, `the answer to a signature of ${content.length} bytes`);
    }
  },

  "signature: refuses another message": async (suite) => {
    const { publicKey, value } = await signed(suite);
    for (const other of [EMPTY, message.slice(1), Uint8Array.of(...message, 0), ...damaged(message)]) {
      await doesNotFit(suite, { publicKey, message: other, signature: value }, "another message");
    }
  },

  "signature: refuses a changed signature": async (suite) => {
    const { publicKey, value } = await signed(suite);
    for (const other of damaged(value, 24)) {
      await doesNotFit(suite, { publicKey, message, signature: other }, "a signature with a bit changed");
    }
    const lengths = [0, 1, value.length >> 1, value.length - 1];
    const others = [...lengths.map((length) => value.slice(0, length)), Uint8Array.of(...value, 0)];
    for (const other of [...others, Uint8Array.of(0, ...value), filled(value.length, 0), pattern(500)]) {
      await doesNotFit(suite, { publicKey, message, signature: other }, `${other.length} bytes`);
    }
  },

  "signature: refuses another public key": async (suite) => {
    const { signature, value } = await signed(suite);
    const { publicKey } = await signature.generateKeyPair();
    await doesNotFit(suite, { publicKey, message, signature: value }, "another key");
  },

  "signature: verify answers false to what is no key, and never throws": async (suite) => {
    const { signature, publicKey, value } = await signed(suite);
    const { Npk } = suite.suite.signature;
    const bad: Uint8Array[] = [
      EMPTY,
      publicKey.slice(1),
      publicKey.slice(0, -1),
      Uint8Array.of(...publicKey, 0),
    ];
    for (const byte of [0, 1, 2, 0xff]) bad.push(filled(Npk, byte));
    bad.push(flipped(publicKey, 8 * Npk - 8), flipped(publicKey, 1), pattern(Npk), pattern(1000));
    for (const key of bad) {
      await doesNotFit(suite, { publicKey: key, message, signature: value }, "what is no key");
      await doesNotFit(suite, { publicKey: key, message, signature: EMPTY }, "what is neither");
      if (signature.verifyAll === undefined) continue;
      const answers = await signature.verifyAll([{ publicKey: key, message, signature: value }]);
      is(answers.join(), "false", "the answer of verifyAll to what is no key");
    }
  },

  "signature: verifyAll agrees with verify": async (suite) => {
    const [one, two] = [await signed(suite), await signed(suite, EMPTY)];
    const { signature } = suite;
    if (signature.verifyAll === undefined) skip("there is no verifyAll");
    const requests: VerifyRequest[] = [
      { publicKey: one.publicKey, message, signature: one.value },
      { publicKey: two.publicKey, message, signature: one.value },
      { publicKey: two.publicKey, message: EMPTY, signature: two.value },
      { publicKey: one.publicKey.slice(1), message, signature: one.value },
      { publicKey: one.publicKey, message, signature: EMPTY },
      { publicKey: one.publicKey, message, signature: one.value },
      { publicKey: one.publicKey, message: EMPTY, signature: one.value },
    ];
    const answers = await signature.verifyAll(requests);
    is(answers.join(), "true,false,true,false,false,true,false", "what verifyAll answers");
    for (const [i, request] of requests.entries()) {
      const single = await signature.verify(request.publicKey, request.message, request.signature);
      is(answers[i], single, `answer ${i} of verifyAll`);
    }
    is((await signature.verifyAll([])).length, 0, "the number of answers to nothing");
    const all = await signature.verifyAll([0, 2, 5].map((i) => requests[i] as VerifyRequest));
    is(all.join(), "true,true,true", "what verifyAll answers to good ones");
    // A provider may give many to several threads, which end in another order.
    const many = Array.from({ length: 10 * requests.length }, (_, i) => requests[i % requests.length]!);
    const expected = many.map((_, i) => answers[i % requests.length]);
    is((await signature.verifyAll(many)).join(), expected.join(), `what verifyAll answers to ${many.length}`);
  },

  "signature keys: each that is generated is another": async ({ signature, suite }) => {
    const [a, b] = [await signature.generateKeyPair(), await signature.generateKeyPair()];
    for (const { publicKey } of [a, b]) {
      hasLength(publicKey, suite.signature.Npk, "the public key");
      await signature.validatePublicKey(publicKey);
    }
    differs(a.publicKey, b.publicKey, "two keys are the same");
  },

  "signature keys: imports what it exports, or refuses to export with key-not-extractable": async (suite) => {
    const { signature } = suite;
    const { publicKey, privateKey } = await signature.generateKeyPair();
    const bytes = await unless("key-not-extractable", () => signature.exportPrivateKey(privateKey));
    if (bytes === undefined) return;
    hasLength(bytes, suite.suite.signature.Nsk, "the exported private key");
    equal(await signature.exportPrivateKey(privateKey), bytes, "the key that is exported again");
    const again = await imported(() => signature.importPrivateKey(bytes));
    equal(again.publicKey, publicKey, "the imported key's public key");
    const value = await signature.sign(again.privateKey, message);
    is(await signature.verify(publicKey, message, value), true, "the answer to the imported key's signature");
  },

  "signature keys: refuses private keys of a wrong length": async ({ signature, suite }) => {
    const { Nsk } = suite.signature;
    const one = filled(Nsk, 0);
    one[Nsk - 1] = 1;
    await imported(() => signature.importPrivateKey(one));
    for (const size of [0, 1, Nsk - 1, Nsk + 1, 2 * Nsk]) {
      await refuses(`importPrivateKey of ${size} bytes`, () => signature.importPrivateKey(filled(size, 1)));
    }
  },

  "signature keys: refuses public keys of a wrong length": async ({ signature }) => {
    const { publicKey } = await signature.generateKeyPair();
    for (const key of [EMPTY, publicKey.slice(1), publicKey.slice(0, -1), Uint8Array.of(...publicKey, 0)]) {
      await refuses(`validatePublicKey of ${key.length} bytes`, () => signature.validatePublicKey(key));
    }
  },

  "signature keys: refuses handles that aren't its own": async ({ signature, hpke }) => {
    const { privateKey } = await signature.generateKeyPair();
    const decrypter = (await hpke.generateKeyPair()).privateKey as object as SignaturePrivateKey;
    for (const [what, key] of [
      ["an empty object", {} as SignaturePrivateKey],
      ["an HPKE key", decrypter],
      ["a handle's copy", { ...privateKey }],
    ] as const) {
      await refuses(`sign with ${what}`, () => signature.sign(key, message));
      await refuses(`exportPrivateKey of ${what}`, () => signature.exportPrivateKey(key));
    }
  },

  "signature keys: a destroyed key is refused, and destroying it again does nothing": async ({
    signature,
  }) => {
    const kept = await signature.generateKeyPair();
    const { privateKey } = await signature.generateKeyPair();
    await signature.sign(privateKey, message);
    await signature.destroyPrivateKey(privateKey);
    await signature.destroyPrivateKey(privateKey);
    await refuses("sign with it", () => signature.sign(privateKey, message));
    await refusedBy(["crypto", "key-not-extractable"], "exportPrivateKey of it", () =>
      signature.exportPrivateKey(privateKey),
    );
    const value = await signature.sign(kept.privateKey, message);
    is(await signature.verify(kept.publicKey, message, value), true, "the answer to another key's signature");
    await refuses("destroyPrivateKey of an empty object", () =>
      signature.destroyPrivateKey({} as SignaturePrivateKey),
    );
  },

  "signature keys: a handle shows nothing of the private key": async ({ signature }) => {
    const { privateKey } = await signature.generateKeyPair();
    const bytes = await unless("key-not-extractable", () => signature.exportPrivateKey(privateKey));
    if (bytes === undefined) return;
    showsNothing(privateKey, bytes);
    holds(typeof privateKey === "object", "the handle is no object");
  },
};
