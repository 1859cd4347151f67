// Project Wycheproof's known answers and bad inputs, for the algorithms that a provider serves.
import { existsSync, readFileSync } from "node:fs";
import type { CipherSuiteProvider, CryptoProvider } from "@copse/core/provider";
import { CryptoError } from "@copse/core/provider";
import { dhkem, hpke, P256_SCALARS } from "@copse/provider-kit";
import { expect, it } from "vitest";
import { hex, toHex, wycheproofFolder } from "./vectors.js";

type Test = Record<string, string> & { tcId: number; result: string; size: number };
interface Group extends Record<string, unknown> {
  tests: Test[];
}

const field = (test: Test, name: string): Uint8Array => hex(test[name] as string);

/** Refuses nothing but with a CryptoError; `undefined` if it refuses. */
async function attempt<T>(call: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof CryptoError) return undefined;
    throw error;
  }
}

/** Declares a test for each of Wycheproof's files whose algorithm the provider serves. */
export function checkWycheproof(provider: CryptoProvider): void {
  if (wycheproofFolder === undefined) {
    it("has NOT been checked against Wycheproof", () => {
      console.warn("Wycheproof's files are not here: see test-vectors/README.md");
    });
    return;
  }
  const suites = provider.suites.map(({ id }) => provider.suite(id));
  const using = (part: (suite: CipherSuiteProvider["suite"]) => { name: string }, name: string) =>
    suites.find(({ suite }) => part(suite).name === name);

  for (const [file, name] of [
    ["hmac_sha256", "SHA-256"],
    ["hmac_sha384", "SHA-384"],
    ["hmac_sha512", "SHA-512"],
  ] as const) {
    run(
      file,
      using((s) => s.hash, name),
      checkHmac,
    );
    run(
      file.replace("hmac", "hkdf"),
      using((s) => s.hash, name),
      checkHkdf,
    );
  }
  run(
    "aes_gcm",
    using((s) => s.aead, "AES-128-GCM"),
    checkAead,
  );
  run(
    "aes_gcm",
    using((s) => s.aead, "AES-256-GCM"),
    checkAead,
  );
  run(
    "chacha20_poly1305",
    using((s) => s.aead, "ChaCha20Poly1305"),
    checkAead,
  );
  for (const [file, name] of [
    ["x25519", "DHKEM(X25519, HKDF-SHA256)"],
    ["x448", "DHKEM(X448, HKDF-SHA512)"],
    ["ecdh_secp256r1_ecpoint", "DHKEM(P-256, HKDF-SHA256)"],
    ["ecdh_secp384r1_ecpoint", "DHKEM(P-384, HKDF-SHA384)"],
    ["ecdh_secp521r1_ecpoint", "DHKEM(P-521, HKDF-SHA512)"],
  ] as const) {
    run(
      file,
      using((s) => s.kem, name),
      checkDh,
    );
  }
  for (const [file, name] of [
    ["ed25519", "ed25519"],
    ["ed448", "ed448"],
    ["ecdsa_secp256r1_sha256", "ecdsa_secp256r1_sha256"],
    ["ecdsa_secp384r1_sha384", "ecdsa_secp384r1_sha384"],
    ["ecdsa_secp521r1_sha512", "ecdsa_secp521r1_sha512"],
  ] as const) {
    run(
      file,
      using((s) => s.signature, name),
      checkSignatures,
    );
  }
}

function run(
  file: string,
  suite: CipherSuiteProvider | undefined,
  check: (suite: CipherSuiteProvider, group: Group, test: Test) => Promise<boolean>,
): void {
  const path = `${wycheproofFolder}/${file}_test.json`;
  if (suite === undefined || !existsSync(path)) return;
  it(`agrees with Wycheproof's ${file} (${suite.suite.name})`, async () => {
    const { testGroups } = JSON.parse(readFileSync(path, "utf8")) as { testGroups: Group[] };
    let checked = 0;
    for (const group of testGroups) {
      for (const test of group.tests) if (await check(suite, group, test)) checked++;
    }
    expect(checked).toBeGreaterThan(10);
  });
}

