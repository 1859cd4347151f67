// RFC 9420 §5.1: how checks are chosen, end in time, and leave nothing behind.
import type { CipherSuiteProvider, CryptoProvider, HpkePrivateKey } from "@copse/core/provider";
import { checksFor, checksForSuite, testProvider } from "@copse/provider-conformance";
import { nodeProvider } from "@copse/provider-node";
import { describe, expect, it } from "vitest";

const node = nodeProvider();

const provider = (suite: CipherSuiteProvider): CryptoProvider => ({
  ...node,
  suites: [suite.suite],
  suite: () => suite,
});

/** HPKE and signature keys that are counted as long as they live, as those in a token are. */
function counted(): { readonly suite: CipherSuiteProvider; readonly living: Set<object>; made(): number } {
  const { hpke, signature, ...rest } = node.suite(1);
  const living = new Set<object>();
  let made = 0;
  const keep = async <T extends { readonly privateKey: object }>(pair: T | Promise<T>): Promise<T> => {
    const { privateKey } = await pair;
    living.add(privateKey);
    made++;
    return pair;
  };
  const suite: CipherSuiteProvider = {
    ...rest,
    hpke: {
      ...hpke,
      generateKeyPair: () => keep(hpke.generateKeyPair()),
      deriveKeyPair: (ikm) => keep(hpke.deriveKeyPair(ikm)),
      importPrivateKey: (bytes) => keep(hpke.importPrivateKey(bytes)),
      async destroyPrivateKey(key) {
        await hpke.destroyPrivateKey(key);
        living.delete(key);
      },
    },
    signature: {
      ...signature,
      generateKeyPair: () => keep(signature.generateKeyPair()),
      importPrivateKey: (bytes) => keep(signature.importPrivateKey(bytes)),
      async destroyPrivateKey(key) {
        await signature.destroyPrivateKey(key);
        living.delete(key);
      },
    },
  };
  return { suite, living, made: () => made };
}

describe("private keys that the checks make", () => {
  it("are all destroyed", async () => {
    const { suite, living, made } = counted();
    const report = await testProvider(provider(suite), {
      areas: ["hpke", "signature", "calls", "memory"],
      effort: "short",
    });
    expect(report.failed).toBe(0);
    expect(made()).toBeGreaterThan(500);
    expect(living.size).toBe(0);
  });

  it("are destroyed when a check fails, too", async () => {
    const { suite, living, made } = counted();
    const open = (): never => {
      throw new Error("broken");
    };
    const broken = { ...suite, hpke: { ...suite.hpke, open } };
    const report = await testProvider(provider(broken), { areas: ["hpke: opens"] });
    expect(report.failed).toBe(1);
    expect(made()).toBeGreaterThan(0);
    expect(living.size).toBe(0);
  });
});

describe("calls that fail later", () => {
  const parts = ["hpke", "signature"] as const;
  const methods = parts.flatMap((part) =>
    Object.entries(node.suite(1)[part]).flatMap(([name, value]) =>
      typeof value === "function" ? [[part, name] as const] : [],
    ),
  );

  // A rejection that nobody waits for would end the process, without a report. Vitest fails for it.
  it.each(methods)("are reported, and end no process: %s.%s", async (part, name) => {
    const suite = node.suite(1);
    const late = async (): Promise<never> => {
      await new Promise((resolve) => setTimeout(resolve));
      throw new RangeError("planted", { cause: new Error("its cause") });
    };
    const broken = { ...suite, [part]: { ...suite[part], [name]: late } } as CipherSuiteProvider;
    const report = await testProvider(provider(broken), { areas: ["calls", "hpke"], effort: "short" });
    const details = report.checks.filter(({ outcome }) => outcome === "failed").map(({ detail }) => detail);
    expect(details.join()).toContain("RangeError: planted, because of Error: its cause");
  });
});

