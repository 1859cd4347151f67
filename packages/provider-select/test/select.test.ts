// RFC 9420 §5.1: the choice among providers, by what each does here and not by its name.
import {
  type CipherSuiteProvider,
  CryptoError,
  type CryptoProvider,
  UnsupportedError,
} from "@copse/core/provider";
import { libsodiumProvider } from "@copse/provider-libsodium";
import { nobleProvider } from "@copse/provider-noble";
import { nodeProvider } from "@copse/provider-node";
import {
  NoProviderError,
  type ProviderCandidate,
  type SelectionOptions,
  selectProvider,
} from "@copse/provider-select";
import { webCryptoProvider } from "@copse/provider-webcrypto";
import { describe, expect, it } from "vitest";
import { candidate, choose, closed, inner, outcomes } from "./support.js";

const usage = expect.objectContaining({ code: "usage" });

/** As JSON, to 6 digits: rounds are scaled. */
const rounded = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value), (_, one) => (typeof one === "number" ? Number(one.toPrecision(6)) : one));

describe("selectProvider", () => {
  it("takes the first that works, and loads none after it", async () => {
    const [a, b] = [candidate("a"), candidate("b")];
    const selection = await choose([a, b]);
    expect(selection.candidate).toBe("a");
    expect(selection.provider.name).toBe("a");
    expect(selection.verdicts).toEqual([
      { candidate: "a", outcome: "chosen" },
      { candidate: "b", outcome: "not-tried" },
    ]);
    expect(selection.explanation).toBe("a for suite 1 (first that works)\n- a: chosen\n- b: not tried");
    expect([a.loads, b.loads]).toEqual([1, 0]);
  });

  it("says of each that it refuses what is wrong with it", async () => {
    const flip = (bytes: Uint8Array) => {
      const copy = bytes.slice();
      copy[0] = (copy[0] as number) ^ 1;
      return copy;
    };
    const broken: readonly [string, Partial<CipherSuiteProvider>, RegExp][] = [
      ["random", { random: (n) => new Uint8Array(n) }, /repeats itself/],
      ["random", { random: () => new Uint8Array(1) }, /number of bytes/],
      ["hash", { hash: { ...inner.hash, hash: () => new Uint8Array(3) } }, /wrong size/],
      ["kdf", { kdf: { ...inner.kdf, extract: (salt, ikm) => inner.kdf.extract(ikm, salt) } }, /HKDF/],
      [
        "aead",
        { aead: { ...inner.aead, open: (_, __, ___, ciphertext) => ciphertext.slice(0, -16) } },
        /opening gives another plaintext/,
      ],
      [
        "hpke",
        {
          hpke: {
            ...inner.hpke,
            seal: async (key, info, _, plaintext) => inner.hpke.seal(key, info, new Uint8Array(), plaintext),
            open: (key, sent, info, _, sealed) => inner.hpke.open(key, sent, info, new Uint8Array(), sealed),
          },
        },
        /another aad/,
      ],
      [
        "hpke",
        { hpke: { ...inner.hpke, deriveKeyPair: () => inner.hpke.generateKeyPair() } },
        /the same twice/,
      ],
      ["signature", { signature: { ...inner.signature, verify: () => true } }, /another message is taken/],
      [
        "signature",
        {
          signature: {
            ...inner.signature,
            sign: async (key, message) => flip(await inner.signature.sign(key, message)),
          },
        },
        /good signature is refused/,
      ],
      [
        "signature",
        { signature: { ...inner.signature, sign: () => Promise.reject(new TypeError("no such key")) } },
        /no such key/,
      ],
    ];
    const candidates = broken.map(([, parts], i) => candidate(`broken ${i}`, parts));
    const { verdicts, explanation, candidate: chosen } = await choose([...candidates, candidate("works")]);
    expect(chosen).toBe("works");
    for (const [i, [step, , detail]] of broken.entries()) {
      expect(verdicts[i], `broken ${i}`).toEqual({
        candidate: `broken ${i}`,
        outcome: "refused",
        refusal: { code: "broken", suite: 1, step, detail: expect.stringMatching(detail) },
      });
    }
    expect(explanation).toContain(
      "- broken 2: refused, broken, suite 1, hash: a digest has the wrong size\n",
    );
  });

  it("refuses an AEAD that doesn't check its tag, or fails with another error than it should", async () => {
    const open = (...[key, nonce, aad, sealed]: Parameters<typeof inner.aead.open>) => {
      try {
        return inner.aead.open(key, nonce, aad, sealed);
      } catch {
        return new Uint8Array(sealed.length - 16);
      }
    };
    const raw = (...[key, nonce, aad, sealed]: Parameters<typeof inner.aead.open>) => {
      try {
        return inner.aead.open(key, nonce, aad, sealed);
      } catch {
        throw new TypeError("bad decrypt");
      }
    };
    const { verdicts } = await choose([
      candidate("unchecked", { aead: { ...inner.aead, open } }),
      candidate("raw", { aead: { ...inner.aead, open: raw } }),
      candidate("works"),
    ]);
    expect(verdicts.map(({ refusal }) => refusal?.detail)).toEqual([
      "a changed ciphertext is opened",
      "bad input: expected a CryptoError, got: bad decrypt",
      undefined,
    ]);
  });

  it("refuses what can't be loaded, and what lacks one of the suites", async () => {
    const failing = candidate("failing", { load: () => Promise.reject(new Error("no such module")) });
    const throwing = candidate("throwing", {
      load: () => {
        throw "no WASM";
      },
    });
    const both = candidate("both", { load: nodeProvider });
    const { verdicts } = await choose([failing, throwing, candidate("one"), both], undefined, {
      suites: [1, 2],
    });
    expect(verdicts).toEqual([
      { candidate: "failing", outcome: "refused", refusal: { code: "load", detail: "no such module" } },
      { candidate: "throwing", outcome: "refused", refusal: { code: "load", detail: "no WASM" } },
      {
        candidate: "one",
        outcome: "refused",
        refusal: { code: "suite-missing", suite: 2, detail: "one does not serve cipher suite 2" },
      },
      { candidate: "both", outcome: "chosen" },
    ]);
  });

  it("native-only: refuses candidates that don't declare it, without loading them", async () => {
    const wasm = candidate("wasm", { native: false });
    const silent = candidate("silent");
    const native = candidate("native", { native: true });
    expect(await outcomes([wasm, silent, native], "native-only")).toEqual([
      "not-native",
      "not-native",
      "chosen",
    ]);
    expect([wasm.loads, silent.loads]).toEqual([0, 0]);
  });

  it("non-extractable: finds by trying who gives private keys away", async () => {
    const half = { hpke: closed.hpke };
    const confused = {
      ...closed,
      signature: {
        ...inner.signature,
        exportPrivateKey: () => {
          throw new CryptoError("what?");
        },
      },
    };
    const candidates = [
      candidate("open"),
      candidate("half", half),
      candidate("confused", confused),
      candidate("closed", closed),
    ];
    const { verdicts } = await choose(candidates, "non-extractable");
    expect(verdicts.map(({ refusal }) => refusal?.detail)).toEqual([
      "the bytes of a generated HPKE key are exported",
      "the bytes of a signature key are exported",
      "asked for the bytes of a signature key: what?",
      undefined,
    ]);
    expect(verdicts[1]).toMatchObject({ refusal: { code: "extractable", suite: 1 } });
    const derived = {
      ...closed,
      hpke: {
        ...inner.hpke,
        generateKeyPair: () => ({ publicKey: new Uint8Array(32), privateKey: {} as never }),
      },
    };
    expect(
      await outcomes([candidate("derived", derived), candidate("closed", closed)], "non-extractable"),
    ).toEqual(["broken", "chosen"]);
  });

  it("smallest: tries by size, and loads no larger one", async () => {
    const [large, small, broken, silent] = [
      candidate("large", { bytes: 900 }),
      candidate("small", { bytes: 30 }),
      candidate("broken", { bytes: 2, random: () => new Uint8Array() }),
      candidate("silent"),
    ];
    const { verdicts, explanation } = await choose([large, small, broken, silent], "smallest");
    expect(verdicts.map(({ outcome, refusal, bytes }) => [refusal?.code ?? outcome, bytes])).toEqual([
      ["not-tried", 900],
      ["chosen", 30],
      ["broken", 2],
      ["size-unknown", undefined],
    ]);
    expect([large.loads, small.loads, silent.loads]).toEqual([0, 1, 0]);
    expect(explanation).toContain("- small: chosen (30 bytes)");
  });

  it("fastest: measures, and takes the measurements of another time back as JSON", async () => {
    // A clock that moves only in the slow one's hash.
    let now = 0;
    const taking = (time: number) => ({
      hash: {
        ...inner.hash,
        hash: (data: Uint8Array) => {
          now += time;
          return inner.hash.hash(data);
        },
      },
    });
    const slow = candidate("slow", taking(50));
    const quick = candidate("quick", taking(2));
    const broken = candidate("broken", { random: () => new Uint8Array() });
    const clock = () => now;
    const first = await choose([slow, broken, quick], "fastest", { clock });
    expect(first.candidate).toBe("quick");
    const exactly = (time: number) => ({ median: time, low: time, high: time });
    expect(rounded(first.measurements)).toEqual({ slow: { 1: exactly(50) }, quick: { 1: exactly(2) } });
    expect(
      rounded(first.verdicts.map((v) => [v.candidate, v.refusal?.code ?? v.outcome, v.milliseconds])),
    ).toEqual([
      ["slow", "passed", 50],
      ["broken", "broken", null],
      ["quick", "chosen", 2],
    ]);
    expect(first.explanation).toContain("- slow: works too (50.00 ms a round)");

    // From the cache the slow one isn't even loaded.
    const cache: unknown = JSON.parse(JSON.stringify(first.measurements));
    const [loadsOfSlow, measuredAt] = [slow.loads, now];
    const second = await choose([slow, quick], "fastest", { clock, cache });
    expect(second.candidate).toBe("quick");
    expect(second.measurements).toEqual(first.measurements);
    expect(slow.loads).toBe(loadsOfSlow);
    // The probe hashes twice; nothing was measured.
    expect(now - measuredAt).toBe(4);

    // What was fast once is still tried before it is taken.
    const gone = candidate("quick", { load: () => Promise.reject(new Error("gone")) });
    expect(await outcomes([slow, gone], "fastest", { clock, cache })).toEqual(["chosen", "load"]);
  });

  it("measures again what a cache doesn't have, or has in another shape", async () => {
    const one = candidate("one");
    const clock = () => 0;
    for (const cache of [
      null,
      7,
      "text",
      [],
      { one: 3 },
      { one: { 1: 5 } },
      { one: { 1: { median: 1, low: 1, high: "2" } } },
      { one: { 1: { median: -1, low: 1, high: 2 } } },
      { one: { 1: { median: 1, low: Number.NaN, high: 2 } } },
      { one: { 2: { median: 1, low: 1, high: 2 } } },
    ]) {
      const { measurements } = await choose([one], "fastest", { clock, cache });
      expect(measurements.one?.[1]?.median, JSON.stringify(cache)).toBe(0);
    }
    const proto: unknown = JSON.parse('{"__proto__": {"1": {"median": 5, "low": 5, "high": 5}}}');
    const { measurements } = await choose([one], "fastest", { clock, cache: proto });
    expect(measurements.one?.[1]?.median).toBe(0);
    expect(({} as { 1?: unknown })[1]).toBeUndefined();
  });

  it("applies several policies together", async () => {
    const candidates = [
      candidate("native", { native: true, bytes: 10 }),
      candidate("library", { ...closed, bytes: 1 }),
      candidate("large token", { ...closed, native: true, bytes: 200 }),
      candidate("small token", { ...closed, native: true, bytes: 100 }),
    ];
    expect(await outcomes(candidates, ["native-only", "non-extractable", "smallest"])).toEqual([
      "extractable",
      "not-native",
      "not-tried",
      "chosen",
    ]);
  });

  it("fails with every reason where none will do", async () => {
    const error = await choose(
      [candidate("a"), candidate("b", { native: true })],
      ["native-only", "non-extractable"],
    ).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(NoProviderError);
    expect(error).toBeInstanceOf(UnsupportedError);
    const { message, verdicts } = error as NoProviderError;
    expect(message).toBe(
      "no provider for suite 1 (native-only, non-extractable)\n" +
        "- a: refused, not-native: it doesn't declare to be native\n" +
        "- b: refused, extractable, suite 1: the bytes of a generated HPKE key are exported",
    );
    expect(verdicts.map(({ outcome }) => outcome)).toEqual(["refused", "refused"]);
  });

  it("refuses options that make no sense", async () => {
    const [a] = [candidate("a")];
    await expect(choose([])).rejects.toEqual(usage);
    await expect(choose([a], undefined, { suites: [] })).rejects.toEqual(usage);
    await expect(selectProvider({ candidates: [a] } as unknown as SelectionOptions)).rejects.toEqual(usage);
    await expect(selectProvider({ suites: [1] } as unknown as SelectionOptions)).rejects.toEqual(usage);
    await expect(choose([a, candidate("a")])).rejects.toEqual(usage);
    await expect(choose([a], ["smallest", "fastest"])).rejects.toEqual(usage);
    await expect(choose([a], "best" as "fastest")).rejects.toEqual(usage);
    expect(a.loads).toBe(0);
  });

  it("chooses among the providers that there are", async () => {
    const candidates: readonly ProviderCandidate[] = [
      { name: "noble", native: false, bytes: 90_000, load: () => nobleProvider() },
      {
        name: "libsodium",
        native: false,
        bytes: 300_000,
        load: (): Promise<CryptoProvider> => libsodiumProvider(),
      },
      { name: "node", native: true, bytes: 0, load: nodeProvider },
      { name: "webcrypto", native: true, bytes: 20_000, load: () => webCryptoProvider() },
    ];
    const by = async (policy: SelectionOptions["policy"], suites: readonly number[]) =>
      (await choose(candidates, policy, { suites })).candidate;
    expect(await by("native-only", [4, 6])).toBe("node");
    expect(await by("non-extractable", [1, 2])).toBe("webcrypto");
    expect(await by("smallest", [1])).toBe("node");
    const { measurements, verdicts, tied, candidate } = await choose(candidates, "fastest", { suites: [3] });
    expect(Object.keys(measurements)).toEqual(["noble", "libsodium", "node", "webcrypto"]);
    expect(verdicts.filter(({ outcome }) => outcome === "passed")).toHaveLength(3);
    const best = verdicts.reduce((a, b) => ((a.milliseconds as number) < (b.milliseconds as number) ? a : b));
    expect(tied.length === 0 ? [candidate] : tied).toContain(best.candidate);
    // libsodium has no X448, and no AES of its own.
    const refused = await choose(candidates.slice(1), undefined, { suites: [4] });
    expect(refused.verdicts[0]?.refusal).toMatchObject({ code: "suite-missing", suite: 4 });
  });
});
