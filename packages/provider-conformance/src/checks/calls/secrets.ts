// RFC 9420 §16.7: no error shows a key or a plaintext, and no handle a private key, however it was made.
import type { CipherSuiteProvider } from "@copse/core/provider";
import type { SuiteChecks } from "../../check.js";
import { ascii, EMPTY, errorOf, flipped, holds, pattern, unless } from "../../tools/assert.js";
import { hides, showsNothing } from "../../tools/secrets.js";

type Secrets = Readonly<Record<string, Uint8Array>>;

/** Calls that must be refused, each with the secrets that it was given. */
type Refused = readonly (readonly [what: string, call: () => unknown, secrets: Secrets])[];

const plaintext = pattern(40, 11);

async function symmetric({ suite, kdf, aead }: CipherSuiteProvider): Promise<Refused> {
  const [key, nonce] = [pattern(suite.aead.Nk, 12), pattern(suite.aead.Nn, 13)];
  const sealed = await aead.seal(key, nonce, EMPTY, plaintext);
  const prk = pattern(suite.hash.Nh, 14);
  const secrets = { "the key": key, "the plaintext": plaintext };
  const long = pattern(suite.aead.Nk + 9, 15);
  return [
    [
      "aead.open with a wrong tag",
      () => aead.open(key, nonce, EMPTY, flipped(sealed, 8 * sealed.length - 1)),
      secrets,
    ],
    [
      "aead.open with a changed ciphertext",
      () => aead.open(key, nonce, EMPTY, flipped(sealed, 300)),
      secrets,
    ],
    ["aead.open with other additional data", () => aead.open(key, nonce, ascii("a"), sealed), secrets],
    ["aead.open of less than a tag", () => aead.open(key, nonce, EMPTY, EMPTY), secrets],
    ["aead.seal with a short nonce", () => aead.seal(key, EMPTY, EMPTY, plaintext), secrets],
    ["aead.seal with a long key", () => aead.seal(long, nonce, EMPTY, plaintext), { "the key": long }],
    ["aead.open with a long key", () => aead.open(long, nonce, EMPTY, sealed), { "the key": long }],
    ["kdf.expand to too much", () => kdf.expand(prk, EMPTY, 255 * suite.hash.Nh + 1), { "the key": prk }],
  ];
}

async function hpkeCalls({ suite, hpke }: CipherSuiteProvider): Promise<Refused> {
  const { publicKey, privateKey } = await hpke.generateKeyPair();
  const bytes = await unless("key-not-extractable", () => hpke.exportPrivateKey(privateKey));
  const secrets: Secrets = { "the plaintext": plaintext, ...(bytes && { "the private key": bytes }) };
  const { kemOutput, ciphertext } = await hpke.seal(publicKey, EMPTY, EMPTY, plaintext);
  const ended = await hpke.generateKeyPair();
  const endedBytes = await unless("key-not-extractable", () => hpke.exportPrivateKey(ended.privateKey));
  await hpke.destroyPrivateKey(ended.privateKey);
  const short = pattern(suite.kem.Nsk - 1, 16);
  const saved = bytes && pattern(bytes.length + 5, 17);
  const open = (enc: Uint8Array, sealed: Uint8Array) => hpke.open(privateKey, enc, EMPTY, EMPTY, sealed);
  return [
    ["hpke.open of a changed ciphertext", () => open(kemOutput, flipped(ciphertext, 9)), secrets],
    ["hpke.open with a wrong KEM output", () => open(kemOutput.slice(1), ciphertext), secrets],
    ["hpke.open of nothing", () => open(kemOutput, EMPTY), secrets],
    [
      "hpke.receiveExport of too much",
      () => hpke.receiveExport(privateKey, kemOutput, EMPTY, EMPTY, 65_536),
      secrets,
    ],
    ["hpke.seal to no key", () => hpke.seal(publicKey.slice(1), EMPTY, EMPTY, plaintext), secrets],
    ["hpke.importPrivateKey of too few bytes", () => hpke.importPrivateKey(short), { "the bytes": short }],
    [
      "hpke.open with a destroyed key",
      () => hpke.open(ended.privateKey, kemOutput, EMPTY, EMPTY, ciphertext),
      endedBytes ? { "the private key": endedBytes } : {},
    ],
    ...(saved && hpke.loadPrivateKey
      ? [
          [
            "hpke.loadPrivateKey of others",
            () => hpke.loadPrivateKey?.(saved),
            { "the bytes": saved },
          ] as const,
        ]
      : []),
  ];
}

async function signatureCalls({ suite, signature }: CipherSuiteProvider): Promise<Refused> {
  const ended = await signature.generateKeyPair();
  const bytes = await unless("key-not-extractable", () => signature.exportPrivateKey(ended.privateKey));
  await signature.destroyPrivateKey(ended.privateKey);
  const short = pattern(suite.signature.Nsk - 1, 18);
  return [
    [
      "signature.importPrivateKey of too few bytes",
      () => signature.importPrivateKey(short),
      { "the bytes": short },
    ],
    [
      "signature.sign with a destroyed key",
      () => signature.sign(ended.privateKey, EMPTY),
      bytes ? { "the private key": bytes } : {},
    ],
  ];
}

export const secretChecks: SuiteChecks = {
  "errors: no error shows a key or a plaintext": async (suite) => {
    const calls = [
      ...(await symmetric(suite)),
      ...(await hpkeCalls(suite)),
      ...(await signatureCalls(suite)),
    ];
    for (const [what, call, secrets] of calls) {
      const error = await errorOf(call);
      holds(error !== undefined, `${what}: was not refused`);
      hides(error, `the error of ${what}`, secrets);
    }
  },

  "keys: no handle shows its private key, however it was made": async ({ hpke, signature, suite }) => {
    const derived = await hpke.deriveKeyPair(pattern(suite.hash.Nh, 19));
    const made = [await hpke.generateKeyPair(), derived];
    for (const { publicKey, privateKey } of made) {
      const bytes = await unless("key-not-extractable", () => hpke.exportPrivateKey(privateKey));
      if (bytes === undefined) continue;
      showsNothing(privateKey, bytes);
      // Also after it was used: what is computed then may be kept in the handle.
      const { kemOutput, ciphertext } = await hpke.seal(publicKey, EMPTY, EMPTY, plaintext);
      await hpke.open(privateKey, kemOutput, EMPTY, EMPTY, ciphertext);
      showsNothing(privateKey, bytes);
      const imported = await unless("unsupported", () => hpke.importPrivateKey(bytes));
      if (imported) showsNothing(imported.privateKey, bytes);
      const saved = await hpke.savePrivateKey?.(privateKey);
      const loaded = saved && (await hpke.loadPrivateKey?.(saved));
      if (loaded) showsNothing(loaded, bytes);
    }
    const { privateKey } = await signature.generateKeyPair();
    const bytes = await unless("key-not-extractable", () => signature.exportPrivateKey(privateKey));
    if (bytes === undefined) return;
    await signature.sign(privateKey, plaintext);
    showsNothing(privateKey, bytes);
    const imported = await unless("unsupported", () => signature.importPrivateKey(bytes));
    if (imported) showsNothing(imported.privateKey, bytes);
  },
};
