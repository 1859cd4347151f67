// docs/moving-to-copse.md: what a user of ts-mls takes along, and how its groups are moved.

import { Client, type Group, insecureAcceptAll } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { importKeyPackage, importSigner, type SignerKey } from "@copse/core/import";
import { TsMlsClient, type TsMlsKeys } from "@copse/peer-ts-mls";
import { expect, it } from "vitest";
import { SUITES, serving } from "./cast.js";

const authentication = insecureAcceptAll();
const settings = SUITES.flatMap((suite) =>
  serving(suite).map((crypto) => ({ suite, crypto, name: crypto.name })),
);

/** ts-mls has Ed25519 keys as PKCS#8 where the platform has the algorithm, and all others raw. */
function signerKeyOf({ signaturePrivateKey }: TsMlsKeys, Nsk: number): SignerKey {
  return signaturePrivateKey.length === Nsk
    ? { privateKey: signaturePrivateKey }
    : { pkcs8: signaturePrivateKey };
}

it("has Ed25519 keys as PKCS#8, so that both forms are tried here", async () => {
  const forms = [];
  for (const suite of SUITES) {
    const bob = await TsMlsClient.create(suite, "bob");
    await bob.keyPackage();
    forms.push(Object.keys(signerKeyOf(bob.privateKeys, 32))[0]);
  }
  expect(forms).toEqual(["pkcs8", "privateKey", "pkcs8"]);
});

it.each(settings)(
  "suite $suite on $name: a signer and key packages of ts-mls go on in Copse",
  async (one) => {
    const { suite, crypto } = one;
    const [before, alice] = [
      await TsMlsClient.create(suite, "bob"),
      await TsMlsClient.create(suite, "alice"),
    ];
    const keyPackage = await before.keyPackage();
    const keys = before.privateKeys;
    const { Nsk } = crypto.suite(suite).suite.signature;
    const signer = await importSigner(crypto, suite, signerKeyOf(keys, Nsk));
    const bob = await Client.create({ crypto, suite, credential: "bob", authentication, signer });
    const { initPrivateKey: initKey, hpkePrivateKey: leafKey } = keys;
    const reference = await importKeyPackage(bob, { keyPackage, initKey, leafKey });

    // Published before the move, used after it.
    await alice.createGroup(new Uint8Array([1, 2, 3]));
    const { welcome } = await alice.commit({ add: [keyPackage] });
    const staged = await bob.readWelcome(welcome as Uint8Array);
    expect(staged.keyPackage.reference).toEqual(reference);
    const group = await staged.join();
    expect(group.epochAuthenticator).toEqual(alice.epochAuthenticator());
    const received = await group.receive(await alice.encrypt(new Uint8Array([7])));
    expect(received).toMatchObject({ kind: "application", data: new Uint8Array([7]) });
    await alice.receive(await group.encrypt("from Copse"));
  },
);

it.each(settings)("suite $suite on $name: a group is moved by rejoining", async ({ suite, crypto }) => {
  const options = { crypto, suite, authentication };
  const alice = await Client.create({ ...options, credential: "alice" });
  const group: Group = await alice.createGroup();
  const before = await TsMlsClient.create(suite, "bob");
  const keyPackage = await before.keyPackage();
  const { Nsk } = crypto.suite(suite).suite.signature;
  const signer = await importSigner(crypto, suite, signerKeyOf(before.privateKeys, Nsk));
  const { welcome } = await group.add(keyPackage);
  await group.mergePendingCommit();
  await before.join(welcome as Uint8Array);
  expect(before.epochAuthenticator()).toEqual(group.epochAuthenticator);

  // The same identity and signature key, another implementation: it takes the place of the old leaf.
  const bob = await Client.create({ ...options, credential: "bob", signer });
  const moved = await joinByExternalCommit(bob, await group.groupInfo(), { resync: true });
  expect(await group.receive(moved.commit)).toMatchObject({
    external: true,
    added: [{ signatureKey: signer.publicKey }],
    removed: [{ signatureKey: signer.publicKey }],
  });
  await moved.staged.merge();
  expect(moved.group.epochAuthenticator).toEqual(group.epochAuthenticator);
  expect(group.members).toHaveLength(2);
});
