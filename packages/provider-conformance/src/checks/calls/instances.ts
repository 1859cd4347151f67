// RFC 9420 §5.1: what one instance of a provider, or one of its suites, makes of the random bytes and keys of another.
import type {
  Awaitable,
  CipherSuiteProvider,
  CryptoProvider,
  HpkePrivateKey,
  SignaturePrivateKey,
} from "@copse/core/provider";
import { fail, type SuiteChecks, skip } from "../../check.js";
import {
  ascii,
  EMPTY,
  equal,
  errorOf,
  is,
  isCryptoError,
  range,
  refuses,
  toHex,
  unless,
} from "../../tools/assert.js";
import type { Watch } from "../../watch.js";

/** What the checks need beside the suite itself. */
interface Others {
  readonly second?: CryptoProvider;
  readonly make?: () => Awaitable<CryptoProvider>;
}

const [info, aad, plaintext] = [ascii("info"), ascii("aad"), ascii("plaintext")];

/** Claims that a handle of another suite or provider is refused, or is as good as it was there. */
async function foreignHpkeKey(ours: CipherSuiteProvider, theirs: CipherSuiteProvider, whose: string) {
  const { publicKey, privateKey } = await theirs.hpke.generateKeyPair();
  // What was made here last must not take its place.
  const own = await ours.hpke.generateKeyPair();
  const isSame = ours.suite.kem.id === theirs.suite.kem.id;
  const target = isSame ? publicKey : own.publicKey;
  const { kemOutput, ciphertext } = await ours.hpke.seal(target, info, aad, plaintext);
  const calls: Readonly<Record<string, (key: HpkePrivateKey) => Awaitable<Uint8Array>>> = {
    "hpke.open": (key) => ours.hpke.open(key, kemOutput, info, aad, ciphertext),
    "hpke.receiveExport": (key) => ours.hpke.receiveExport(key, kemOutput, info, aad, 16),
    "hpke.exportPrivateKey": (key) => ours.hpke.exportPrivateKey(key),
  };
  for (const [what, call] of Object.entries(calls)) {
    const name = `${what} with a key of ${whose}`;
    if (!isSame) {
      await refuses(name, () => call(privateKey));
      continue;
    }
    const answer = await refusedOr(name, () => call(privateKey));
    if (what === "hpke.open" && answer) equal(answer, plaintext, `what ${name} gives`);
    if (what !== "hpke.exportPrivateKey" || answer === undefined) continue;
    const right = await unless("key-not-extractable", () => theirs.hpke.exportPrivateKey(privateKey));
    if (right) equal(answer, right, `what ${name} gives`);
  }
}

async function foreignSignatureKey(ours: CipherSuiteProvider, theirs: CipherSuiteProvider, whose: string) {
  const { publicKey, privateKey } = await theirs.signature.generateKeyPair();
  await ours.signature.generateKeyPair();
  const isSame = ours.suite.signature.id === theirs.suite.signature.id;
  const name = `signature.sign with a key of ${whose}`;
  const sign = (key: SignaturePrivateKey) => ours.signature.sign(key, plaintext);
  if (!isSame) {
    await refuses(name, () => sign(privateKey));
    await refuses(`signature.exportPrivateKey of a key of ${whose}`, () =>
      ours.signature.exportPrivateKey(privateKey),
    );
    return;
  }
  const value = await refusedOr(name, () => sign(privateKey));
  if (value) is(await ours.signature.verify(publicKey, plaintext, value), true, `the answer to ${name}`);
}

/** What a call answers; `undefined` if it ends with a CryptoError, or with the refusal to export. */
async function refusedOr<T>(what: string, call: () => Awaitable<T>): Promise<T | undefined> {
  let answer: T | undefined;
  const error = await errorOf(async () => {
    answer = await unless("key-not-extractable", async () => call());
  });
  if (error !== undefined && !isCryptoError(error)) fail(`${what}: not a CryptoError, but ${String(error)}`);
  return answer;
}

/** The first bytes and keys of an instance. */
async function firsts(suite: CipherSuiteProvider): Promise<string[]> {
  const made = range(1, 4).map(() => toHex(suite.random(16)));
  const pair = await suite.hpke.generateKeyPair();
  made.push(toHex(pair.publicKey), toHex((await suite.signature.generateKeyPair()).publicKey));
  made.push(toHex((await suite.hpke.seal(pair.publicKey, EMPTY, EMPTY, EMPTY)).kemOutput));
  return made;
}

/** The checks that hold a suite against others of its provider, other instances of it, and a second provider. */
export function instanceChecks({ second, make }: Others, provider?: CryptoProvider): SuiteChecks {
  const others = (of: CryptoProvider, own: number, watch: Watch): CipherSuiteProvider[] =>
    of.suites.filter(({ id }) => id !== own).map(({ id }) => watch.suite(of.suite(id)));

  async function another(id: number, watch: Watch): Promise<CipherSuiteProvider> {
    if (make === undefined) return skip("the option `make` isn't given");
    const instance = await make();
    return watch.suite(instance.suite(id));
  }

  return {
    "instances: each has random bytes and keys of its own": async ({ suite }, watch) => {
      const seen = new Map<string, number>();
      for (const instance of [1, 2, 3]) {
        for (const value of await firsts(await another(suite.id, watch))) {
          const before = seen.get(value);
          if (before !== undefined) fail(`instance ${instance} makes what instance ${before} made: ${value}`);
          seen.set(value, instance);
        }
      }
    },

    "handles: a key of another instance is refused, or works": async (suite, watch) => {
      const theirs = await another(suite.suite.id, watch);
      await foreignHpkeKey(suite, theirs, "another instance");
      await foreignSignatureKey(suite, theirs, "another instance");
    },

    "handles: a key of another suite is refused, or works if the algorithm is the same": async (
      suite,
      watch,
    ) => {
      if (provider === undefined) return skip("there is no provider with other suites");
      for (const theirs of others(provider, suite.suite.id, watch)) {
        const whose = `suite ${theirs.suite.id}`;
        await foreignHpkeKey(suite, theirs, whose);
        await foreignSignatureKey(suite, theirs, whose);
      }
    },

    "handles: a key of another provider is refused, or works if the algorithm is the same": async (
      suite,
      watch,
    ) => {
      if (second === undefined) return skip("the option `second` isn't given");
      const all = [...others(second, -1, watch)];
      for (const theirs of all) {
        const whose = `suite ${theirs.suite.id} of another provider`;
        await foreignHpkeKey(suite, theirs, whose);
        await foreignSignatureKey(suite, theirs, whose);
      }
    },
  };
}