async function checkHmac({ hash }: CipherSuiteProvider, group: Group, test: Test): Promise<boolean> {
  const mac = await hash.mac(field(test, "key"), field(test, "msg"));
  const fits = toHex(mac).startsWith(test.tag as string) && (test.tag as string).length * 4 === group.tagSize;
  expect(fits, `tcId ${test.tcId}`).toBe(test.result === "valid");
  return true;
}

async function checkHkdf({ kdf }: CipherSuiteProvider, _group: Group, test: Test): Promise<boolean> {
  const prk = await kdf.extract(field(test, "salt"), field(test, "ikm"));
  const okm = await attempt(() => kdf.expand(prk, field(test, "info"), test.size));
  expect(okm && toHex(okm), `tcId ${test.tcId}`).toBe(test.result === "valid" ? test.okm : undefined);
  return true;
}

async function checkAead({ aead }: CipherSuiteProvider, group: Group, test: Test): Promise<boolean> {
  const { Nk, Nt } = aead.algorithm;
  if (group.keySize !== Nk * 8 || group.tagSize !== Nt * 8) return false;
  const [key, nonce, aad] = [field(test, "key"), field(test, "iv"), field(test, "aad")];
  const ciphertext = hex(`${test.ct}${test.tag}`);
  const opened = await attempt(() => aead.open(key, nonce, aad, ciphertext));
  // Other sizes of nonce are valid for AES-GCM, but not for RFC 9180.
  const valid = test.result === "valid" && nonce.length === aead.algorithm.Nn;
  expect(opened && toHex(opened), `tcId ${test.tcId}`).toBe(valid ? test.msg : undefined);
  if (valid)
    expect(toHex(await aead.seal(key, nonce, aad, field(test, "msg")))).toBe(`${test.ct}${test.tag}`);
  return true;
}

/** The shared secret isn't given out; but HPKE's exported secret is the same only if it is. */
async function checkDh(suite: CipherSuiteProvider, _group: Group, test: Test): Promise<boolean> {
  const { kem } = suite.suite;
  let scalar = field(test, "private");
  // Wycheproof writes the NIST curves' scalars as signed integers.
  if (scalar.length > kem.Nsk) scalar = scalar.subarray(scalar.length - kem.Nsk);
  const padded = new Uint8Array(kem.Nsk);
  padded.set(scalar, kem.Nsk - scalar.length);
  const own = await suite.hpke.importPrivateKey(padded);
  const none = new Uint8Array(0);
  const peer = field(test, "public");
  const got = await attempt(() => suite.hpke.receiveExport(own.privateKey, peer, none, none, 32));
  const validated = await attempt(async () => {
    await suite.hpke.validatePublicKey(peer);
    return true;
  });

  const shared = field(test, "shared");
  // RFC 9180 §7.1.4: a shared secret of zero is refused for X25519 and X448, but is fine for a NIST curve.
  const isXCurve = kem.id === 0x0020 || kem.id === 0x0021;
  const isPoint =
    peer.length === kem.Npk && test.result !== "invalid" && (!isXCurve || shared.some((byte) => byte !== 0));
  expect([got !== undefined, validated === true], `tcId ${test.tcId}`).toEqual([isPoint, isPoint]);
  if (got === undefined) return true;

  const pair = { publicKey: own.publicKey, privateKey: null };
  const known = dhkem(
    {
      algorithm: kem,
      ...(isXCurve ? {} : { scalars: P256_SCALARS }),
      generateKeyPair: () => pair,
      importPrivateKey: () => pair,
      exportPrivateKey: () => none,
      validatePublicKey: () => undefined,
      dh: () => shared.slice(),
    },
    suite.kdf,
  );
  const oracle = hpke({ kem: known, kdf: suite.kdf, aead: suite.aead });
  const { privateKey } = await oracle.generateKeyPair();
  expect(toHex(got), `tcId ${test.tcId}`).toBe(
    toHex(await oracle.receiveExport(privateKey, peer, none, none, 32)),
  );
  return true;
}

async function checkSignatures(
  { signature }: CipherSuiteProvider,
  group: Group,
  test: Test,
): Promise<boolean> {
  const key = group.publicKey as { pk?: string; uncompressed?: string };
  const fits = await signature.verify(
    hex((key.pk ?? key.uncompressed) as string),
    field(test, "msg"),
    field(test, "sig"),
  );
  expect(fits, `tcId ${test.tcId}: ${test.comment}`).toBe(test.result === "valid");
  return true;
}
