// RFC 9420 §5.1: what is tried before a provider is chosen: known answers, time limits, policies of one's own.
import { type CipherSuiteProvider, type CryptoProvider, concat } from "@copse/core/provider";
import { hkdf } from "@copse/provider-kit";
import { nodeProvider } from "@copse/provider-node";
import { type Refusal, selectProvider } from "@copse/provider-select";
import { vectorProviders } from "@copse/test-support/providers";
import { describe, expect, it, test } from "vitest";
import { candidate, choose, closed, inner, outcomes } from "./support.js";

const usage = expect.objectContaining({ code: "usage" });
const never = () => new Promise<never>(() => undefined);
const more = (bytes: Uint8Array) => concat(bytes, Uint8Array.of(0));

describe("known answers", async () => {
  for (const provider of await vectorProviders()) {
    test.each(provider.suites.map(({ id }) => id))(`are those of ${provider.name}, suite %i`, async (id) => {
      const candidates = [{ name: "one", load: () => provider }];
      expect((await selectProvider({ suites: [id], candidates })).candidate).toBe("one");
    });
  }

  /** Each agrees with itself in all that it does, and with nobody else. */
  const wrong: readonly [step: string, Partial<CipherSuiteProvider>, detail: RegExp][] = [
    ["hash", { hash: { ...inner.hash, hash: (data) => inner.hash.hash(more(data)) } }, /digest of a known/],
    (() => {
      const hash = { ...inner.hash, mac: (k: Uint8Array, d: Uint8Array) => inner.hash.mac(k, more(d)) };
      return ["hash", { hash, kdf: hkdf(hash) }, /MAC of a known message/];
    })(),
    [
      "aead",
      {
        aead: {
          ...inner.aead,
          seal: (key, nonce, aad, text) => inner.aead.seal(key, nonce, more(aad), text),
          open: (key, nonce, aad, sealed) => inner.aead.open(key, nonce, more(aad), sealed),
        },
      },
      /ciphertext of a known message/,
    ],
    [
      "hpke",
      {
        hpke: {
          ...inner.hpke,
          seal: (key, info, aad, text) => inner.hpke.seal(key, more(info), aad, text),
          open: (key, sent, info, aad, sealed) => inner.hpke.open(key, sent, more(info), aad, sealed),
        },
      },
      /decryption failed/,
    ],
    [
      "hpke",
      { hpke: { ...inner.hpke, deriveKeyPair: (ikm) => inner.hpke.deriveKeyPair(more(ikm)) } },
      /fail/,
    ],
    [
      "signature",
      {
        signature: {
          ...inner.signature,
          sign: (key, message) => inner.signature.sign(key, more(message)),
          verify: (key, message, signature) => inner.signature.verify(key, more(message), signature),
        },
      },
      /known signature is refused/,
    ],
  ];
  test.each(wrong)("refuse who agrees only with itself: %s", async (step, parts, detail) => {
    const { verdicts, candidate: chosen } = await choose([candidate("wrong", parts), candidate("right")]);
    expect(chosen).toBe("right");
    const refusal = { code: "broken", suite: 1, step, detail: expect.stringMatching(detail) };
    expect(verdicts[0]?.refusal).toEqual(refusal);
  });
});

/** In milliseconds: far more than who is right takes for a step, also on a busy machine. */
const LIMIT = 1500;

describe("the time limit", () => {
  const late = async (parts: Parameters<typeof candidate>[1]): Promise<Refusal | undefined> => {
    const candidates = [candidate("late", parts), candidate("right")];
    const { verdicts, candidate: chosen } = await choose(candidates, undefined, { timeLimit: LIMIT });
    expect(chosen).toBe("right");
    return verdicts[0]?.refusal;
  };

  it("refuses who is never loaded, and goes on", async () => {
    expect(await late({ load: never })).toEqual({ code: "late", detail: `no answer within ${LIMIT} ms` });
  });

  it("names the step that never ends", async () => {
    const hung = { aead: { ...inner.aead, open: never } };
    expect(await late(hung)).toEqual({
      code: "late",
      suite: 1,
      step: "aead",
      detail: `no answer within ${LIMIT} ms`,
    });
  });

  it("holds for keys that are exported, and for policies", async () => {
    const hung = { ...closed, signature: { ...closed.signature, exportPrivateKey: never } };
    const options = { timeLimit: LIMIT };
    const both = [candidate("hung", hung), candidate("right", closed)];
    expect((await choose(both, "non-extractable", options)).verdicts[0]?.refusal?.code).toBe("late");
    const policy = {
      name: "slow",
      refuses: ({ name }: { name: string }) => (name === "a" ? never() : undefined),
    };
    expect(await outcomes([candidate("a"), candidate("b")], policy, options)).toEqual(["late", "chosen"]);
  });

  it("refuses who hangs or fails while it is measured", async () => {
    let calls = 0;
    const stops = (then: () => Promise<never>) => ({
      aead: {
        ...inner.aead,
        seal: (...all: Parameters<typeof inner.aead.seal>) =>
          ++calls > 4 ? then() : inner.aead.seal(...all),
      },
    });
    for (const [then, code] of [
      [never, "late"],
      [() => Promise.reject(new Error("worn out")), "broken"],
    ] as const) {
      calls = 0;
      const candidates = [candidate("stops", stops(then)), candidate("right")];
      const { verdicts, candidate: chosen } = await choose(candidates, "fastest", { timeLimit: LIMIT });
      expect([chosen, verdicts[0]?.refusal?.code]).toEqual(["right", code]);
      expect(verdicts[0]?.refusal?.detail).toMatch(/^while it was measured: /);
    }
  });

  it("must be a number of milliseconds", async () => {
    for (const timeLimit of [0, -1, Number.NaN, "5" as unknown as number]) {
      await expect(choose([candidate("a")], undefined, { timeLimit })).rejects.toEqual(usage);
    }
    expect(
      (await choose([candidate("a")], undefined, { timeLimit: Number.POSITIVE_INFINITY })).candidate,
    ).toBe("a");
  });
});

