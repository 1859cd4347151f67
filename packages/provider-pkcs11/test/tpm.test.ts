// PKCS#11 on a TPM: the signature key of a member is in it, and nowhere else.
import { Client, insecureAcceptAll } from "@copse/core";
import { nodeProvider } from "@copse/provider-node";
import { type Pkcs11Provider, pkcs11Provider } from "@copse/provider-pkcs11";
import { send } from "@copse/test-support/clients";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWithTpm } from "./tpm.js";

describeWithTpm("a group with a member whose signature key is in a TPM", (tpm) => {
  let provider: Pkcs11Provider;
  const open = () => pkcs11Provider({ ...tpm, inner: nodeProvider() });
  beforeAll(async () => {
    provider = await open();
  }, 60_000);
  afterAll(() => provider?.close());

  it("serves the suites with ECDSA on P-256 and P-384; a TPM has no ECDH that HPKE could use", () => {
    const places = Object.fromEntries(provider.suites.map(({ id }) => [id, provider.places(id)]));
    expect(places).toEqual({
      2: { signature: "token", hpke: "inner" },
      7: { signature: "token", hpke: "inner" },
    });
  });

  it.each([2, 7])("in suite %i, is found again by its label after a new login", async (suite) => {
    const label = `alice ${suite}`;
    const signer = await provider.generateSigner(suite, { label });
    const common = { suite, authentication: insecureAcceptAll() };
    const alice = await Client.create({ ...common, crypto: provider, signer, credential: "alice" });
    const bob = await Client.create({ ...common, crypto: nodeProvider(), credential: "bob" });
    const a = await alice.createGroup();
    const { welcome } = await a.add([await bob.createKeyPackage()]);
    await a.mergePendingCommit();
    const b = await bob.join(welcome as Uint8Array);
    await send(a, [b], "hello");

    const saved = await a.save();
    const second = await open();
    const again = await Client.create({
      ...common,
      crypto: second,
      signer: await second.findSigner(suite, { label }),
      credential: "alice",
    });
    const restored = await again.restore(saved);
    const { commit } = await restored.update();
    await b.receive(commit);
    await restored.mergePendingCommit();
    await send(restored, [b], "signed by the TPM");
    await send(b, [restored], "and read");
    await second.close();
  });
});
