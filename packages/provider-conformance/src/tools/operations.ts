// RFC 9420 §5.1: every operation of a suite that takes or gives bytes, with inputs that it takes.
import type { Awaitable, CipherSuiteProvider } from "@copse/core/provider";
import { ascii, equalBytes, pattern, unless } from "./assert.js";

export type Bytes = readonly Uint8Array[];

/** One operation of a suite. */
export interface Operation {
  readonly name: string;
  readonly inputs: Bytes;
  /** Whether the same inputs give the same outputs. */
  readonly repeats: boolean;
  /** All that the operation gives in bytes. The provider is called before this returns. */
  call(inputs: Bytes): Awaitable<Bytes> | Promise<Bytes>;
  /** What can be compared of outputs that don't repeat: what is opened, for example, of what was sealed. */
  undo?(inputs: Bytes, outputs: Bytes): Promise<Bytes>;
}

/** What can be compared of an operation's outputs: nothing if these are keys. */
export async function comparable(operation: Operation, inputs: Bytes, outputs: Bytes): Promise<Bytes> {
  if (operation.repeats) return outputs;
  return (await operation.undo?.(inputs, outputs)) ?? [];
}

type FourBytes = [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
type SealRequest = Record<"publicKey" | "info" | "aad" | "plaintext", Uint8Array>;
type VerifyRequest = Record<"publicKey" | "message" | "signature", Uint8Array>;

/** Every operation of a suite that takes or gives bytes. */
export async function operations(provider: CipherSuiteProvider): Promise<Operation[]> {
  return [
    ...hashOperations(provider),
    ...(await aeadOperations(provider)),
    ...(await hpkeKeyOperations(provider)),
    ...(await hpkeOperations(provider)),
    ...(await signatureOperations(provider)),
    { name: "random", repeats: false, inputs: [], call: () => [provider.random(32)] },
  ];
}

/** Inputs of any length, made anew each time: a provider with a defect may change them. */
const freeInputs = () => ({
  info: ascii("info"),
  aad: ascii("aad"),
  context: ascii("context"),
  data: pattern(99),
});

type Add = (
  name: string,
  repeats: boolean,
  inputs: Bytes,
  call: (...inputs: Uint8Array[]) => unknown,
  undo?: Operation["undo"],
) => void;

/** A list of operations and a function that adds to it, whose `call` takes the inputs one by one. */
function operationList(): { readonly list: Operation[]; readonly add: Add } {
  const list: Operation[] = [];
  const add: Add = (name, repeats, inputs, call, undo) => {
    const operation = { name, repeats, inputs, call: (given: Bytes) => call(...given) as Promise<Bytes> };
    list.push(undo === undefined ? operation : { ...operation, undo });
  };
  return { list, add };
}

const one = async (value: Awaitable<Uint8Array>): Promise<Bytes> => [await value];
const publicKey = async (pair: Awaitable<{ readonly publicKey: Uint8Array }>): Promise<Bytes> => [
  (await pair).publicKey,
];
const flag = (value: boolean): Uint8Array => Uint8Array.of(value ? 1 : 0);

function hashOperations({ suite, hash, kdf }: CipherSuiteProvider): Operation[] {
  const { info, data } = freeInputs();
  const { Nh } = suite.hash;
  const { list, add } = operationList();
  add("hash", true, [data], (d) => one(hash.hash(d as Uint8Array)));
  const { hashAll } = hash;
  if (hashAll) add("hashAll", true, [data, info], (...d) => hashAll.call(hash, d));
  add("mac", true, [pattern(Nh), data], (k, d) => one(hash.mac(k as Uint8Array, d as Uint8Array)));
  add("extract", true, [pattern(Nh), data], (s, i) => one(kdf.extract(s as Uint8Array, i as Uint8Array)));
  for (const length of [Nh, 2 * Nh + 5]) {
    add(`expand to ${length} bytes`, true, [pattern(Nh), info], (p, i) =>
      one(kdf.expand(p as Uint8Array, i as Uint8Array, length)),
    );
  }
  const { expandAll } = kdf;
  if (expandAll) {
    add("expandAll", true, [pattern(Nh), info, data], (prk, ...infos) =>
      expandAll.call(
        kdf,
        prk as Uint8Array,
        infos.map((one, i) => ({ info: one, length: Nh - i })),
      ),
    );
  }
  return list;
}

async function aeadOperations({ suite, aead }: CipherSuiteProvider): Promise<Operation[]> {
  const { aad, data } = freeInputs();
  const [key, nonce] = [pattern(suite.aead.Nk), pattern(suite.aead.Nn, 2)];
  const sealed = await aead.seal(key, nonce, aad, data);
  const { list, add } = operationList();
  add("aead.seal", true, [key, nonce, aad, data], (...i) => one(aead.seal(...(i as FourBytes))));
  add("aead.open", true, [key, nonce, aad, sealed], (...i) => one(aead.open(...(i as FourBytes))));
  return list;
}

async function hpkeKeyOperations({ suite, hpke }: CipherSuiteProvider): Promise<Operation[]> {
  const { Nh } = suite.hash;
  const own = await hpke.generateKeyPair();
  const hpkeBytes = await unless("key-not-extractable", () => hpke.exportPrivateKey(own.privateKey));
  const { list, add } = operationList();
  add("hpke.generateKeyPair", false, [], () => publicKey(hpke.generateKeyPair()));
  add("deriveKeyPair", true, [pattern(Nh, 5)], (ikm) => publicKey(hpke.deriveKeyPair(ikm as Uint8Array)));
  add("hpke.validatePublicKey", true, [own.publicKey], async (k) => {
    await hpke.validatePublicKey(k as Uint8Array);
    return [];
  });
  if (hpkeBytes) {
    add("hpke.importPrivateKey", true, [hpkeBytes], (k) => publicKey(hpke.importPrivateKey(k as Uint8Array)));
    add("hpke.exportPrivateKey", true, [], () => one(hpke.exportPrivateKey(own.privateKey)));
  }
  return list;
}

async function hpkeOperations({ hpke }: CipherSuiteProvider): Promise<Operation[]> {
  const { info, aad, context, data } = freeInputs();
  const own = await hpke.generateKeyPair();
  const message = await hpke.seal(own.publicKey, info, aad, data);
  const sent = await hpke.sendExport(own.publicKey, info, context, 32);
  const { list, add } = operationList();
  const open = async (kemOutput: unknown, i: unknown, a: unknown, ciphertext: unknown) =>
    hpke.open(own.privateKey, ...([kemOutput, i, a, ciphertext] as FourBytes));
  add(
    "hpke.seal",
    false,
    [own.publicKey, info, aad, data],
    async (...i) => {
      const { kemOutput, ciphertext } = await hpke.seal(...(i as FourBytes));
      return [kemOutput, ciphertext];
    },
    async ([, i, a], [kemOutput, ciphertext]) => [await open(kemOutput, i, a, ciphertext)],
  );
  const { sealAll } = hpke;
  if (sealAll) {
    add(
      "sealAll",
      false,
      [own.publicKey, info, aad, data, pattern(40)],
      async (k, i, a, d, e) => {
        const request = { publicKey: k, info: i, aad: a, plaintext: d } as SealRequest;
        const answers = await sealAll.call(hpke, [request, { ...request, plaintext: e as Uint8Array }]);
        return answers.flatMap(({ kemOutput, ciphertext }) => [kemOutput, ciphertext]);
      },
      async ([, i, a], [k1, c1, k2, c2]) => [await open(k1, i, a, c1), await open(k2, i, a, c2)],
    );
  }
  add("hpke.open", true, [message.kemOutput, info, aad, message.ciphertext], (...i) =>
    one(hpke.open(own.privateKey, ...(i as FourBytes))),
  );
  add(
    "sendExport",
    false,
    [own.publicKey, info, context],
    async (k, i, c) => {
      const got = await hpke.sendExport(k as Uint8Array, i as Uint8Array, c as Uint8Array, 32);
      return [got.kemOutput, got.secret];
    },
    async ([, i, c], [kemOutput, secret]) => {
      const inputs = [kemOutput, i, c] as [Uint8Array, Uint8Array, Uint8Array];
      const received = await hpke.receiveExport(own.privateKey, ...inputs, 32);
      return [flag(equalBytes(received, secret as Uint8Array))];
    },
  );
  add("receiveExport", true, [sent.kemOutput, info, context], (e, i, c) =>
    one(hpke.receiveExport(own.privateKey, e as Uint8Array, i as Uint8Array, c as Uint8Array, 32)),
  );
  return list;
}

async function signatureOperations({ signature }: CipherSuiteProvider): Promise<Operation[]> {
  const { data } = freeInputs();
  const signer = await signature.generateKeyPair();
  const signed = await signature.sign(signer.privateKey, data);
  const signerBytes = await unless("key-not-extractable", () =>
    signature.exportPrivateKey(signer.privateKey),
  );
  const { list, add } = operationList();
  add("signature.generateKeyPair", false, [], () => publicKey(signature.generateKeyPair()));
  add("signature.validatePublicKey", true, [signer.publicKey], async (k) => {
    await signature.validatePublicKey(k as Uint8Array);
    return [];
  });
  if (signerBytes) {
    add("signature.importPrivateKey", true, [signerBytes], (k) =>
      publicKey(signature.importPrivateKey(k as Uint8Array)),
    );
    add("signature.exportPrivateKey", true, [], () => one(signature.exportPrivateKey(signer.privateKey)));
  }
  add(
    "sign",
    false,
    [data],
    (m) => one(signature.sign(signer.privateKey, m as Uint8Array)),
    async ([m], [value]) => [
      flag(await signature.verify(signer.publicKey, m as Uint8Array, value as Uint8Array)),
    ],
  );
  add("verify", true, [signer.publicKey, data, signed], async (k, m, s) => [
    flag(await signature.verify(k as Uint8Array, m as Uint8Array, s as Uint8Array)),
  ]);
  const { verifyAll } = signature;
  if (verifyAll) {
    add("verifyAll", true, [signer.publicKey, data, signed], async (k, m, s) => {
      const request = { publicKey: k, message: m, signature: s } as VerifyRequest;
      return (await verifyAll.call(signature, [request, request])).map(flag);
    });
  }
  return list;
}
