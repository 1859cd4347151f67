// RFC 9420 §9.2, §16.2: of the secrets in a saved state there is no other copy once it is saved.
import type { CryptoProvider, Group } from "@copse/core";
import { isZero } from "@copse/test-support/bytes";
import { gather, party } from "@copse/test-support/clients";
import { failure } from "@copse/test-support/errors";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SecretPieces } from "../../src/schedule/secret-pieces.js";
import { SUITE, watched } from "./watched.js";

/** What the provider gave for saved states, and the saved secret trees. */
let copies: Uint8Array[] = [];
beforeEach(() => {
  const { all } = SecretPieces.prototype;
  vi.spyOn(SecretPieces.prototype, "all").mockImplementation(function (this: SecretPieces) {
    const saved = all.call(this);
    copies.push(...saved.map(({ bytes }) => bytes));
    return saved;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  copies = [];
});

/** A provider that fails when it has given so many keys for a saved state. */
function keeping(stored: boolean) {
  const { crypto } = watched(stored);
  const line = { left: Number.POSITIVE_INFINITY };
  const keep = async (answer: Uint8Array | Promise<Uint8Array>) => {
    if (line.left-- <= 0) throw new Error("the provider is gone");
    const bytes = await answer;
    copies.push(bytes);
    return bytes;
  };
  const suite: CryptoProvider["suite"] = (id) => {
    const whole = crypto.suite(id);
    const { hpke } = whole;
    const { savePrivateKey } = hpke;
    const kept: typeof hpke = {
      ...hpke,
      exportPrivateKey: (key) => keep(hpke.exportPrivateKey(key)),
      ...(savePrivateKey && { savePrivateKey: (key) => keep(savePrivateKey(key)) }),
    };
    return { ...whole, hpke: kept };
  };
  return { crypto: { ...crypto, suite }, line };
}

/** Alice, with the keys of a past epoch, of an own update, and of staged commits. */
async function working(stored: boolean) {
  const { crypto, line } = keeping(stored);
  const alice = await party("alice", { suite: SUITE, crypto });
  const bob = await party("bob", { suite: SUITE });
  const [a, b] = (await gather([alice, bob])).groups as [Group, Group];
  await b.receive((await a.update()).commit);
  await a.mergePendingCommit();
  await b.receive(await a.propose({ update: true }));
  await a.stage((await b.commit()).commit);
  await a.update();
  copies.length = 0;
  return { alice, a, line };
}

describe.each([
  ["exported", false],
  ["in a key store", true],
])("with private keys %s, the bytes of keys and secret trees are overwritten", (_, stored) => {
  it("after a group was saved", async () => {
    const { alice, a } = await working(stored);
    const saved = await a.save();
    // Leaf and path keys of three epochs, a key of an update, and four secret trees.
    expect(copies.length).toBeGreaterThan(8);
    expect(copies.filter((copy) => !isZero(copy))).toEqual([]);
    const again = await (await alice.again()).restore(saved);
    expect(again.epochAuthenticator).toEqual(a.epochAuthenticator);
    expect(again.staged.length).toBe(a.staged.length);
  });

  it("after key packages were saved", async () => {
    const { alice } = await working(stored);
    await alice.client.createKeyPackage();
    const saved = await alice.client.saveKeyPackages();
    expect(copies.length).toBeGreaterThanOrEqual(2);
    expect(copies.filter((copy) => !isZero(copy))).toEqual([]);
    await (await alice.again()).loadKeyPackages(saved);
  });

  it("after the provider failed meanwhile", async () => {
    const { a, line } = await working(stored);
    line.left = 3;
    expect((await failure(a.save())).code).toBe("try-again");
    expect(copies.length).toBeGreaterThanOrEqual(3);
    expect(copies.filter((copy) => !isZero(copy))).toEqual([]);
  });
});
