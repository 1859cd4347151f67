// draft-ietf-mls-pq-ciphersuites: what is run on a Node with OpenSSL 3.5. Bundled, as vitest is on another one.
import { createHash, createPrivateKey, generateKeyPairSync, type KeyPairKeyObjectResult } from "node:crypto";
import { inspect } from "node:util";
import { Client, generateSigner, insecureAcceptAll } from "@copse/core";
import { type CipherSuiteProvider, isPromise, type SignaturePrivateKey } from "@copse/core/provider";
import { checksFor } from "@copse/provider-conformance";
import {
  hkdf,
  hpke,
  kemOf,
  MLDSA44,
  MLDSA65,
  MLDSA87,
  PQ_SUITE_NAMES,
  type PqCodePoints,
} from "@copse/provider-kit";
import { nodeProvider } from "@copse/provider-node";
import { noblePqProvider } from "../../provider-noble/src/pq.js";
import { pqKem as noblePqKem } from "../../provider-noble/src/pq-kem.js";
import { mlDsaPart } from "../../provider-noble/src/pq-signature.js";
import { AAD, EXPORTER_CONTEXT, INFO, PLAINTEXT, PQ_VECTORS } from "../../provider-noble/test/pq-vectors.js";

/** What the parent asserts on. */
export interface Report {
  readonly openssl: string;
  readonly suites: readonly string[];
  /** Names of what was tried, and what was wrong, if anything. */
  readonly results: readonly {
    readonly suite: string;
    readonly name: string;
    readonly outcome: string;
    readonly detail?: string;
  }[];
}

const codePoints: PqCodePoints = Object.fromEntries(
  PQ_SUITE_NAMES.map((name, i) => [name, 0xf000 + i] as const),
);
const node = nodeProvider({ codePoints });
const noble = noblePqProvider({ codePoints });
const pqIds = node.suites.map(({ id }) => id).filter((id) => id >= 0xf000);

const hex = (text: string) => new Uint8Array(Buffer.from(text, "hex"));
const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const text = (string: string) => new TextEncoder().encode(string);
const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const same = (what: string, got: unknown, wanted: unknown) => {
  const [a, b] = [got, wanted].map((one) => (one instanceof Uint8Array ? toHex(one) : String(one)));
  if (a !== b) throw new Error(`${what}: ${a?.slice(0, 80)}, not ${b?.slice(0, 80)}`);
};
async function refused(what: string, call: () => unknown, code = "crypto"): Promise<void> {
  try {
    await call();
  } catch (error) {
    return same(what, (error as { code?: unknown }).code, code);
  }
  throw new Error(`${what}: it is taken`);
}
const changed = (bytes: Uint8Array, at: number) => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));

/** Keys, ciphertexts and signatures of either are the other's. */
async function agree(ours: CipherSuiteProvider, theirs: CipherSuiteProvider): Promise<void> {
  const [info, aad, plaintext] = [text("info"), text("aad"), text("plaintext")];
  const { kem, hash, signature } = ours.suite;
  for (const [from, to] of [
    [ours, theirs],
    [theirs, ours],
  ] as const) {
    const ikm = from.random(hash.Nh);
    const pair = await from.hpke.deriveKeyPair(ikm);
    same("derived", (await to.hpke.deriveKeyPair(ikm)).publicKey, pair.publicKey);
    same("Npk", pair.publicKey.length, kem.Npk);
    const bytes = await from.hpke.exportPrivateKey(pair.privateKey);
    same("Nsk", bytes.length, kem.Nsk);
    const imported = await to.hpke.importPrivateKey(bytes);
    same("imported", imported.publicKey, pair.publicKey);
    const { kemOutput, ciphertext } = await to.hpke.seal(pair.publicKey, info, aad, plaintext);
    same("Nenc", kemOutput.length, kem.Nenc);
    same("opened", await from.hpke.open(pair.privateKey, kemOutput, info, aad, ciphertext), plaintext);
    same("opened", await to.hpke.open(imported.privateKey, kemOutput, info, aad, ciphertext), plaintext);
    // ML-KEM answers a forgery with a secret that nobody else has (FIPS 203 §6.3): the same on both.
    const forged = changed(kemOutput, 2);
    same(
      "implicit rejection",
      await from.hpke.receiveExport(pair.privateKey, forged, info, aad, 32),
      await to.hpke.receiveExport(imported.privateKey, forged, info, aad, 32),
    );

    const signer = await from.signature.generateKeyPair();
    same("Npk of the signature", signer.publicKey.length, signature.Npk);
    const seed = await from.signature.exportPrivateKey(signer.privateKey);
    const again = await to.signature.importPrivateKey(seed);
    same("signer imported", again.publicKey, signer.publicKey);
    same("signer exported", await to.signature.exportPrivateKey(again.privateKey), seed);
    for (const [by, key] of [
      [from, signer.privateKey],
      [to, again.privateKey],
    ] as const) {
      const signed = await by.signature.sign(key, plaintext);
      for (const one of [from, to]) {
        same("verified", await one.signature.verify(signer.publicKey, plaintext, signed), true);
        same("forged", await one.signature.verify(signer.publicKey, plaintext, changed(signed, 40)), false);
        same("short", await one.signature.verify(signer.publicKey, plaintext, signed.subarray(1)), false);
      }
    }
  }
}

