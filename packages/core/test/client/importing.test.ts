// RFC 5958, RFC 9420 §10: signers and key packages that were made elsewhere.
import { generateKeyPairSync } from "node:crypto";
import { DecodeError, unframe } from "@copse/core";
import { importKeyPackage, importSigner } from "@copse/core/import";
import { CIPHER_SUITES } from "@copse/core/provider";
import { nobleProvider } from "@copse/provider-noble";
import { nodeProvider } from "@copse/provider-node";
import { webCryptoProvider } from "@copse/provider-webcrypto";
import { utf8 } from "@copse/test-support/bytes";
import { gather, party, savedKeyPackages, send } from "@copse/test-support/clients";
import { code, failure, named, saying } from "@copse/test-support/errors";
import { describe, expect, it } from "vitest";
import { SUITE, watched } from "./watched.js";

const crypto = nodeProvider();

describe.each(CIPHER_SUITES.map(({ id, signature }) => ({ id, scheme: signature.name })))(
  "importSigner in suite $id ($scheme)",
  ({ id }) => {
    const options = {
      ecdsa_secp256r1_sha256: "P-256",
      ecdsa_secp384r1_sha384: "P-384",
      ecdsa_secp521r1_sha512: "P-521",
    };
    const { name } = crypto.suite(id).suite.signature;
    const pkcs8 = { type: "pkcs8", format: "der" } as const;
    const generate = () => {
      const curve = options[name as keyof typeof options];
      const pair =
        curve === undefined
          ? generateKeyPairSync(name as "ed25519")
          : generateKeyPairSync("ec", { namedCurve: curve });
      return {
        der: new Uint8Array(pair.privateKey.export(pkcs8)),
        jwk: pair.privateKey.export({ format: "jwk" }),
      };
    };

    it("takes what OpenSSL writes as PKCS#8, and the raw private key in it, and both sign alike", async () => {
      const { der, jwk } = generate();
      const raw = new Uint8Array(Buffer.from(jwk.d as string, "base64url"));
      const { signature } = crypto.suite(id);
      const expected = Buffer.concat([
        ...(jwk.y === undefined ? [] : [Buffer.of(4)]),
        Buffer.from(jwk.x as string, "base64url"),
        Buffer.from((jwk.y as string) ?? "", "base64url"),
      ]);
      const before = der.slice();
      for (const provider of [crypto, nobleProvider(), await webCryptoProvider()]) {
        if (!provider.suites.some((suite) => suite.id === id)) continue;
        for (const key of [{ pkcs8: der }, { privateKey: raw }]) {
          const signer = await importSigner(provider, id, key);
          expect(Buffer.from(signer.publicKey).equals(expected), provider.name).toBe(true);
          const signed = await signer.sign(utf8("message"));
          expect(await signature.verify(signer.publicKey, utf8("message"), signed)).toBe(true);
        }
      }
      expect(der, "the caller's bytes").toEqual(before);
    });

    it("refuses other bytes", async () => {
      const { der } = generate();
      for (let length = 0; length < der.length; length++) {
        expect(await failure(importSigner(crypto, id, { pkcs8: der.slice(0, length) }))).toBeInstanceOf(
          DecodeError,
        );
      }
      expect(await failure(importSigner(crypto, id, { pkcs8: Uint8Array.of(...der, 0) }))).toEqual(
        code("decode"),
      );
      expect(await failure(importSigner(crypto, id, { privateKey: new Uint8Array(31) }))).toEqual(
        code("crypto"),
      );
      const other = CIPHER_SUITES.find(({ signature }) => signature.name !== name)?.id as number;
      expect(await failure(importSigner(crypto, other, { pkcs8: der }))).toEqual(code("unsupported"));
      for (const none of [{}, undefined, null, "key"] as unknown as { privateKey: Uint8Array }[])
        expect(await failure(importSigner(crypto, id, none))).toEqual(code("usage"));
    });
  },
);

it("a PKCS#8 scalar without the zeros before it is padded", async () => {
  const id = 2;
  const { signature } = crypto.suite(id);
  const scalar = new Uint8Array(32);
  scalar.set([7], 31);
  const expected = await signature.importPrivateKey(scalar.slice());
  const sec1 = [0x30, 6, 2, 1, 1, 4, 1, 7];
  const algorithm = [
    0x30, 19, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7,
  ];
  const body = [2, 1, 0, ...algorithm, 4, sec1.length, ...sec1];
  const signer = await importSigner(crypto, id, { pkcs8: Uint8Array.of(0x30, body.length, ...body) });
  expect(signer.publicKey).toEqual(expected.publicKey);
});

