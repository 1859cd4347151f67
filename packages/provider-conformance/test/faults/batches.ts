// RFC 9420 §5.1: faults in batches.
import type { HashPart, HpkePart, KdfPart, SignaturePart } from "@copse/core/provider";
import { type Fault, fault, toHex } from "./fault.js";

const HASHES = "hash: hashAll agrees with hash";
const OUTPUTS = "kdf: expandAll agrees with expand";
const SEALED = "hpke: sealAll seals each of 1 to 1,000 as it should";
const SMALL = "signature: verifyAll finds a wrong one at each place of a small batch";
const ENDS = "signature: verifyAll finds a wrong one at the ends of batches to 999";
const THOUSAND = "signature: verifyAll answers rightly at each place of a batch of 1,000";

type HashAll = NonNullable<HashPart["hashAll"]>;
type ExpandAll = NonNullable<KdfPart["expandAll"]>;
type SealAll = NonNullable<HpkePart["sealAll"]>;
type VerifyAll = NonNullable<SignaturePart["verifyAll"]>;

const hashAll = (what: string, make: (all: HashAll) => HashAll): Fault =>
  fault(what, 1, HASHES, ({ hash }) => ({
    hash: { ...hash, hashAll: make((data) => Promise.all(data.map((one) => hash.hash(one)))) },
  }));

const expandAll = (what: string, make: (all: ExpandAll) => ExpandAll): Fault =>
  fault(what, 1, OUTPUTS, ({ kdf }) => ({
    kdf: {
      ...kdf,
      expandAll: make((prk, all) =>
        Promise.all(all.map(({ info, length }) => kdf.expand(prk, info, length))),
      ),
    },
  }));

const sealAll = (what: string, caughtBy: string, make: (all: SealAll) => SealAll): Fault =>
  fault(what, 1, caughtBy, ({ hpke }) => ({
    hpke: {
      ...hpke,
      sealAll: make((all) =>
        Promise.all(all.map((one) => hpke.seal(one.publicKey, one.info, one.aad, one.plaintext))),
      ),
    },
  }));

const verifyAll = (what: string, caughtBy: string, make: (all: VerifyAll) => VerifyAll): Fault =>
  fault(what, 1, caughtBy, ({ signature }) => ({
    signature: {
      ...signature,
      verifyAll: make((all) => {
        const answers = all.map((one) => signature.verify(one.publicKey, one.message, one.signature));
        return Promise.all(answers);
      }),
    },
  }));

/** Right up to so many. */
const believes = (size: number): Fault =>
  verifyAll(
    `believes all after the first ${size}`,
    size < 1000 ? ENDS : THOUSAND,
    (all) => async (requests) => [
      ...(await all(requests.slice(0, size))),
      ...requests.slice(size).map(() => true),
    ],
  );

const HASHED: readonly Fault[] = [
  hashAll("hashes many in the wrong order", (all) => (data) => all([...data].reverse())),
  hashAll("hashes the first 64 of many", (all) => async (data) => {
    const digests = await all(data.slice(0, 64));
    return data.map((_, i) => digests[i % 64] as Uint8Array);
  }),
  hashAll(
    "forgets the last of an odd number",
    (all) => (data) => all(data.length > 1 ? data.slice(0, data.length & ~1) : data),
  ),
  hashAll("hashes data of one length alike", (all) => async (data) => {
    const digests = await all(data);
    return data.map((one) => digests[data.findIndex(({ length }) => length === one.length)] as Uint8Array);
  }),
  hashAll("exchanges two of 256 digests", (all) => async (data) => {
    const digests = await all(data);
    if (digests.length >= 256) [digests[254], digests[255]] = [digests[255]!, digests[254]!];
    return digests;
  }),
];

const EXPANDED: readonly Fault[] = [
  expandAll("expands many in the wrong order", (all) => (prk, requests) => all(prk, [...requests].reverse())),
  expandAll(
    "expands all to the first length",
    (all) => (prk, requests) =>
      all(
        prk,
        requests.map(({ info }) => ({ info, length: requests[0]!.length })),
      ),
  ),
  expandAll("expands the first 32 of many", (all) => async (prk, requests) => {
    const outputs = await all(prk, requests.slice(0, 32));
    return requests.map((_, i) => outputs[i % 32] as Uint8Array);
  }),
  expandAll(
    "expands more than 128 with the first info",
    (all) => (prk, requests) =>
      all(
        prk,
        requests.map(({ info, length }, i) => ({ info: i < 128 ? info : requests[0]!.info, length })),
      ),
  ),
  expandAll("expands infos that begin alike to the same", (all) => (prk, requests) => {
    const seen = new Map<string, Uint8Array>();
    return all(
      prk,
      requests.map(({ info, length }) => {
        const by = toHex(info.slice(0, 16));
        if (!seen.has(by)) seen.set(by, info);
        return { info: seen.get(by)!, length };
      }),
    );
  }),
];