/** What isn't a key or a ciphertext is refused, outputs have memory of their own, handles tell nothing. */
async function guarded(ours: CipherSuiteProvider): Promise<void> {
  const { hpke: part, suite } = ours;
  const { Npk, Nenc, name } = suite.kem;
  const pq = name.includes("768") ? 1184 : 1568;
  const [info, aad, plaintext] = [text("info"), text("aad"), text("plaintext")];
  const pair = await part.generateKeyPair();
  const before = toHex(pair.publicKey);
  const { kemOutput, ciphertext } = await part.seal(pair.publicKey, info, aad, plaintext);
  const bytes = await part.exportPrivateKey(pair.privateKey);
  for (const output of [pair.publicKey, kemOutput, ciphertext, bytes]) {
    same("own memory", output.buffer.byteLength, output.length);
    same("no Buffer", Buffer.isBuffer(output), false);
  }
  const input = Buffer.from(bytes);
  const imported = await part.importPrivateKey(input);
  input.fill(0);
  bytes.fill(0);
  for (const key of [pair.privateKey, imported.privateKey]) {
    same("opened", await part.open(key, kemOutput, info, aad, ciphertext), plaintext);
    same("JSON", JSON.stringify(key), "{}");
    // A bundler may rename the class.
    same("inspect", inspect(key, { showHidden: true }).replace(/^_/, ""), "PqPrivateKey {}");
  }
  same("unchanged", toHex(pair.publicKey), before);

  const bad = [pair.publicKey.subarray(1), new Uint8Array([...pair.publicKey, 0])];
  const unreduced = pair.publicKey.slice();
  unreduced.set([0xff, 0xff, 0xff], 300);
  bad.push(unreduced);
  if (Npk > pq) {
    const noPoint = pair.publicKey.slice();
    noPoint.fill(0, pq);
    bad.push(noPoint);
    const sent = kemOutput.slice();
    sent.fill(0, pq === 1184 ? 1088 : 1568);
    await refused("no point sent", () => part.open(pair.privateKey, sent, info, aad, ciphertext));
  }
  for (const key of bad) {
    await refused("validate", () => part.validatePublicKey(key));
    await refused("seal", () => part.seal(key, info, aad, plaintext));
  }
  const other = node.suites.find((one) => one.kem.name.includes("KEM") && one.kem !== suite.kem);
  const foreign = await node.suite(other?.id ?? 1).hpke.generateKeyPair();
  const open = (key: typeof pair.privateKey, sent: Uint8Array) => () =>
    part.open(key, sent, info, aad, ciphertext);
  await refused("forged", open(pair.privateKey, changed(kemOutput, 2)));
  await refused("forged at the end", open(pair.privateKey, changed(kemOutput, Nenc - 1)));
  await refused("too short", open(pair.privateKey, kemOutput.subarray(1)));
  await refused("no handle", open({} as typeof pair.privateKey, kemOutput));
  await refused("another KEM's key", open(foreign.privateKey, kemOutput));
  await refused("a seed too short", () => part.importPrivateKey(new Uint8Array(1)));
  await refused("a signer's seed too short", () => ours.signature.importPrivateKey(new Uint8Array(1)));
}

/** Every answer is there at once. */
async function atOnce(ours: CipherSuiteProvider): Promise<void> {
  const none = new Uint8Array(0);
  const pair = await ours.hpke.generateKeyPair();
  const signer = await ours.signature.generateKeyPair();
  for (const answer of [
    ours.hpke.generateKeyPair(),
    ours.hpke.deriveKeyPair(new Uint8Array(ours.suite.hash.Nh)),
    ours.hpke.seal(pair.publicKey, none, none, none),
    ours.signature.generateKeyPair(),
    ours.signature.sign(signer.privateKey, none),
  ]) {
    same("a promise", isPromise(answer), false);
  }
}

