// RFC 9420 §9.2, §10: of key packages that were used, deleted or have expired nothing is left in a token; what a crash left is
// swept.
import { type Group, insecureAcceptAll } from "@copse/core";
import { memoryStorage, openClient } from "@copse/core/storage";
import { nodeProvider } from "@copse/provider-node";
import { type Pkcs11Provider, pkcs11Provider } from "@copse/provider-pkcs11";
import { party, send } from "@copse/test-support/clients";
import { keyPackageCount, useUpKeyPackages } from "@copse/test-support/leftovers";
import { afterAll, beforeAll, expect, it } from "vitest";
import { CKA_LABEL } from "../src/cryptoki.js";
import { describeWithSoftHsm, objects } from "./softhsm.js";

const SUITE = 2;
const count = keyPackageCount(30);

describeWithSoftHsm("a client whose keys are in SoftHSM", (hsm) => {
  let provider: Pkcs11Provider;
  const open = () =>
    pkcs11Provider({ library: hsm.library, tokenLabel: "leftovers", pin: "5678", inner: nodeProvider() });
  beforeAll(async () => {
    hsm.addToken("leftovers", "5678");
    provider = await open();
  });
  afterAll(() => provider?.close());
  /** How many init and leaf keys there are. */
  const keys = (): number => {
    const session = hsm.raw.C_OpenSession(hsm.slotOf("leftovers"), 6);
    try {
      return objects(hsm.raw, session, [{ type: CKA_LABEL, value: "copse: HPKE" }]).length;
    } finally {
      hsm.raw.C_CloseSession(session);
    }
  };

  it(
    `leaves nothing of ${count} key packages`,
    async () => {
      const signer = await provider.generateSigner(SUITE, { label: "alice" });
      const before = keys();
      let most = 0;
      const meanwhile = () => {
        most = Math.max(most, keys());
      };
      await useUpKeyPackages({
        storage: memoryStorage(),
        crypto: provider,
        signer,
        suite: SUITE,
        count,
        meanwhile,
      });
      expect(most).toBe(before + 2 * Math.min(count, 30));
      expect(keys()).toBe(before);
    },
    60_000 + 1000 * count,
  );

  it("sweeps what no entry of its storage refers to", async () => {
    const signer = await provider.generateSigner(SUITE, { label: "alice again" });
    const storage = memoryStorage();
    const openAlice = (crypto: Pkcs11Provider) =>
      openClient({
        storage,
        crypto,
        suite: SUITE,
        credential: "alice",
        signer,
        authentication: insecureAcceptAll(),
      });
    const alice = await openAlice(provider);
    const bob = await party("bob", { suite: SUITE });
    const b = await bob.client.createGroup();
    const { welcome } = await b.add(await alice.createKeyPackage());
    await b.mergePendingCommit();
    const a = await alice.join(welcome as Uint8Array);
    await alice.createKeyPackage();
    await b.receive(await a.propose({ update: true }));
    const needed = keys();
    await provider.suite(SUITE).hpke.generateKeyPair();
    expect(keys()).toBe(needed + 1);
    // Another process, which has no handle of it.
    await provider.close();
    provider = await open();
    const again = await openAlice(provider);
    expect(await again.sweep()).toBe(1);
    expect(keys()).toBe(needed);
    const group = (await again.group(b.groupId)) as Group;
    await group.receive((await b.commit()).commit);
    await b.mergePendingCommit();
    await send(b, [group], "with the key of the proposal");
    expect(await again.sweep()).toBe(0);
  });
});
