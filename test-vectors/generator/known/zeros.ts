// RFC 9180 §4.1, RFC 9420 §5.1: keys, shared points and signatures whose numbers begin or end with zeros, as one in 256
// does: implementations cut them off, or forget to fill them up. The seeds were found by trying 1, 2, 3…
import type { HpkePrivateKey } from "@copse/core/provider";
import { nobleProvider } from "@copse/provider-noble";
import { ed448, x448 } from "@noble/curves/ed448.js";
import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import { p256, p384, p521 } from "@noble/curves/nist.js";
import { pattern } from "../../../packages/provider-conformance/src/tools/assert.js";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** What begins or ends with zeros, by the seed of the receiver's key pair and that of the sender's. */
interface KemCases {
  readonly suite: number;
  readonly seeds: Readonly<Record<string, readonly [receiver: number, sender: number]>>;
  dh(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array;
}

const nist =
  (curve: typeof p256): KemCases["dh"] =>
  (privateKey, publicKey) =>
    curve.getSharedSecret(privateKey, publicKey, true).slice(1);

const KEMS: Readonly<Record<number, KemCases>> = {
  16: {
    suite: 2,
    dh: nist(p256),
    seeds: {
      "the private key begins with zeros": [64, 7],
      "the private key ends with zeros": [7, 64],
      "x of the public key begins with zeros": [133, 126],
      "y of the public key begins with zeros": [126, 133],
      "x of the public key ends with zeros": [806, 353],
      "y of the public key ends with zeros": [353, 806],
      "the shared point begins with zeros": [1, 121],
      "the shared point ends with zeros": [1, 131],
    },
  },
  17: {
    suite: 7,
    dh: nist(p384),
    seeds: {
      "the private key begins with zeros": [866, 258],
      "the private key ends with zeros": [258, 866],
      "x of the public key begins with zeros": [31, 804],
      "y of the public key begins with zeros": [804, 31],
      "x of the public key ends with zeros": [24, 350],
      "y of the public key ends with zeros": [350, 24],
      "the shared point begins with zeros": [1, 397],
      "the shared point ends with zeros": [1, 118],
    },
  },
  18: {
    suite: 5,
    dh: nist(p521),
    seeds: {
      "the private key begins with zeros": [406, 249],
      "the private key ends with zeros": [249, 406],
      "x of the public key begins with zeros": [900, 263],
      "y of the public key begins with zeros": [263, 900],
      "x of the public key ends with zeros": [3, 168],
      "y of the public key ends with zeros": [168, 3],
      "the shared point begins with zeros": [1, 220],
      "the shared point ends with zeros": [1, 91],
    },
  },
  32: {
    suite: 1,
    dh: x25519.getSharedSecret,
    seeds: {
      "the private key begins with zeros": [445, 187],
      "the private key ends with zeros": [187, 445],
      "the public key begins with zeros": [10, 107],
      "the public key ends with zeros": [107, 10],
      "the shared point begins with zeros": [1, 130],
      "the shared point ends with zeros": [1, 164],
    },
  },
  33: {
    suite: 4,
    dh: x448.getSharedSecret,
    seeds: {
      "the private key begins with zeros": [280, 246],
      "the private key ends with zeros": [246, 280],
      "the public key begins with zeros": [113, 176],
      "the public key ends with zeros": [176, 113],
      "the shared point begins with zeros": [1, 69],
      "the shared point ends with zeros": [1, 52],
    },
  },
};

async function kemLines({ suite, seeds, dh }: KemCases): Promise<string[]> {
  const { hpke } = nobleProvider().suite(suite);
  const pair = async (seed: number) => {
    const { publicKey, privateKey } = await hpke.deriveKeyPair(pattern(hpke.algorithm.Nsk, seed));
    return { publicKey, bytes: await hpke.exportPrivateKey(privateKey as HpkePrivateKey) };
  };
  const lines: string[] = [];
  for (const [what, [receiver, sender]] of Object.entries(seeds)) {
    const [own, other] = [await pair(receiver), await pair(sender)];
    const fields = [own.bytes, own.publicKey, other.publicKey, dh(own.bytes, other.publicKey)].map(hex);
    lines.push([what, `${receiver} ${fields.join(" ")}`].join(": "));
  }
  return lines;
}

/** What begins or ends with zeros, by the private key's seed and the message's number. */
interface SchemeCases {
  readonly Nsk: number;
  readonly cases: Readonly<Record<string, readonly [seed: number, message: number]>>;
  publicKey(privateKey: Uint8Array): Uint8Array;
  sign(privateKey: Uint8Array, message: Uint8Array): Uint8Array;
}

const ecdsa = (curve: typeof p256, Nsk: number, cases: SchemeCases["cases"]): SchemeCases => ({
  Nsk,
  cases,
  publicKey: (privateKey) => curve.getPublicKey(privateKey, false),
  sign: (privateKey, message) => curve.sign(message, privateKey, { format: "der", lowS: false }),
});

const eddsa = (curve: typeof ed25519, Nsk: number, cases: SchemeCases["cases"]): SchemeCases => ({
  Nsk,
  cases,
  publicKey: (privateKey) => curve.getPublicKey(privateKey),
  sign: (privateKey, message) => curve.sign(message, privateKey),
});

const SCHEMES: Readonly<Record<number, SchemeCases>> = {
  1027: ecdsa(p256, 32, {
    "r has a zero before it, s not": [1, 2],
    "s has a zero before it, r not": [1, 3],
    "r begins with zeros": [1, 39],
    "r has a zero before it, and is short": [1, 459],
    "s begins with zeros": [1, 888],
    "y of the public key begins with zeros": [44, 1],
    "x of the public key begins with zeros": [118, 1],
    "the private key begins with zeros": [253, 1],
    "x of the public key ends with zeros": [420, 1],
  }),
  1283: ecdsa(p384, 48, {
    "s has a zero before it, r not": [1, 0],
    "r has a zero before it, s not": [1, 1],
    "r has a zero before it, and is short": [1, 10],
    "s begins with zeros": [1, 361],
    "r begins with zeros": [1, 757],
    "x of the public key begins with zeros": [1, 1],
    "x of the public key ends with zeros": [74, 1],
    "y of the public key begins with zeros": [87, 1],
    "the private key begins with zeros": [253, 1],
  }),
  1539: ecdsa(p521, 66, {
    "s has a zero before it, r not": [1, 0],
    "r has a zero before it, s not": [1, 3],
    "s begins with zeros": [1, 73],
    "r begins with zeros": [1, 872],
    "r has a zero before it, and is short": [1, 1061],
    "x of the public key ends with zeros": [6, 1],
    "y of the public key begins with zeros": [46, 1],
    "x of the public key begins with zeros": [192, 1],
    "the private key begins with zeros": [600, 1],
  }),
  2055: eddsa(ed25519, 32, {
    "S ends with zeros": [1, 0],
    "S begins with zeros": [1, 244],
    "R ends with zeros": [1, 407],
    "R begins with zeros": [1, 830],
    "the private key ends with zeros": [14, 1],
    "the public key ends with zeros": [67, 1],
    "the public key begins with zeros": [126, 1],
    "the private key begins with zeros": [253, 1],
  }),
  2056: eddsa(ed448 as typeof ed25519, 57, {
    "S ends with zeros": [1, 27],
    "R begins with zeros": [1, 190],
    "S begins with zeros": [1, 496],
    "R ends with zeros": [1, 1190],
    "the private key ends with zeros": [47, 1],
    "the public key begins with zeros": [62, 1],
    "the private key begins with zeros": [253, 1],
    "the public key ends with zeros": [1354, 1],
  }),
};

/** A private key; the highest bits are taken away where it would be above P-521's order. */
function privateKeyOf(Nsk: number, seed: number): Uint8Array {
  const bytes = pattern(Nsk, seed);
  if (Nsk === 66) bytes[0] = (bytes[0] as number) & 1;
  return bytes;
}

const messageOf = (number: number): Uint8Array => Uint8Array.of(number >> 8, number);

function schemeLines({ Nsk, cases, publicKey, sign }: SchemeCases): string[] {
  return Object.entries(cases).map(([what, [seed, number]]) => {
    const [privateKey, message] = [privateKeyOf(Nsk, seed), messageOf(number)];
    const fields = [privateKey, publicKey(privateKey), message, sign(privateKey, message)].map(hex);
    return `${what}: ${fields.join(" ")}`;
  });
}

const table = (entries: readonly (readonly [string, readonly string[]])[]): string =>
  entries
    .map(([id, lines]) => `  ${id}: [\n${lines.map((line) => `    "${line}",\n`).join("")}  ],\n`)
    .join("");

/** The module `known/zeros.ts` of the kit. */
export async function zerosModule(): Promise<string> {
  const kems: [string, string[]][] = [];
  for (const [id, cases] of Object.entries(KEMS)) kems.push([id, await kemLines(cases)]);
  const schemes = Object.entries(SCHEMES).map(([id, cases]) => [id, schemeLines(cases)] as const);
  return `// RFC 9180 §4.1, RFC 9420 §5.1: numbers that begin or end with zeros, as one in 256 does. Made by
// \`npm run vectors:verdicts\`: don't edit it.

/** By the KEM's id: \`what: seed of the key pair, its private key, its public key, KEM output, shared point\`. */
export const KEM_ZEROS: Readonly<Record<number, readonly string[]>> = {
${table(kems)}};

/** By the scheme's id: \`what: private key, public key, message, signature\`. */
export const SIGNATURE_ZEROS: Readonly<Record<number, readonly string[]>> = {
${table(schemes)}};
`;
}