/** The draft's answers: node can't be given the randomness of an encapsulation, so noble encapsulates. */
async function vectors(): Promise<void> {
  for (const vector of PQ_VECTORS) {
    const serving = pqIds.map((id) => node.suite(id)).find(({ suite }) => suite.kem.name === vector.kem);
    const hashed = node.suite(vector.hash === "SHA-256" ? 1 : 7).hash;
    const aead = [1, 3, 7].map((id) => node.suite(id).aead).find((a) => a.algorithm.name === vector.aead);
    if (serving === undefined || aead === undefined) throw new Error(`${vector.kem} isn't served`);
    const pair = await serving.hpke.deriveKeyPair(hex(vector.ikmR));
    same("skRm", await serving.hpke.exportPrivateKey(pair.privateKey), hex(vector.skRm));
    same("pkRm", digest(pair.publicKey), vector.pkRmDigest);

    const ikmE = hex(vector.ikmE);
    const fixed = (length: number) => {
      const bytes = new Uint8Array(length);
      bytes.set(ikmE.subarray(0, length));
      return bytes;
    };
    const kem = noblePqKem(serving.suite.kem, fixed);
    const sender = hpke({ kem, kdf: hkdf(hashed), aead });
    const [info, aad] = [text(INFO), text(AAD)];
    const { kemOutput, ciphertext } = await sender.seal(pair.publicKey, info, aad, text(PLAINTEXT));
    same("enc", digest(kemOutput), vector.encDigest);
    same("ct", ciphertext, hex(vector.ct));
    const receiver = hpke({ kem: kemOf(serving.hpke), kdf: hkdf(hashed), aead });
    const { privateKey } = await receiver.importPrivateKey(hex(vector.skRm));
    same("pt", await receiver.open(privateKey, kemOutput, info, aad, ciphertext), text(PLAINTEXT));
    const exported = await receiver.receiveExport(privateKey, kemOutput, info, text(EXPORTER_CONTEXT), 32);
    same("exported", exported, hex(vector.exported));
  }
}

/** Those of noble's test, from Wycheproof: noble can sign without randomness, and node verifies. */
async function mlDsaAnswers(): Promise<void> {
  for (const [algorithm, publicKeyDigest, signatureDigest] of ML_DSA_ANSWERS) {
    const serving = pqIds.map((id) => node.suite(id)).find(({ suite }) => suite.signature === algorithm);
    if (serving === undefined) throw new Error(`${algorithm.name} isn't served`);
    const { signature } = serving;
    const seed = new Uint8Array(32).fill(0x2a);
    const { publicKey, privateKey } = await signature.importPrivateKey(seed);
    same("public key", digest(publicKey), publicKeyDigest);
    const [message, reference] = [text("Hello world"), mlDsaPart(algorithm, (n) => new Uint8Array(n))];
    const signed = await reference.sign((await reference.importPrivateKey(seed)).privateKey, message);
    same("signature", digest(signed), signatureDigest);
    same("verified", await signature.verify(publicKey, message, signed), true);
    const [one, other] = [
      await signature.sign(privateKey, message),
      await signature.sign(privateKey, message),
    ];
    same("hedged", toHex(one) === toHex(other), false);
    same("verified by the other", await reference.verify(publicKey, message, one), true);
  }
}

const ML_DSA_ANSWERS = [
  [
    MLDSA44,
    "d87f8ca136ac1aa55e2d6c4521680efb3a378cbb9bc0bfb446e9c60893931ea3",
    "8cd6fc03daa72e87210a4e721523e84c14f27733789075e65736744d4787fdd5",
  ],
  [
    MLDSA65,
    "b7acce2ddb11f8cc1aa46e2bafac6eacfa2b732ef192bd636ad8d3a56d649c66",
    "39fbbb0d97a52c79844213b325af823a7f16a174e00a5b3daeb3e6e6d1c89681",
  ],
  [
    MLDSA87,
    "d43128fa8a8c785c1d44c9e7db538dbf9dd88fe6c8ad911a344bcec1017c6d54",
    "1ad45bd0419e694375bd38ec11d8e0c228ab9ffac2fce4adbe6218d9c949e293",
  ],
] as const;

