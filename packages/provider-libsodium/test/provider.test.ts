// RFC 9420 §5.1: the provider by libsodium conforms.
import { inspect } from "node:util";
import { libsodiumProvider } from "@copse/provider-libsodium";
import { nodeProvider } from "@copse/provider-node";
import { hex, toHex } from "@copse/test-support/bytes";
import { checkSynchronous, conforms } from "@copse/test-support/conformance";
import { describe, expect, it } from "vitest";

const node = nodeProvider();
const make = () => libsodiumProvider({ aes: node.suite(1).aead });
const provider = await make();
conforms(provider, { full: 3, second: node, make, maySkip: ["hpke keys: loads what it saves"] });

describe("the provider by libsodium", () => {
  for (const { id } of provider.suites) checkSynchronous(provider.suite(id));

  it("serves suite 1 only with another's AES", async () => {
    expect(provider.suites.map(({ id }) => id)).toEqual([3, 1]);
    const alone = await libsodiumProvider();
    expect(alone.suites.map(({ id }) => id)).toEqual([3]);
    expect(() => alone.suite(1)).toThrow(expect.objectContaining({ code: "unsupported" }));
  });

  it("refuses an AEAD that isn't AES-128-GCM", async () => {
    await expect(libsodiumProvider({ aes: node.suite(3).aead })).rejects.toMatchObject({ code: "usage" });
    await expect(libsodiumProvider({ aes: node.suite(4).aead })).rejects.toMatchObject({ code: "usage" });
  });

  it("serialises private keys as the provider by node:crypto does", async () => {
    const [ours, theirs] = [provider.suite(3), node.suite(3)];
    const seed = hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
    const [a, b] = [
      await ours.signature.importPrivateKey(seed),
      await theirs.signature.importPrivateKey(seed),
    ];
    expect(toHex(a.publicKey)).toBe("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    expect(b.publicKey).toEqual(a.publicKey);
    expect(await ours.signature.exportPrivateKey(a.privateKey)).toEqual(seed);
    expect(await theirs.signature.exportPrivateKey(b.privateKey)).toEqual(seed);
    const ikm = new Uint8Array(32).fill(3);
    const [c, d] = [await ours.hpke.deriveKeyPair(ikm), await theirs.hpke.deriveKeyPair(ikm)];
    expect(d.publicKey).toEqual(c.publicKey);
    expect(await ours.hpke.exportPrivateKey(c.privateKey)).toEqual(
      await theirs.hpke.exportPrivateKey(d.privateKey),
    );
  });

  it("shows no private key to a log or a serialiser", async () => {
    const { hpke, signature } = provider.suite(3);
    const seed = new Uint8Array(32).fill(0xab);
    for (const pair of [await hpke.importPrivateKey(seed), await signature.importPrivateKey(seed)]) {
      expect(JSON.stringify(pair.privateKey)).toBe("{}");
      expect(inspect(pair.privateKey, { showHidden: true, depth: 9 })).not.toMatch(/171|ab,/);
    }
  });
});
