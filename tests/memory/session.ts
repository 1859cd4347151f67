// RFC 9420 §9.2, §16.2: a session whose secrets are over in the end, and a search of the process's memory for them.
// It runs in a process of its own, bundled: `node --expose-gc session.mjs <provider>`.
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import {
  Client,
  type CryptoProvider,
  generateSigner,
  type HpkePrivateKey,
  insecureAcceptAll,
} from "@copse/core";
import { nobleProvider } from "@copse/provider-noble";
import { nodeProvider } from "@copse/provider-node";

const SUITE = Number(process.argv[3] ?? 1);
const MASK = 0xa5;

/** What is searched for: never in memory itself, but each byte of it XORed with {@link MASK}. */
class Needles {
  readonly masked: { readonly what: string; readonly bytes: Buffer }[] = [];
  recording = true;

  add(what: string, secret: Uint8Array): void {
    if (!this.recording || secret.length < 16) return;
    const bytes = Buffer.allocUnsafeSlow(secret.length);
    for (let i = 0; i < secret.length; i++) bytes[i] = (secret[i] as number) ^ MASK;
    this.masked.push({ what, bytes });
  }

  /** Where the secrets are in this process's memory: how many places of each kind. */
  find(): Record<string, number> {
    const byStart = new Map<number, { readonly what: string; readonly bytes: Buffer }[]>();
    for (const needle of this.masked) {
      const start = needle.bytes.readUInt16LE(0);
      byStart.set(start, [...(byStart.get(start) ?? []), needle]);
    }
    const starts = new Uint8Array(1 << 16);
    for (const start of byStart.keys()) starts[start] = 1;
    const longest = Math.max(...this.masked.map(({ bytes }) => bytes.length));
    const size = 1 << 22;
    const chunk = Buffer.allocUnsafeSlow(size + longest);
    const found: Record<string, number> = {};
    const memory = openSync("/proc/self/mem", "r");
    for (const line of readFileSync("/proc/self/maps", "latin1").split("\n")) {
      const [, from, to] = /^([\da-f]+)-([\da-f]+) rw/.exec(line) ?? [];
      if (from === undefined || to === undefined) continue;
      const end = Number.parseInt(to, 16);
      for (let at = Number.parseInt(from, 16); at < end; at += size) {
        let got = 0;
        try {
          got = readSync(memory, chunk, 0, Math.min(size + longest, end - at), at);
        } catch {
          continue; // such as the kernel's own pages
        }
        for (let i = 0; i < got; i++) chunk[i] = (chunk[i] as number) ^ MASK;
        for (let i = 0; i + 1 < got && i < size; i++) {
          const start = (chunk[i] as number) | ((chunk[i + 1] as number) << 8);
          if (starts[start] === 0) continue;
          for (const { what, bytes } of byStart.get(start) ?? []) {
            if (bytes.compare(chunk, i, Math.min(got, i + bytes.length)) === 0)
              found[what] = (found[what] ?? 0) + 1;
          }
        }
      }
    }
    closeSync(memory);
    chunk.fill(0);
    return found;
  }
}

/** The provider, whose secrets are noted as they come by. */
function watched(inner: CryptoProvider, needles: Needles): CryptoProvider {
  const suite = inner.suite(SUITE);
  const { kdf, aead, hpke } = suite;
  const exported = async (what: string, key: HpkePrivateKey) => {
    const bytes = await hpke.exportPrivateKey(key);
    needles.add(what, bytes);
    bytes.fill(0);
  };
  const labelOf = (info: Uint8Array) => {
    let label = "";
    for (let i = 11; i < 3 + (info[2] as number); i++) label += String.fromCharCode(info[i] as number);
    return label;
  };
  const served = {
    ...suite,
    kdf: {
      ...kdf,
      async expand(prk: Uint8Array, info: Uint8Array, length: number) {
        const output = await kdf.expand(prk, info, length);
        needles.add(`${labelOf(info)} secret`, output);
        return output;
      },
      async expandAll(prk: Uint8Array, requests: Parameters<NonNullable<typeof kdf.expandAll>>[1]) {
        const outputs = await kdf.expandAll?.(prk, requests);
        for (const [i, { info }] of requests.entries())
          needles.add(`${labelOf(info)} secret`, outputs?.[i] as Uint8Array);
        return outputs as Uint8Array[];
      },
    },
    aead: {
      ...aead,
      seal(...args: Parameters<typeof aead.seal>) {
        needles.add("message key", args[0]);
        return aead.seal(...args);
      },
      open(...args: Parameters<typeof aead.open>) {
        needles.add("message key", args[0]);
        return aead.open(...args);
      },
    },
    hpke: {
      ...hpke,
      async generateKeyPair() {
        const pair = await hpke.generateKeyPair();
        await exported("init or leaf key", pair.privateKey);
        return pair;
      },
      async deriveKeyPair(ikm: Uint8Array) {
        const pair = await hpke.deriveKeyPair(ikm);
        await exported("node key", pair.privateKey);
        return pair;
      },
    },
  };
  return { ...inner, suite: () => served };
}

async function session(inner: CryptoProvider, needles: Needles): Promise<void> {
  const crypto = watched(inner, needles);
  const policy = { maxPastEpochs: 0 };
  const clientOf = async (credential: string) =>
    Client.create({
      crypto,
      suite: SUITE,
      credential,
      authentication: insecureAcceptAll(),
      policy,
      signer: await generateSigner(inner, SUITE),
    });
  const [alice, bob] = [await clientOf("alice"), await clientOf("bob")];
  const a = await alice.createGroup();
  const { welcome } = await a.add(await bob.createKeyPackage());
  await a.mergePendingCommit();
  const b = await bob.join(welcome as Uint8Array);
  for (let round = 0; round < 5; round++) {
    const sent = [];
    for (let i = 0; i < 20; i++) sent.push(await a.encrypt(`message ${i}`));
    // Out of their order, so that keys are kept and used later.
    for (const message of sent.reverse()) await b.receive(message);
    await a.receive(await b.encrypt("an answer"));
    const [from, to] = round % 2 === 0 ? [a, b] : [b, a];
    const { commit } = await from.update();
    await to.receive(commit);
    await from.mergePendingCommit();
  }
  // The secrets of the last epoch are needed, and those that come from here on.
  needles.recording = false;
  const { commit } = await a.update();
  await b.receive(commit);
  await a.mergePendingCommit();
  await a.receive(await b.encrypt("the last one"));
  for (const group of [a, b]) await group.close();
}

const PROVIDERS: Readonly<Record<string, () => CryptoProvider | Promise<CryptoProvider>>> = {
  node: nodeProvider,
  noble: nobleProvider,
  libsodium: async () =>
    (await import("@copse/provider-libsodium")).libsodiumProvider({ aes: nodeProvider().suite(SUITE).aead }),
  webcrypto: async () => (await import("@copse/provider-webcrypto")).webCryptoProvider({ extractable: true }),
};

const needles = new Needles();
const make = PROVIDERS[process.argv[2] as string];
if (make === undefined) throw new Error(`expected one of ${Object.keys(PROVIDERS).join(", ")}`);
await session(await make(), needles);
const collect = (globalThis as { gc?: () => void }).gc;
for (let i = 0; i < 5; i++) {
  collect?.();
  await new Promise((resolve) => setTimeout(resolve, 10));
}
process.stdout.write(JSON.stringify({ searched: needles.masked.length, found: needles.find() }));