/** Keys of the application's own: with a seed they are like any other, without one they only sign. */
async function ownKeys(): Promise<void> {
  const { signature } = node.suite(mldsa65);
  const message = text("message");
  // Node 20's types don't know ML-DSA.
  const generate = generateKeyPairSync as object as (type: string) => KeyPairKeyObjectResult;
  const own = generate("ml-dsa-65");
  const handle = own.privateKey as object as SignaturePrivateKey;
  const publicKey = new Uint8Array(own.publicKey.export({ format: "der", type: "spki" }).subarray(22));
  same("verified", await signature.verify(publicKey, message, await signature.sign(handle, message)), true);
  const seed = await signature.exportPrivateKey(handle);
  same("exported", (await signature.importPrivateKey(seed)).publicKey, publicKey);
  const other = generate("ml-dsa-44").privateKey as object as SignaturePrivateKey;
  await refused("another scheme's", () => signature.sign(other, message));

  // RFC 9881 §6: the structure with the expanded key alone is that with both, without the seed.
  const both = own.privateKey.export({ format: "der", type: "pkcs8" });
  const expanded = both.subarray(30 + 32);
  const sized = (tag: number, length: number) => Buffer.from([tag, 0x82, length >> 8, length & 0xff]);
  const body = Buffer.concat([both.subarray(4, 20), sized(0x04, expanded.length), expanded]);
  const key = createPrivateKey({
    key: Buffer.concat([sized(0x30, body.length), body]),
    format: "der",
    type: "pkcs8",
  });
  const seedless = key as object as SignaturePrivateKey;
  same("signs", await signature.verify(publicKey, message, await signature.sign(seedless, message)), true);
  await refused("no seed", () => signature.exportPrivateKey(seedless), "key-not-extractable");
}

/** More public keys than are kept. */
async function manyKeys(): Promise<void> {
  const { signature } = node.suite(mldsa65);
  const signers = [];
  for (let i = 0; i < 300; i++) {
    const { publicKey, privateKey } = await signature.generateKeyPair();
    signers.push([publicKey, await signature.sign(privateKey, publicKey)] as const);
  }
  for (const [publicKey, signed] of [...signers, ...signers]) {
    same("verified", await signature.verify(publicKey, publicKey, signed), true);
  }
}

/** A group of both providers: joined, updated by each, and restored from what was saved. */
async function shareGroup(suite: number): Promise<void> {
  const common = { suite, authentication: insecureAcceptAll() };
  const signer = await generateSigner(node, suite);
  const alice = await Client.create({ ...common, crypto: node, credential: "alice", signer });
  const bob = await Client.create({ ...common, crypto: noble, credential: "bob" });
  const a = await alice.createGroup();
  const { welcome } = await a.add(await bob.createKeyPackage());
  await a.mergePendingCommit();
  const b = await bob.join(welcome as Uint8Array);
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    const { commit } = await from.update();
    await to.receive(commit);
    await from.mergePendingCommit();
    same("epochAuthenticator", from.epochAuthenticator, to.epochAuthenticator);
  }
  const saved = await a.save();
  await a.close();
  const again = await alice.restore(saved);
  const { commit } = await b.update();
  await again.receive(commit);
  await b.mergePendingCommit();
  same("restored", again.epochAuthenticator, b.epochAuthenticator);
}

const mldsa44 = codePoints.MLS_128_MLKEM768X25519_CHACHA20POLY1305_SHA384_MLDSA44 as number;
const mldsa65 = codePoints.MLS_192_MLKEM768_AES256GCM_SHA384_MLDSA65 as number;

/** Runs all, one after the other. */
export async function report(): Promise<Report> {
  const results: Report["results"][number][] = [];
  const run = async (suite: string, name: string, call: () => Promise<void>) => {
    try {
      await call();
      results.push({ suite, name, outcome: "passed" });
    } catch (error) {
      results.push({ suite, name, outcome: "failed", detail: String(error) });
    }
  };
  await run("draft-ietf-hpke-pq", "gives the draft's answers", vectors);
  await run("ML-DSA", "gives known answers", mlDsaAnswers);
  await run("ML-DSA", "takes the application's own keys", ownKeys);
  await run("ML-DSA", "verifies under more keys than it keeps", manyKeys);
  for (const id of pqIds) {
    const ours = node.suite(id);
    const { name } = ours.suite;
    await run(name, "agrees with noble on every byte", () => agree(ours, noble.suite(id)));
    await run(name, "refuses what is none, and gives nothing away", () => guarded(ours));
    await run(name, "shares a group with noble", () => shareGroup(id));
    await run(name, "answers at once", () => atOnce(ours));
  }
  // Their other algorithms are those of the seven suites, which other tests check.
  const few = ["suites", "algorithms", "agreement"];
  // A hybrid, a KEM by itself, and ML-DSA.
  const whole = [0, 5, 9].map((place) => pqIds[place] as number);
  const others = pqIds.filter((id) => !whole.includes(id));
  const short = { second: noble, effort: "short" } as const;
  const checks = [
    ...checksFor(node, { ...short, suites: others, areas: few }),
    ...checksFor(node, { ...short, suites: whole, areas: [...few, "hpke", "calls", "errors"] }),
    ...checksFor(node, { suites: [mldsa44, mldsa65], areas: ["signature", "memory", "verdicts"] }),
  ];
  for (const check of checks) results.push(await check.result());
  return {
    openssl: process.versions.openssl ?? "",
    suites: node.suites.map(({ name }) => name),
    results,
  };
}
