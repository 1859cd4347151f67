// RFC 9420 §5.1: with its keys in SoftHSM, the provider passes what every provider must.

import { testProvider } from "@copse/provider-conformance";
import { nodeProvider } from "@copse/provider-node";
import { type Pkcs11Provider, pkcs11Provider } from "@copse/provider-pkcs11";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWithSoftHsm } from "./softhsm.js";

/** What doesn't apply: the key that is looked at is the token's, and some values exist for some suites only. */
const KNOWN = [
  "hpke: known answers of RFC 9180: there are none for this suite",
  "memory: imported private keys are copied, also from Buffers: no private key can be exported",
];

/** All that the token has to do with. */
const AREAS = ["hpke", "signature", "verdicts", "memory", "calls", "errors", "keys", "instances", "handles"];

describeWithSoftHsm("the provider over SoftHSM", (hsm) => {
  let provider: Pkcs11Provider;
  let another: Pkcs11Provider;
  beforeAll(async () => {
    hsm.addToken("conformance", "5678");
    const options = { library: hsm.library, tokenLabel: "conformance", pin: "5678", inner: nodeProvider() };
    provider = await pkcs11Provider(options);
    another = await pkcs11Provider(options);
  });
  afterAll(async () => {
    await another?.close();
    await provider?.close();
  });

  it("serves all seven suites with their keys in the token", () => {
    expect(provider.suites.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    for (const { id } of provider.suites) {
      expect(provider.places(id)).toEqual({ signature: "token", hpke: "token" });
    }
  });

  // One of each kind of curve: a token takes its time. Symmetric cryptography is that of the inner provider.
  it.each([1, 2])("conforms in suite %i", async (suite) => {
    const report = await testProvider(provider, {
      suites: [suite],
      areas: suite === 2 ? AREAS : ["signature keys", "hpke keys", "verdicts", "handles"],
      second: nodeProvider(),
      make: () => another,
      effort: suite === 2 ? "full" : "short",
    });
    expect(report.checks.filter(({ outcome }) => outcome === "failed")).toEqual([]);
    const skipped = report.checks.filter(({ outcome }) => outcome === "skipped");
    for (const { name, detail } of skipped) expect(KNOWN).toContain(`${name}: ${detail}`);
    // The checks destroy what they make: the token holds no key of HPKE that a sweep would find.
    expect(await provider.sweep([], { inUse: "delete" })).toBe(0);
  });
});
