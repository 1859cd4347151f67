// RFC 9420 §7.2, §17.1: the cipher suites that a leaf lists, and what each of them is made of.
import type { Group } from "@copse/core";
import { CIPHER_SUITES } from "@copse/core/provider";
import { libsodiumProvider } from "@copse/provider-libsodium";
import { nodeProvider } from "@copse/provider-node";
import { webCryptoProvider } from "@copse/provider-webcrypto";
import { keyPackageIn, party } from "@copse/test-support/clients";
import { failure } from "@copse/test-support/errors";
import { describe, expect, it } from "vitest";
import { toHex } from "../../src/bytes.js";
import { decode } from "../../src/codec/codec.js";
import { RatchetTreeNodes } from "../../src/wire/ratchet-tree.js";

/** Leaf nodes and the capabilities in them. */
function capabilitiesAt(group: Group, leafIndex: number) {
  const node = decode(RatchetTreeNodes, group.ratchetTree)[2 * leafIndex];
  if (node?.nodeType !== 1) throw new Error("no leaf");
  return node.leafNode.capabilities;
}

describe("capabilities list the suites that the provider supports", () => {
  it.each([
    ["libsodium", () => libsodiumProvider(), 3],
    ["webcrypto", () => webCryptoProvider({ extractable: true }), 2],
    ["node", async () => nodeProvider(), 1],
  ] as const)("%s", async (_, make, suite) => {
    const crypto = await make();
    const { client } = await party("alice", { suite, crypto });
    const served = crypto.suites.map(({ id }) => id);
    expect(keyPackageIn(await client.createKeyPackage()).leafNode.capabilities.cipherSuites).toEqual(served);
    const group = await client.createGroup();
    await group.update();
    await group.mergePendingCommit();
    expect(capabilitiesAt(group, 0).cipherSuites).toEqual(served);
    expect(served.every((id) => crypto.suite(id).suite.id === id)).toBe(true);
  });
});

describe("suites have the algorithms that their names say", () => {
  const DIGESTS: Record<string, string> = {
    "SHA-256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "SHA-384":
      "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b",
    "SHA-512":
      "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
  };
  it.each(CIPHER_SUITES.map((suite) => [suite.name, suite] as const))("%s", async (name, suite) => {
    const [, level, , aead, hash, signature] = name.split("_") as string[];
    expect(suite.hash.name.replace("-", "")).toBe(hash);
    expect(suite.aead.name.replaceAll(/[-_]/g, "").toUpperCase()).toBe(aead);
    expect(suite.aead.Nk * 8).toBe(name.includes("AES128") ? 128 : 256);
    expect(name.includes(suite.kem.name.replace(/^DHKEM\(([^,]*),.*$/, "DHKEM$1").replace("-", ""))).toBe(
      true,
    );
    const schemes: Record<string, string> = {
      Ed25519: "ed25519",
      Ed448: "ed448",
      P256: "ecdsa_secp256r1_sha256",
      P384: "ecdsa_secp384r1_sha384",
      P521: "ecdsa_secp521r1_sha512",
    };
    expect(suite.signature.name).toBe(schemes[signature as string]);
    expect(suite.hash.Nh * 8).toBeGreaterThan(Number(level));
    // And the provider does as it says.
    const provider = nodeProvider().suite(suite.id);
    expect(toHex(await provider.hash.hash(new Uint8Array()))).toBe(DIGESTS[suite.hash.name]);
    const [key, nonce] = [new Uint8Array(suite.aead.Nk), new Uint8Array(suite.aead.Nn)];
    const sealed = await provider.aead.seal(key, nonce, new Uint8Array(), new Uint8Array(1));
    expect(sealed).toHaveLength(1 + suite.aead.Nt);
    const other = new Uint8Array(suite.aead.Nk === 16 ? 32 : 16);
    expect((await failure(async () => provider.aead.seal(other, nonce, nonce, nonce))).code).toBe("crypto");
  });
});
