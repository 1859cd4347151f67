// RFC 9420 §5.1: faults in HPKE.
import { createDecipheriv, createHash } from "node:crypto";
import { type CipherSuiteProvider, CryptoError, type HpkePart } from "@copse/core/provider";
import { type DhPrimitives, dhkem, hpke } from "@copse/provider-kit";
import { type DhKey, dhGroup } from "../../../provider-node/src/asymmetric.js";
import { broken, cut, type Fault, fault, none } from "./fault.js";

const INFO = "hpke: info of every length counts";
const AAD = "hpke: additional data of every length counts";
const EXPORTS = "hpke: info and exporter contexts of every length count in what is exported";
const DEPENDS = "hpke: an exported secret depends on the key, the info, the context and the length";
const FRESH = "hpke: uses a fresh ephemeral key for each encryption";
const ZEROS = "hpke: shared points that begin or end with zeros";
const SCHEDULE = "hpke: the key schedule is RFC 9180's, with inputs of every length";

/** HPKE that uses other info and additional data than it is given. */
function using(
  part: HpkePart,
  other: (info: Uint8Array, aad: Uint8Array) => readonly [info: Uint8Array, aad: Uint8Array],
): Partial<CipherSuiteProvider> {
  return {
    hpke: {
      ...part,
      seal: (key, info, aad, plaintext) => part.seal(key, ...other(info, aad), plaintext),
      open: (key, enc, info, aad, ciphertext) => part.open(key, enc, ...other(info, aad), ciphertext),
      sealAll: (all) =>
        Promise.all(all.map((r) => part.seal(r.publicKey, ...other(r.info, r.aad), r.plaintext))),
    },
  };
}

/** HPKE that uses other info and contexts in exports than it is given. */
function exporting(
  part: HpkePart,
  other: (info: Uint8Array, context: Uint8Array) => readonly [info: Uint8Array, context: Uint8Array],
): Partial<CipherSuiteProvider> {
  return {
    hpke: {
      ...part,
      sendExport: (key, info, context, length) => part.sendExport(key, ...other(info, context), length),
      receiveExport: (key, enc, info, context, length) =>
        part.receiveExport(key, enc, ...other(info, context), length),
    },
  };
}

const infoCutAt = (size: number, suite: number): Fault =>
  fault(`cuts HPKE's info at ${size} bytes`, suite, INFO, (s) =>
    using(s.hpke, (info, aad) => [cut(info, size), aad]),
  );

const aadCutAt = (size: number, suite: number): Fault =>
  fault(`cuts HPKE's additional data at ${size} bytes`, suite, AAD, (s) =>
    using(s.hpke, (info, aad) => [info, cut(aad, size)]),
  );

const contextCutAt = (size: number, suite: number): Fault =>
  fault(`cuts the exporter context at ${size} bytes`, suite, EXPORTS, (s) =>
    exporting(s.hpke, (info, context) => [info, cut(context, size)]),
  );

/** HPKE over another group, or with another KDF or AEAD. */
function over(
  { suite, kdf, aead }: CipherSuiteProvider,
  change: (group: DhPrimitives<DhKey>) => Partial<DhPrimitives<DhKey>>,
): Partial<CipherSuiteProvider> {
  const group = dhGroup(suite.kem);
  return { hpke: hpke({ kem: dhkem({ ...group, ...change(group) }, kdf), kdf, aead }) };
}

/** Shared points without the zeros that they begin or end with. */
const stripped = (suite: number, end: "begin" | "end"): Fault =>
  fault(`forgets the zeros that shared points ${end} with`, suite, ZEROS, (s) =>
    over(s, ({ dh }) => ({
      async dh(privateKey, publicKey) {
        const point = await dh(privateKey, publicKey);
        const whole = end === "begin" ? point : point.reverse();
        // Of P-521 the first byte is 0 or 1.
        const from = suite === 5 ? 1 : 0;
        const rest = whole[from] === 0 ? whole.slice(from + 1) : whole;
        return end === "begin" ? rest : rest.reverse();
      },
    })),
  );

/** Uses each ephemeral key so many times. */
const ephemeralFor = (what: string, caughtBy: string, pick: (call: number) => number): Fault =>
  fault(what, 1, caughtBy, ({ suite, kdf, aead }) => {
    const group = dhGroup(suite.kem);
    const pairs = new Map<number, ReturnType<typeof group.generateKeyPair>>();
    let call = 0;
    const generateKeyPair = () => {
      const at = pick(call++);
      const pair = pairs.get(at) ?? group.generateKeyPair();
      pairs.set(at, pair);
      return pair;
    };
    const { encap } = dhkem({ ...group, generateKeyPair }, kdf);
    return { hpke: hpke({ kem: { ...dhkem(group, kdf), encap }, kdf, aead }) };
  });

