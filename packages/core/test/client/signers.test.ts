// RFC 9420 §5.2, §7.3: signature keys that change, that are never saved, and that sign or verify later.
import { Client, type Group, generateSigner, insecureAcceptAll, type Signer } from "@copse/core";
import { nodeProvider } from "@copse/provider-node";
import { holds } from "@copse/test-support/bytes";
import { everyone, four, gather, type Party, party } from "@copse/test-support/clients";
import { failure } from "@copse/test-support/errors";
import { expandingBy } from "@copse/test-support/kdf";
import { describe, expect, it } from "vitest";
import { toHex } from "../../src/bytes.js";

const SUITE = 1;

describe("a commit that rotates the committer's signature key and adds a member", () => {
  it("signs the Welcome's GroupInfo with the new key", async () => {
    const { groups } = await four(SUITE);
    const [alice] = groups as [Group];
    const newMember = await party("new-member", { suite: SUITE });
    const signer = await generateSigner(nodeProvider(), SUITE);
    const { commit, welcome } = await alice.commit({
      add: [await newMember.client.createKeyPackage()],
      identity: { signer },
    });
    await everyone(groups, commit, 0);
    await alice.mergePendingCommit();
    const joined = await newMember.client.join(welcome as Uint8Array);
    expect(joined.member(0)?.signatureKey).toEqual(signer.publicKey);
    for (const group of [...groups.slice(1), joined]) {
      expect(await group.receive(await alice.encrypt("with the new key"))).toMatchObject({
        kind: "application",
      });
    }
  });
});

describe("a signature key", () => {
  it("is never saved, and the signer is bound again on restore", async () => {
    const crypto = nodeProvider();
    const provider = crypto.suite(SUITE);
    const pair = await provider.signature.generateKeyPair();
    const secret = await provider.signature.exportPrivateKey(pair.privateKey);
    const signer: Signer = {
      algorithm: provider.suite.signature,
      publicKey: pair.publicKey,
      sign: (message) => provider.signature.sign(pair.privateKey, message),
    };
    const { groups } = await gather([
      await party("alice", { suite: SUITE, signer }),
      await party("bob", { suite: SUITE }),
    ]);
    const [alice, bob] = groups as [Group, Group];
    await alice.update();
    const saved = await alice.save();
    expect(holds(saved, secret)).toBe(false);
    const options = { crypto, suite: SUITE, credential: "alice", authentication: insecureAcceptAll() };
    const stranger = await Client.create(options);
    const error = await failure(stranger.restore(saved));
    expect(error).toMatchObject({ code: "missing-signer", message: expect.stringContaining("signer") });
    stranger.addSigner(signer);
    const restored = await stranger.restore(saved);
    expect(restored.hasPendingCommit).toBe(true);
    await restored.clearPendingCommit();
    expect(await bob.receive(await restored.encrypt("back"))).toMatchObject({ kind: "application" });
  });
  it("must be given on restore too after a group switched to it", async () => {
    const { parties, groups } = await four(SUITE);
    const [alice] = groups as [Group];
    const next = await generateSigner(nodeProvider(), SUITE);
    await alice.update({ signer: next });
    await alice.mergePendingCommit();
    const saved = await alice.save();
    const same = await party("alice", { suite: SUITE, signer: (parties[0] as Party).signer });
    expect((await failure(same.client.restore(saved))).code).toBe("missing-signer");
    same.client.addSigner(next);
    expect((await same.client.restore(saved)).member(0)?.signatureKey).toEqual(next.publicKey);
  });
});

describe("a provider that verifies asynchronously", () => {
  it("refuses a signature without side effects, and derives the sender's next key meanwhile", async () => {
    const node = nodeProvider();
    const suite = node.suite(SUITE);
    let forged = false;
    const signature = Object.assign(Object.create(suite.signature), {
      verifyAll: undefined,
      async verify(...request: Parameters<typeof suite.signature.verify>) {
        return (await suite.signature.verify(...request)) && !forged;
      },
    });
    let expansions = 0;
    const kdf = expandingBy(suite.kdf, (...request) => {
      expansions++;
      return suite.kdf.expand(...request);
    });
    const crypto = { ...node, suite: () => ({ ...suite, signature, kdf }) };
    const { groups } = await gather([
      await party("alice", { suite: SUITE }),
      await party("bob", { suite: SUITE, crypto }),
    ]);
    const [alice, bob] = groups as [Group, Group];
    await bob.receive(await alice.encrypt("first"));
    const message = await alice.encrypt("second");
    const before = await bob.save();
    forged = true;
    const error = await failure(bob.receive(message));
    expect(error).toMatchObject({ code: "validation", rule: expect.stringMatching(/^6\.1: /) });
    expect(toHex(await bob.save())).toBe(toHex(before));
    forged = false;
    expect(await bob.receive(message)).toMatchObject({ kind: "application" });
    // Two for the sender data and three for the key after: its own key was derived while the second was verified.
    const third = await alice.encrypt("third");
    forged = true;
    expansions = 0;
    await failure(bob.receive(third));
    expect(expansions).toBe(2 + 3);
    forged = false;
    expect(await bob.receive(third)).toMatchObject({ kind: "application" });
  });
});

describe("asynchronous signers", () => {
  /** A signer that answers later, as a key service does. */
  async function slow(state: { failing: boolean; calls: number }): Promise<Signer> {
    const inner = await generateSigner(nodeProvider(), SUITE);
    return {
      ...inner,
      async sign(message) {
        state.calls++;
        await new Promise((resolve) => setTimeout(resolve, 1));
        if (state.failing) throw new Error("the key service doesn't answer");
        return inner.sign(message);
      },
    };
  }
  it("sign everything, and a failing one leaves the group unchanged", async () => {
    const line = { failing: false, calls: 0 };
    const { groups } = await gather([
      await party("alice", { suite: SUITE, signer: await slow(line) }),
      await party("bob", { suite: SUITE, signer: await slow(line) }),
      await party("carol", { suite: SUITE }),
    ]);
    const [alice, bob, carol] = groups as [Group, Group, Group];
    // Several at once, in the order of the calls.
    const sent = await Promise.all([1, 2, 3].map((i) => alice.encrypt(`message ${i}`)));
    for (const message of sent) expect(await bob.receive(message)).toMatchObject({ kind: "application" });
    const proposal = await bob.propose({ update: true });
    for (const group of [alice, carol]) await group.receive(proposal);
    const before = await alice.save();
    line.failing = true;
    for (const work of [
      () => alice.commit(),
      () => alice.propose({ update: true }),
      () => alice.groupInfo(),
    ]) {
      const failed = await failure(work());
      expect(failed).toMatchObject({
        code: "try-again",
        cause: { message: "the key service doesn't answer" },
      });
      expect(toHex(await alice.save())).toBe(toHex(before));
    }
    line.failing = false;
    const { commit } = await alice.commit();
    for (const group of [bob, carol]) await group.receive(commit);
    await alice.mergePendingCommit();
    expect(bob.epochAuthenticator).toEqual(alice.epochAuthenticator);
    expect(line.calls).toBeGreaterThan(10);
  });
});