describe("the time limit", () => {
  const silent = () => new Promise<never>(() => {});
  const { hpke, signature, ...rest } = node.suite(1);

  it("ends a check, and names the calls that haven't settled", async () => {
    const suite = { ...rest, signature: { ...signature, sign: silent }, hpke };
    const report = await testProvider(provider(suite), {
      areas: ["calls: signatures made", "signature: verifies"],
      timeLimit: 1000,
    });
    expect(report.checks.map(({ outcome, detail }) => [outcome, detail])).toEqual([
      ["failed", "signature.sign has not settled after 1 seconds"],
      ["failed", "signature.sign has not settled after 1 seconds"],
    ]);
  });

  it("holds for cleaning up, which is waited for once", async () => {
    const suite = { ...rest, signature, hpke: { ...hpke, destroyPrivateKey: silent } };
    const start = Date.now();
    const areas = ["hpke: refuses another info", "hpke: refuses other additional data", "hpke: opens"];
    const report = await testProvider(provider(suite), { areas, timeLimit: 1500 });
    expect(report).toMatchObject({ passed: 3, failed: 0 });
    expect(Date.now() - start).toBeLessThan(3 * 1500);
  });

  it("leaves no timer behind", async () => {
    const before = process.getActiveResourcesInfo().filter((one) => one === "Timeout").length;
    await testProvider(provider(node.suite(1)), { areas: ["hash"] });
    const after = process.getActiveResourcesInfo().filter((one) => one === "Timeout").length;
    expect(after).toBeLessThanOrEqual(before);
  });
});

describe("a provider", () => {
  it("may have frozen parts, and parts of a class", async () => {
    const { hash, aead, ...others } = node.suite(1);
    class Hash {
      readonly algorithm = hash.algorithm;
      hash(data: Uint8Array) {
        return hash.hash(data);
      }
      mac(key: Uint8Array, data: Uint8Array) {
        return hash.mac(key, data);
      }
    }
    const suite = Object.freeze({ ...others, hash: new Hash(), aead: Object.freeze({ ...aead }) });
    const report = await testProvider(provider(suite), { areas: ["hash", "mac", "aead", "algorithms"] });
    expect(report.failed).toBe(0);
    expect(report.checks.find(({ name }) => name.startsWith("hash: hashAll"))?.detail).toBe(
      "there is no hashAll",
    );
  });

  it("that neither imports nor exports private keys passes, and what needs their bytes is skipped", async () => {
    const { UnsupportedError, MlsError } = await import("@copse/core/provider");
    const refuses = {
      importPrivateKey(): never {
        throw new UnsupportedError("no imports");
      },
      exportPrivateKey(_key: object): never {
        throw new MlsError("key-not-extractable", "no exports");
      },
    };
    const { hpke, signature, ...others } = node.suite(2);
    // Handles that aren't its own, or were destroyed, are CryptoErrors still: so the good provider is asked first.
    const suite: CipherSuiteProvider = {
      ...others,
      hpke: {
        ...hpke,
        ...refuses,
        exportPrivateKey(key: HpkePrivateKey) {
          void hpke.exportPrivateKey(key);
          return refuses.exportPrivateKey(key);
        },
      },
      signature: {
        ...signature,
        ...refuses,
        exportPrivateKey(key) {
          void signature.exportPrivateKey(key);
          return refuses.exportPrivateKey(key);
        },
      },
    };
    const report = await testProvider(provider(suite), {
      areas: ["hpke", "signature", "errors", "keys", "memory", "calls"],
      effort: "short",
    });
    expect(report.checks.filter(({ outcome }) => outcome === "failed")).toEqual([]);
    expect(
      report.checks.filter(({ detail }) => detail === "the provider imports no private keys").length,
    ).toBeGreaterThan(3);
  });
});

describe("areas", () => {
  it("choose checks by how their names begin", () => {
    const names = checksFor(node, { suites: [1], areas: ["aead", "random"] }).map(({ name }) => name);
    expect(names.length).toBeGreaterThan(8);
    expect(names.every((name) => /^(aead|random): /.test(name))).toBe(true);
    expect(checksFor(node, { areas: ["nothing"] })).toEqual([]);
  });

  it("aren't needed for a suite alone", () => {
    expect(checksForSuite(node.suite(3)).length).toBeGreaterThan(100);
  });
});
