// RFC 9420 §11, §12: a member whose keys are in a token, among members who don't notice.
import { Client, type Group, insecureAcceptAll } from "@copse/core";
import { libsodiumProvider } from "@copse/provider-libsodium";
import { nobleProvider } from "@copse/provider-noble";
import { nodeProvider } from "@copse/provider-node";
import { type Pkcs11Provider, pkcs11Provider } from "@copse/provider-pkcs11";
import { webCryptoProvider } from "@copse/provider-webcrypto";
import { send } from "@copse/test-support/clients";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeWithSoftHsm, objects } from "./softhsm.js";

describeWithSoftHsm("a group with a member whose keys are in SoftHSM", (hsm) => {
  let provider: Pkcs11Provider;
  const open = () =>
    pkcs11Provider({ library: hsm.library, tokenLabel: "group", pin: "5678", inner: nodeProvider() });
  beforeAll(async () => {
    hsm.addToken("group", "5678");
    provider = await open();
  });
  afterAll(() => provider?.close());

  describe.each([1, 2, 3, 4, 5, 6, 7])("in suite %i", (suite) => {
    it("adds, updates, removes, and is saved and restored by another process", async () => {
      const signer = await provider.generateSigner(suite, { label: `alice ${suite}` });
      const web = await webCryptoProvider();
      const other = web.suites.some(({ id }) => id === suite) ? web : nodeProvider();
      const authentication = insecureAcceptAll();
      const common = { suite, authentication };
      const alice = await Client.create({ ...common, crypto: provider, signer, credential: "alice" });
      const bob = await Client.create({ ...common, crypto: nodeProvider(), credential: "bob" });
      const carol = await Client.create({ ...common, crypto: other, credential: "carol" });

      // Bob invites her whose init key and leaf key are in the token.
      const b = await bob.createGroup();
      const invited = await b.add([await alice.createKeyPackage(), await carol.createKeyPackage()]);
      await b.mergePendingCommit();
      const a = await alice.join(invited.welcome as Uint8Array);
      const c = await carol.join(invited.welcome as Uint8Array);
      await send(a, [b, c], "hello");
      await send(b, [a, c], "hi");
      await send(c, [a, b], "hey");

      const everyone = [a, b, c];
      for (const committer of everyone) {
        const { commit } = await committer.update();
        for (const group of everyone) if (group !== committer) await group.receive(commit);
        await committer.mergePendingCommit();
      }
      const proposal = await a.propose({ update: true });
      for (const group of [b, c]) await group.receive(proposal);
      const covering = await b.commit();
      for (const group of [a, c]) await group.receive(covering.commit);
      await b.mergePendingCommit();
      await send(a, [b, c], "with a new leaf");
      expect(a.epochAuthenticator).toEqual(b.epochAuthenticator);

      // Saved with a commit that isn't sent yet, and an unused key package; restored over another login.
      const pending = await a.update();
      const invitation = await alice.createKeyPackage();
      const [saved, packages] = [await a.save(), await alice.saveKeyPackages()];
      const second = await open();
      const again = await Client.create({
        ...common,
        crypto: second,
        signer: await second.findSigner(suite, { label: `alice ${suite}` }),
        credential: "alice",
      });
      const restored = await again.restore(saved);
      await again.loadKeyPackages(packages);
      // A key that nobody knows of, as of a process that ended before it saved.
      await provider.suite(suite).hpke.generateKeyPair();
      expect(await second.sweep([saved, packages], { inUse: "delete" })).toBeGreaterThan(0);
      for (const group of [b, c]) await group.receive(pending.commit);
      await restored.mergePendingCommit();
      await send(restored, [b, c], "from a restored group");
      const { commit } = await c.update();
      for (const group of [restored, b]) await group.receive(commit);
      await c.mergePendingCommit();
      await send(b, [restored, c], "to a restored group");

      const d = await bob.createGroup();
      const other2 = await d.add(invitation);
      await d.mergePendingCommit();
      await send(await again.join(other2.welcome as Uint8Array), [d], "by a restored key package");

      const removal = await b.remove(restored.ownLeafIndex);
      expect(await restored.receive(removal.commit)).toMatchObject({ kind: "commit", active: false });
      await c.receive(removal.commit);
      await b.mergePendingCommit();
      await send(b, [c], "without alice");
      await second.close();
    });
  });

  it.each([1, 3])("holds members on five providers at once, in suite %i", async (suite) => {
    const libsodium = await libsodiumProvider({ aes: nodeProvider().suite(1).aead });
    const providers = [provider, nodeProvider(), nobleProvider(), await webCryptoProvider(), libsodium];
    const members: Client[] = [];
    for (const crypto of providers) {
      const options = { suite, crypto, credential: crypto.name, authentication: insecureAcceptAll() };
      members.push(await Client.create(options));
    }
    // Each creates a group with all others; then each commits, and at last each but one is removed.
    for (const creator of members) {
      const own = await creator.createGroup();
      const others = members.filter((member) => member !== creator);
      const { welcome } = await own.add(await Promise.all(others.map((other) => other.createKeyPackage())));
      await own.mergePendingCommit();
      let groups = [own];
      for (const other of others) groups.push(await other.join(welcome as Uint8Array));
      const commit = async (from: Group, made: Promise<{ readonly commit: Uint8Array }>) => {
        const { commit: message } = await made;
        for (const group of groups) if (group !== from) await group.receive(message);
        await from.mergePendingCommit();
        groups = groups.filter((group) => group.active);
        for (const group of groups) expect(group.epochAuthenticator).toEqual(from.epochAuthenticator);
      };
      for (const group of groups) {
        await commit(group, group.update());
        await send(
          group,
          groups.filter((one) => one !== group),
          "hello",
        );
      }
      while (groups.length > 1) {
        const [remover, removed] = groups as [Group, Group];
        await commit(remover, remover.remove(removed.ownLeafIndex));
      }
      expect(groups).toEqual([own]);
    }
  });

  it("refuses to restore a state whose keys are gone from the token", async () => {
    const signer = await provider.generateSigner(2, { label: "gone" });
    const options = {
      suite: 2,
      authentication: insecureAcceptAll(),
      crypto: provider,
      signer,
      credential: "x",
    };
    const client = await Client.create(options);
    const saved = await (await client.createGroup()).save();
    await provider.sweep([], { inUse: "delete" });
    await expect((await Client.create(options)).restore(saved)).rejects.toMatchObject({
      code: "state",
    });
  });

  it("keeps as many keys in the token as are in use", async () => {
    const session = hsm.raw.C_OpenSession(hsm.slotOf("group"), 6);
    const keys = () =>
      objects(hsm.raw, session, [
        { type: 0, value: 3 },
        { type: 3, value: "copse: HPKE" },
      ]).length;
    await provider.sweep([], { inUse: "delete" });
    const signer = await provider.generateSigner(2, { label: "counted" });
    const alice = await Client.create({
      suite: 2,
      authentication: insecureAcceptAll(),
      crypto: provider,
      signer,
      credential: "alice",
    });
    const group = await alice.createGroup();
    const update = async () => {
      await group.update();
      await group.mergePendingCommit();
    };
    // No saved state needs the key that was replaced.
    for (let i = 0; i < 5; i++) await update();
    expect(keys()).toBe(1);
    await group.save();
    for (let i = 0; i < 5; i++) await update();
    // The saved state needs one, until another takes its place.
    expect(keys()).toBe(2);
    for (const left of [2, 1]) {
      await provider.sweep([await group.save()], { inUse: "delete" });
      expect(keys()).toBe(left);
    }
    await update();
  });
});