describe("policies", () => {
  it("of one's own see the candidate and its provider, and say why not", async () => {
    const seen: [string, CryptoProvider][] = [];
    const policy = {
      name: "approved",
      list: ["b"],
      refuses(this: { list: string[] }, { name }: { name: string }, provider: CryptoProvider) {
        seen.push([name, provider]);
        return this.list.includes(name) ? undefined : "it isn't on the list";
      },
    };
    const { verdicts, explanation, provider } = await choose([candidate("a"), candidate("b")], [policy]);
    expect(verdicts[0]?.refusal).toEqual({ code: "policy", detail: "approved: it isn't on the list" });
    expect(seen).toEqual([
      ["a", expect.objectContaining({ name: "a" })],
      ["b", provider],
    ]);
    expect(explanation).toMatch(/^b for suite 1 \(approved\)\n/);
  });

  it("of one's own that throw refuse, and decide before anything is measured", async () => {
    const policy = {
      name: "moody",
      refuses: ({ name }: { name: string }) => (name === "a" ? Promise.reject(new Error("no")) : undefined),
    };
    const { verdicts, measurements } = await choose([candidate("a"), candidate("b")], [policy, "fastest"]);
    expect(verdicts[0]?.refusal).toEqual({ code: "policy", detail: "moody: no" });
    expect(Object.keys(measurements)).toEqual(["b"]);
  });

  it("signature-key-in-hardware: must be declared, and signature keys must not come out", async () => {
    const says = { hardware: true };
    const candidates = [
      candidate("silent", closed),
      candidate("liar", says),
      candidate("token", { ...says, signature: closed.signature }),
    ];
    expect(await outcomes(candidates, "signature-key-in-hardware")).toEqual([
      "not-in-hardware",
      "extractable",
      "chosen",
    ]);
    expect(candidates[0]?.loads).toBe(0);
  });

  it("native-only: may be declared for some suites", async () => {
    const some = () => candidate("some", { native: [1, 2], load: nodeProvider });
    const all = candidate("all", { native: true, load: nodeProvider });
    expect(await outcomes([some(), all], "native-only", { suites: [1, 2] })).toEqual(["chosen", "not-tried"]);
    expect(await outcomes([some(), all], "native-only", { suites: [2, 3] })).toEqual([
      "not-native",
      "chosen",
    ]);
  });

  it("that don't exist are refused", async () => {
    for (const policy of ["best", { name: "mine" }, [null], ["fastest", undefined]]) {
      await expect(choose([candidate("a")], policy as "fastest")).rejects.toEqual(usage);
    }
  });
});

describe("a provider that lies", () => {
  const node = nodeProvider();
  const good = candidate("good");

  test("by a suite of another code point is refused, as a whole and for a part", async () => {
    const other = { ...node, suite: () => node.suite(2) };
    const liar = candidate("liar", { load: () => other });
    expect(await outcomes([liar, good])).toEqual(["broken", "chosen"]);
    const parts = { signature: { candidates: [liar, good] } };
    const { provider, parts: found } = await choose([good], [], { parts });
    expect(found.signature?.candidate).toBe("good");
    expect(provider.suite(1).suite.id).toBe(1);
  });

  test("by a field `code` isn't taken for a refusal", async () => {
    const coded = { ...node, suite: node.suite, code: "broken" };
    const [verdict] = (await choose([candidate("coded", { load: () => coded }), good])).verdicts;
    expect(verdict).toMatchObject({ outcome: "chosen" });
  });

  test("by throwing what has no text is refused", async () => {
    const load = () => {
      throw Object.create(null);
    };
    expect(await outcomes([candidate("mute", { load }), good])).toEqual(["load", "chosen"]);
  });

  test("by a suite that it gives once only is refused while it is measured", async () => {
    let asked = 0;
    const once = {
      ...node,
      suite(id: number) {
        if (asked++ > 0) throw new Error("once only");
        return node.suite(id);
      },
    };
    const flaky = candidate("flaky", { load: () => once });
    expect(await outcomes([flaky, good], "fastest")).toEqual(["broken", "chosen"]);
  });
});
