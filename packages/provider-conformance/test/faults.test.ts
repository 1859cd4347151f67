// RFC 9420 §5.1: each deliberate fault is caught by the check that names it.
import {
  type ConformanceOptions,
  checksFor,
  checksForSuite,
  type WycheproofFile,
  wycheproofChecks,
} from "@copse/provider-conformance";
import { nodeProvider } from "@copse/provider-node";
import { describe, expect, it } from "vitest";
import { FAULTS } from "./faults/index.js";

const node = nodeProvider();

describe.each(Object.entries(FAULTS))("%s: a provider that", (_area, faults) => {
  it.each(faults.map((one) => [`${one.fault} (suite ${one.suite}): "${one.caughtBy}"`, one] as const))(
    "%s",
    async (_name, { caughtBy, provider, options, says }) => {
      const named = checksFor(provider, options).filter(({ name }) => name === caughtBy);
      expect(named.length, `there is no check "${caughtBy}"`).toBeGreaterThan(0);
      const results = await Promise.all(named.map((check) => check.result()));
      expect(results.map(({ outcome }) => outcome)).toContain("failed");
      for (const { detail } of results) expect(detail).toMatch(says);
    },
  );
});

describe("the planted faults", () => {
  const all = Object.values(FAULTS).flat();

  it("are more than 150, each another", () => {
    expect(all.length).toBeGreaterThan(150);
    expect(new Set(all.map(({ fault, suite }) => `${fault} ${suite}`)).size).toBe(all.length);
  });
});

describe("a provider that", () => {
  it("differs from a second one in bytes is caught by each check of agreement that it concerns", async () => {
    const { kdf, hpke, ...rest } = node.suite(1);
    const other = {
      ...rest,
      hpke: { ...hpke, deriveKeyPair: (ikm: Uint8Array) => hpke.deriveKeyPair(ikm.slice(1)) },
      kdf: { ...kdf, expand: (prk: Uint8Array, _info: Uint8Array, n: number) => kdf.expand(prk, prk, n) },
    };
    const second: ConformanceOptions["second"] = { ...node, suite: () => other };
    const checks = checksForSuite(node.suite(1), { second }).filter(({ name }) =>
      name.startsWith("agreement"),
    );
    const results = await Promise.all(checks.map((check) => check.result()));
    expect(results.filter(({ outcome }) => outcome === "failed").map(({ name }) => name)).toEqual([
      "agreement: the same digests, MACs and derived secrets",
      "agreement: the same derived key pairs",
    ]);
  });
});

describe("a check", () => {
  const [, broken] = checksForSuite({ ...node.suite(1), hash: node.suite(5).hash });

  it("throws as a test if it fails, and says what is wrong", async () => {
    await expect(broken?.run()).rejects.toMatchObject({
      name: "ConformanceError",
      message: expect.stringMatching(
        /^MLS_128_.*: the parts are .*: name of the hash part's algorithm is SHA-512/,
      ),
    });
  });

  it("never throws where a result is asked for", async () => {
    expect(await broken?.result()).toMatchObject({ outcome: "failed" });
  });

  it("that doesn't apply says why", async () => {
    const checks = checksForSuite(node.suite(1), { second: { ...node, suites: [] } });
    const result = await checks.find(({ name }) => name.startsWith("agreement"))?.run();
    expect(result).toMatchObject({
      outcome: "skipped",
      detail: "the second provider doesn't serve this suite",
    });
  });
});

describe("Wycheproof's files", () => {
  const test = { tcId: 7, comment: "made up", key: "00", msg: "616263", result: "valid" };
  const file = (...tests: { tag: string; result: string }[]): WycheproofFile => ({
    algorithm: "HMACSHA256",
    testGroups: [{ type: "MacTest", tests: tests.map((each) => ({ ...test, ...each })), tagSize: 256 }],
  });

  it("are run for the algorithm that they test", async () => {
    expect(
      wycheproofChecks(node.suite(5), "hmac_sha256_test.json", file({ tag: "", result: "valid" })),
    ).toEqual([]);
    const asn: WycheproofFile = { algorithm: "XDH", testGroups: [{ type: "XdhAsnComp", tests: [] }] };
    expect(wycheproofChecks(node.suite(1), "x25519_asn_test.json", asn)).toEqual([]);
    expect(wycheproofChecks(node.suite(1), "rsa_test.json", { algorithm: "RSA", testGroups: [] })).toEqual(
      [],
    );
  });

  it("say which test went wrong", async () => {
    const mac = await node.suite(1).hash.mac(Uint8Array.of(0), new TextEncoder().encode("abc"));
    const good = { tag: Buffer.from(mac).toString("hex"), result: "valid" };
    const [right] = wycheproofChecks(node.suite(1), "hmac_sha256_test.json", file(good));
    expect(await right?.result()).toMatchObject({
      name: "wycheproof: hmac_sha256, SHA-256",
      outcome: "passed",
    });
    const [wrong] = wycheproofChecks(
      node.suite(1),
      "hmac_sha256_test.json",
      file(good, { ...good, result: "invalid" }),
    );
    expect(await wrong?.result()).toMatchObject({
      outcome: "failed",
      detail: "1 of 2 are wrong: tcId 7 (made up): comparing the MAC gave true, not false",
    });
  });
});