const SEALS: readonly Fault[] = [
  sealAll(
    "seals many in the wrong order",
    "hpke: sealAll agrees with seal",
    (all) => async (requests) => (await all(requests)).reverse(),
  ),
  sealAll(
    "seals all with the first info",
    SEALED,
    (all) => (requests) => all(requests.map((one) => ({ ...one, info: requests[0]!.info }))),
  ),
  sealAll("takes infos for the same that begin with the same 64 bytes", SEALED, (all) => (requests) => {
    const seen = new Map<string, Uint8Array>();
    return all(
      requests.map((one) => {
        const by = toHex(one.info.slice(0, 64));
        if (!seen.has(by)) seen.set(by, one.info);
        return { ...one, info: seen.get(by)! };
      }),
    );
  }),
  sealAll("seals after 64 what it sealed before", SEALED, (all) => async (requests) => {
    const sealed = await all(requests.slice(0, 64));
    return requests.map((_, i) => sealed[i % 64]!);
  }),
  sealAll(
    "seals the last of 100 with its neighbour's data",
    SEALED,
    (all) => (requests) =>
      all(requests.map((one, i) => (i === 99 ? { ...one, aad: requests[98]!.aad } : one))),
  ),
  sealAll("leaves out the requests after 512", SEALED, (all) => (requests) => all(requests.slice(0, 512))),
  sealAll(
    "leaves bad keys out",
    "hpke: sealAll refuses a bad key at each place",
    (all) => (requests) => all(requests.filter(({ publicKey }) => publicKey.length === 32)),
  ),
  sealAll(
    "looks at the first 100 keys",
    "hpke: sealAll refuses a bad key at each place",
    (all) => (requests) =>
      all(requests.map((one, i) => (i < 100 ? one : { ...one, publicKey: requests[0]!.publicKey }))),
  ),
];

export const BATCHES: readonly Fault[] = [
  ...HASHED,
  ...EXPANDED,
  ...SEALS,
  ...[16, 32, 64, 100, 128, 256, 512].map(believes),
  verifyAll(
    "believes none after 500",
    ENDS,
    (all) => async (requests) => (await all(requests)).map((answer, i) => i < 500 && answer),
  ),
  verifyAll(
    "answers 63 of 64",
    ENDS,
    (all) => (requests) => all(requests.length === 64 ? requests.slice(0, 63) : requests),
  ),
  verifyAll(
    "believes the signature at 777",
    THOUSAND,
    (all) => async (requests) => (await all(requests)).map((answer, i) => answer || i === 777),
  ),
  verifyAll(
    "never believes the signature at 999",
    THOUSAND,
    (all) => async (requests) => (await all(requests)).map((answer, i) => answer && i !== 999),
  ),
  verifyAll("exchanges the answers at 300 and 301", THOUSAND, (all) => async (requests) => {
    const answers = await all(requests);
    if (answers.length > 301) [answers[300], answers[301]] = [answers[301]!, answers[300]!];
    return answers;
  }),
  verifyAll(
    "believes all of a batch if it believes the first",
    "signature: verifyAll agrees with verify",
    (all) => async (requests) => {
      const [fits = false] = await all(requests.slice(0, 1));
      return requests.map(() => fits);
    },
  ),
  verifyAll("believes all of a batch if it believes the last", SMALL, (all) => async (requests) => {
    const [fits = false] = await all(requests.slice(-1));
    return requests.map(() => fits);
  }),
  verifyAll("stops at the first wrong signature", SMALL, (all) => async (requests) => {
    const answers = await all(requests);
    const first = answers.indexOf(false);
    return answers.map((answer, i) => answer && (first < 0 || i < first));
  }),
  verifyAll("believes all or none", SMALL, (all) => async (requests) => {
    const fits = (await all(requests)).every(Boolean);
    return requests.map(() => fits);
  }),
  verifyAll("verifies once for each key of a batch", SMALL, (all) => async (requests) => {
    const answers = await all(requests);
    const keys = requests.map(({ publicKey }) => toHex(publicKey));
    return keys.map((key) => answers[keys.indexOf(key)] as boolean);
  }),
  verifyAll("verifies once for each signature of a batch", SMALL, (all) => async (requests) => {
    const answers = await all(requests);
    const values = requests.map(({ signature }) => toHex(signature));
    return values.map((value) => answers[values.indexOf(value)] as boolean);
  }),
];