describe("importKeyPackage", () => {
  /** A key package of Bob, made by another client of his, with its private keys as bytes. */
  async function made() {
    const elsewhere = await party("bob", { suite: SUITE });
    const keyPackage = await elsewhere.client.createKeyPackage();
    const [saved] = await savedKeyPackages(elsewhere.client);
    const { initKey, leafKey } = saved as NonNullable<typeof saved>;
    const { crypto: provider, live } = watched();
    const { signer } = elsewhere;
    const { client } = await party("bob", { suite: SUITE, crypto: provider, signer });
    return {
      elsewhere,
      client,
      live,
      imported: { keyPackage, initKey: initKey.slice(), leafKey: leafKey.slice() },
    };
  }

  it.each(["framed", "raw"])("takes one over, %s: a Welcome for it can be joined", async (form) => {
    const { client, imported, live } = await made();
    const before = imported.initKey.slice();
    const { keyPackage } = imported;
    const reference = await importKeyPackage(client, {
      ...imported,
      keyPackage: form === "raw" ? unframe(keyPackage) : keyPackage,
    });
    expect(imported.initKey, "the caller's bytes").toEqual(before);
    expect(client.keyPackages()).toMatchObject([{ reference, expired: false, lastResort: false }]);
    expect(live.size).toBe(2);
    const { groups } = await gather([await party("alice", { suite: SUITE })]);
    const [alice] = groups as [Parameters<typeof send>[0]];
    const { welcome } = await alice.add(keyPackage);
    await alice.mergePendingCommit();
    const group = await client.join(welcome as Uint8Array);
    await send(group, [alice], "moved");
    const { commit } = await alice.update();
    await alice.mergePendingCommit();
    await group.receive(commit);
    expect(group.epochAuthenticator).toEqual(alice.epochAuthenticator);
  });

  it("reads the private keys when it is called, and overwrites its copies when it has ended, or was given up", async () => {
    const elsewhere = await made();
    const given: Uint8Array[] = [];
    const suite = crypto.suite(SUITE);
    const hpke: typeof suite.hpke = {
      ...suite.hpke,
      importPrivateKey(bytes) {
        given.push(bytes);
        return suite.hpke.importPrivateKey(bytes);
      },
    };
    const { signer } = elsewhere.elsewhere;
    const { client } = await party("bob", {
      suite: SUITE,
      crypto: { ...crypto, suite: () => ({ ...suite, hpke }) },
      signer,
    });
    const { keyPackage, initKey, leafKey } = elsewhere.imported;
    const gone = new AbortController();
    const aborted = importKeyPackage(client, elsewhere.imported, { signal: gone.signal });
    gone.abort();
    expect(await failure(aborted)).toEqual(code("try-again"));
    const importing = importKeyPackage(client, { keyPackage, initKey, leafKey });
    for (const bytes of [keyPackage, initKey, leafKey]) bytes.fill(0);
    await importing;
    expect(given.length).toBeGreaterThanOrEqual(2);
    for (const bytes of given) expect(bytes).toEqual(new Uint8Array(32));
  });

  it("refuses private keys of other public keys", async () => {
    const { client, imported, live } = await made();
    const { initKey, leafKey } = imported;
    for (const [wrong, name] of [
      [{ initKey: leafKey }, "initKey"],
      [{ leafKey: initKey }, "leafKey"],
    ] as const) {
      const error = await failure(importKeyPackage(client, { ...imported, ...wrong }));
      expect([error.code, error.message]).toEqual([
        "usage",
        expect.stringMatching(`as ${name}, got another one`),
      ]);
    }
    const short = { ...imported, initKey: initKey.slice(1) };
    expect(await failure(importKeyPackage(client, short))).toEqual(code("crypto"));
    expect([live.size, client.keyPackages().length]).toEqual([0, 0]);
  });

  it("refuses one that is damaged, of another suite, of a signer that isn't here, or here already", async () => {
    const { client, imported, live, elsewhere } = await made();
    const keyPackage = imported.keyPackage.slice();
    keyPackage[keyPackage.length - 1] = (keyPackage.at(-1) as number) ^ 1;
    expect(saying(await failure(importKeyPackage(client, { ...imported, keyPackage })))).toMatch(
      named("7.3: the signatures of a LeafNode and of its KeyPackage"),
    );
    const other = await party("bob", { suite: 3, signer: elsewhere.signer });
    expect(saying(await failure(importKeyPackage(other.client, imported)))).toMatch(
      named("10.1: the cipher suite of the KeyPackage"),
    );
    const stranger = await party("carol", { suite: SUITE });
    expect(await failure(importKeyPackage(stranger.client, imported))).toEqual(code("missing-signer"));
    expect(live.size).toBe(0);
    await importKeyPackage(client, imported);
    expect(await failure(importKeyPackage(client, imported))).toEqual(code("usage"));
    expect([live.size, client.keyPackages().length]).toEqual([2, 1]);
  });

  it("refuses what is no key package, and who is no client", async () => {
    const { client, imported } = await made();
    const wrong = importKeyPackage as unknown as (...given: readonly unknown[]) => Promise<unknown>;
    for (const given of [
      undefined,
      null,
      [],
      new Uint8Array(4),
      {},
      { ...imported, initkey: imported.initKey },
    ]) {
      expect(await failure(wrong(client, given))).toEqual(code("usage"));
    }
    for (const who of [undefined, null, "bob", await client.createGroup()]) {
      const error = await failure(wrong(who, imported));
      expect([error.code, error.message]).toEqual([
        "usage",
        expect.stringMatching(/^expected a Client, got/),
      ]);
    }
    expect(client.keyPackages()).toEqual([]);
  });

  it("refuses one that lists what this client doesn't support", async () => {
    const elsewhere = await party("bob", { suite: SUITE, capabilities: { extensions: [0xf0f0] } });
    const keyPackage = await elsewhere.client.createKeyPackage();
    const [saved] = await savedKeyPackages(elsewhere.client);
    const { initKey, leafKey } = saved as NonNullable<typeof saved>;
    const { client } = await party("bob", { suite: SUITE, signer: elsewhere.signer });
    const error = await failure(importKeyPackage(client, { keyPackage, initKey, leafKey }));
    expect([error.code, error.message]).toEqual(["usage", expect.stringMatching(/extension type 61680/)]);
  });
});