export const HPKE: readonly Fault[] = [
  ephemeralFor("reuses an ephemeral key", FRESH, () => 0),
  ephemeralFor("uses each ephemeral key twice", FRESH, (call) => call >> 1),
  ephemeralFor("has 32 ephemeral keys", "hpke: many messages to many keys all open", (call) => call % 32),
  fault("ignores HPKE's info", 2, "hpke: refuses another info", (s) =>
    using(s.hpke, (_info, aad) => [none, aad]),
  ),
  fault("ignores HPKE's additional data", 4, "hpke: refuses other additional data", (s) =>
    using(s.hpke, (info) => [info, none]),
  ),
  infoCutAt(32, 1),
  infoCutAt(64, 2),
  infoCutAt(100, 3),
  infoCutAt(128, 4),
  infoCutAt(256, 5),
  infoCutAt(1024, 7),
  infoCutAt(65_536, 1),
  aadCutAt(16, 1),
  aadCutAt(64, 2),
  aadCutAt(255, 3),
  aadCutAt(4096, 7),
  contextCutAt(32, 1),
  contextCutAt(64, 2),
  contextCutAt(128, 4),
  contextCutAt(1000, 3),
  fault("cuts info at 64 bytes when it exports", 5, EXPORTS, (s) =>
    exporting(s.hpke, (info, context) => [cut(info, 64), context]),
  ),
  broken(
    "cuts info at 80 bytes when it seals",
    1,
    INFO,
    ["hpke", "seal"],
    (seal) => (key, info, aad, plaintext) => seal(key, cut(info, 80), aad, plaintext),
  ),
  broken(
    "cuts the context at 96 bytes when it sends",
    2,
    EXPORTS,
    ["hpke", "sendExport"],
    (send) => (key, info, context, n) => send(key, info, cut(context, 96), n),
  ),
  broken(
    "seals 512 bytes at most",
    3,
    "hpke: plaintexts of every length come out again",
    ["hpke", "seal"],
    (seal) => (key, info, aad, plaintext) => seal(key, info, aad, cut(plaintext, 512)),
  ),
  fault("hashes info before it is used", 1, "hpke: known answers of RFC 9180", (s) =>
    using(s.hpke, (info, aad) => [new Uint8Array(createHash("sha256").update(info).digest()), aad]),
  ),
  fault("adds a byte to long infos", 4, SCHEDULE, (s) =>
    using(s.hpke, (info, aad) => [info.length > 200 ? Uint8Array.of(...info, 0) : info, aad]),
  ),
  fault("exports with the info of a block", 7, SCHEDULE, (s) =>
    exporting(s.hpke, (info, context) => [info.length === 128 ? Uint8Array.of(...info, 0) : info, context]),
  ),
  fault("ignores the exporter context", 3, DEPENDS, (s) => exporting(s.hpke, (info) => [info, none])),
  fault("ignores info when it exports", 1, DEPENDS, (s) =>
    exporting(s.hpke, (_, context) => [none, context]),
  ),
  fault("cuts exported secrets from a long one", 1, DEPENDS, ({ hpke: part }) => ({
    hpke: {
      ...part,
      async sendExport(key, info, context, length) {
        const { kemOutput, secret } = await part.sendExport(key, info, context, 64);
        return { kemOutput, secret: cut(secret, length) };
      },
      receiveExport: async (key, enc, info, context, length) =>
        cut(await part.receiveExport(key, enc, info, context, 64), length),
    },
  })),
  fault("exports to 65,535 blocks", 1, "hpke: refuses to export more than 255 blocks", ({ hpke: part }) => ({
    hpke: {
      ...part,
      sendExport: async (key, info, context, length) => {
        const { kemOutput, secret } = await part.sendExport(
          key,
          info,
          context,
          Math.min(8160, Math.max(0, length | 0)),
        );
        return { kemOutput, secret };
      },
    },
  })),
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
  ),
  fault("opens with the key that it made first", 1, "hpke: refuses another private key", ({ hpke: part }) => {
    let first: Parameters<typeof part.open>[0] | undefined;
    return {
      hpke: {
        ...part,
        async generateKeyPair() {
          const pair = await part.generateKeyPair();
          first ??= pair.privateKey;
          return pair;
        },
        open: (key, ...rest) => part.open(first ?? key, ...rest),
      },
    };
  }),
  fault(
    "remembers what it opened by the KEM output",
    1,
    "hpke: what was sealed or opened before changes nothing",
    ({ hpke: part }) => {
      const opened = new Map<string, Uint8Array>();
      return {
        hpke: {
          ...part,
          async open(key, enc, info, aad, ciphertext) {
            const by = enc.join();
            const plaintext = opened.get(by) ?? (await part.open(key, enc, info, aad, ciphertext));
            opened.set(by, plaintext);
            return plaintext.slice();
          },
        },
      };
    },
  ),
  fault(
    "remembers a shared secret by the private key",
    3,
    "hpke: what was sealed or opened before changes nothing",
    (s) => {
      const points = new WeakMap<object, Uint8Array>();
      return over(s, ({ dh, generateKeyPair }) => ({
        async dh(privateKey, publicKey) {
          const kept = points.get(privateKey as object);
          if (kept) return kept.slice();
          const point = await dh(privateKey, publicKey);
          points.set(privateKey as object, point.slice());
          return point;
        },
        generateKeyPair,
      }));
    },
  ),
  stripped(1, "begin"),
  stripped(1, "end"),
  stripped(2, "begin"),
  stripped(4, "end"),
  stripped(5, "begin"),
  stripped(7, "begin"),
];
