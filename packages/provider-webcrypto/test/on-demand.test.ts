// RFC 9420 §5.1: what a library does is loaded once, when it is asked for; one that can't be loaded now is tried again.
import { CryptoError, MlsError } from "@copse/core/provider";
import { describe, expect, it } from "vitest";
import { loadOnce, onDemand } from "../src/on-demand.js";

const refusal = { code: "try-again", cause: new TypeError("Failed to fetch") };

/** Fails as a browser does that is offline, as often as is said. */
function flaky<T>(value: T, failures: number) {
  const loads = { count: 0 };
  const load = async () => {
    if (loads.count++ < failures) throw new TypeError("Failed to fetch");
    return value;
  };
  return { load, loads };
}

describe("a module", () => {
  it("is loaded once, also if it is asked for twice at the same time", async () => {
    const { load, loads } = flaky("it", 0);
    const library = loadOnce("a curve", load);
    expect(loads.count).toBe(0);
    expect(await Promise.all([library(), library()])).toEqual(["it", "it"]);
    expect(await library()).toBe("it");
    expect(loads.count).toBe(1);
  });

  it("that can't be loaded is asked for again by the next call", async () => {
    const { load, loads } = flaky("it", 1);
    const library = loadOnce("a curve", load);
    const both = await Promise.allSettled([library(), library()]);
    for (const one of both) {
      expect(one.status).toBe("rejected");
      const { reason } = one as PromiseRejectedResult;
      expect(reason).toBeInstanceOf(MlsError);
      expect(reason).toMatchObject({ ...refusal, message: "a curve can't be loaded now" });
    }
    expect(await library()).toBe("it");
    expect(loads.count).toBe(2);
  });
});

describe("functions on demand", () => {
  const functions = {
    double: (value: number) => 2 * value,
    fail(): never {
      throw new RangeError("a library's own error");
    },
    refuse: async () => {
      throw new MlsError("key-not-extractable", "it stays here");
    },
  };

  it("answer with a promise while they are loaded, and at once from then on", async () => {
    const { load } = flaky(functions, 0);
    const library = onDemand<typeof functions>("an algorithm", ["double", "fail", "refuse"], load);
    expect(Object.keys(library)).toEqual(["double", "fail", "refuse"]);
    const first: unknown = library.double(21);
    expect(first).toBeInstanceOf(Promise);
    expect(await first).toBe(42);
    expect(library.double(4)).toBe(8);
  });

  it("give no error but a CryptoError or an MlsError, loaded or not", async () => {
    const { load } = flaky(functions, 0);
    const library = onDemand<typeof functions>("an algorithm", ["double", "fail", "refuse"], load);
    for (let i = 0; i < 2; i++) {
      await expect((async () => library.fail())()).rejects.toThrow(CryptoError);
      await expect((async () => library.fail())()).rejects.toThrow("an algorithm: fail failed");
      await expect(library.refuse()).rejects.toMatchObject({ code: "key-not-extractable" });
    }
  });

  it("say that they can't be loaded now, instead of giving a verdict", async () => {
    const { load } = flaky({ verify: () => true }, 2);
    const library = onDemand<{ verify(): boolean }>("ed25519", ["verify"], load);
    for (let i = 0; i < 2; i++) {
      await expect(library.verify()).rejects.toMatchObject(refusal);
    }
    expect(await library.verify()).toBe(true);
  });
});
