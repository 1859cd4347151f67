// RFC 9420 §17.1: the suite of one's own works as the library's do.
import { Client, insecureAcceptAll } from "@copse/core";
import { checksForSuite } from "@copse/provider-conformance";
import { nodeProvider } from "@copse/provider-node";
import { describe, expect, it } from "vitest";
import { OWN_SUITE, ownProvider, ownSuiteSession } from "../src/own-suite.js";

describe("a suite of one's own", () => {
  it("carries a session of two", async () => {
    const lines: string[] = [];
    await ownSuiteSession((line) => lines.push(line));
    expect(lines).toEqual([
      "OWN_128_DHKEMX25519_AES256GCM_SHA512_Ed25519, code point 0xf001, by node, own suite",
      expect.stringMatching(/^bob joins epoch 1, by a Welcome of \d+ bytes$/),
      "bob reads: Hello, bob!",
      "both are in epoch 2, with new keys of bob's, and export the same secret",
    ]);
  });

  it("is named in key packages, and refused by whoever doesn't have it", async () => {
    const options = { credential: "alice", authentication: insecureAcceptAll() };
    const own = await Client.create({ crypto: ownProvider(), ...options });
    expect(own.cipherSuite).toEqual(OWN_SUITE);
    const keyPackage = await own.createKeyPackage();
    const other = await (await Client.create({ crypto: nodeProvider(), suite: 1, ...options })).createGroup();
    await expect(other.add(keyPackage)).rejects.toMatchObject({
      code: expect.stringMatching(/validation|unsupported/),
    });
    await expect(
      Client.create({ crypto: nodeProvider(), suite: OWN_SUITE.id, ...options }),
    ).rejects.toMatchObject({
      code: "unsupported",
    });
  });

  for (const check of checksForSuite(ownProvider().suite(OWN_SUITE.id), { effort: "short" })) {
    it(check.name, async () => {
      await check.run();
    });
  }
});
