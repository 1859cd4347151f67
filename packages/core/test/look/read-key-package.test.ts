// RFC 9420 §10, §10.1: a key package can be looked at before it is added: what is shown is verified, as when it is added.
import { basicCredential, type CredentialClaim, type Group, generateSigner, unframe } from "@copse/core";
import { nodeProvider } from "@copse/provider-node";
import { flipped } from "@copse/test-support/bytes";
import { gather, keyPackageIn, type PartyOptions, party } from "@copse/test-support/clients";
import { code, failure, named, saying } from "@copse/test-support/errors";
import { describe, expect, it } from "vitest";
import { encode } from "../../src/codec/codec.js";
import { createKeyPackage } from "../../src/key-package/key-package.js";
import { MlsMessage } from "../../src/wire/mls-message.js";

const SUITE = 1;
const DAY = 86_400;
const person = (name: string, options: Partial<PartyOptions> = {}) =>
  party(name, { suite: SUITE, ...options });

describe("readKeyPackage", () => {
  it("shows whose it is, what it supports, until when, and its reference", async () => {
    const [alice, bob] = [
      await person("alice"),
      await person("bob", { capabilities: { extensions: [0xf0f0] } }),
    ];
    const extension = { extensionType: 0xf0f0, extensionData: new Uint8Array([1, 2]) };
    const keyPackage = await bob.client.createKeyPackage({ extensions: [extension] });
    const details = await alice.client.readKeyPackage(keyPackage);
    const [{ reference, notBefore, notAfter }] = bob.client.keyPackages() as unknown as [
      { reference: Uint8Array; notBefore: bigint; notAfter: bigint },
    ];
    expect(details).toEqual({
      reference,
      suite: SUITE,
      credential: basicCredential("bob"),
      signatureKey: bob.signer.publicKey,
      notBefore,
      notAfter,
      notYetValid: false,
      expired: false,
      capabilities: keyPackageIn(keyPackage).leafNode.capabilities,
      extensions: [extension],
      leafExtensions: [],
      lastResort: false,
    });
    expect(await alice.client.readKeyPackage(unframe(keyPackage))).toEqual(details);
    // What was read is as it was: it can be added.
    const group = await alice.client.createGroup();
    await group.add(keyPackage);
  });

  it("says whether its lifetime has begun, and is over", async () => {
    let now = Date.now();
    const alice = await person("alice", { policy: { now: () => now } });
    const bob = await person("bob");
    const seconds = BigInt(Math.floor(now / 1000));
    const lifetime = { notBefore: seconds - 10n, notAfter: seconds + 10n };
    const keyPackage = await bob.client.createKeyPackage({ lifetime });
    const seen = async (late: number) => {
      now = (Number(seconds) + late) * 1000;
      const { notYetValid, expired } = await alice.client.readKeyPackage(keyPackage);
      return [notYetValid, expired];
    };
    expect(await seen(-11)).toEqual([true, false]);
    expect(await seen(-10)).toEqual([false, false]);
    expect(await seen(10)).toEqual([false, false]);
    expect(await seen(11)).toEqual([false, true]);
    // It is read, but not added.
    const group = await alice.client.createGroup();
    expect(saying(await failure(group.add(keyPackage)))).toMatch(named("7.3: the current time"));
  });

  it.each([2, 7])("reads one of suite %i, whatever the client's own", async (suite) => {
    const [alice, bob] = [await person("alice"), await party("bob", { suite })];
    const keyPackage = await bob.client.createKeyPackage();
    const { reference, suite: seen } = await alice.client.readKeyPackage(keyPackage);
    expect([seen, reference]).toEqual([suite, bob.client.keyPackages()[0]?.reference]);
    const changed = flipped(keyPackage, keyPackage.length - 9);
    expect((await failure(alice.client.readKeyPackage(changed))).code).toBe("validation");
  });

  it("says that it can't verify one of a suite that the provider doesn't serve", async () => {
    const node = nodeProvider();
    const suites = node.suites.filter(({ id }) => id === SUITE);
    const crypto = {
      ...node,
      suites,
      suite: (id: number) => node.suite(id === SUITE ? id : 0xffff),
    };
    const alice = await person("alice", { crypto });
    const bob = await party("bob", { suite: 2 });
    const error = await failure(alice.client.readKeyPackage(await bob.client.createKeyPackage()));
    expect(error.code).toBe("unsupported");
  });

  it("asks the authentication service, as adding does, but for no group", async () => {
    const claims: CredentialClaim[] = [];
    let answer: boolean | Error = true;
    const authentication = {
      validate: (claim: CredentialClaim) => {
        claims.push(claim);
        if (answer instanceof Error) throw answer;
        return answer;
      },
    };
    const [alice, bob] = [await person("alice", { authentication }), await person("bob")];
    const keyPackage = await bob.client.createKeyPackage();
    await alice.client.readKeyPackage(keyPackage);
    const { credential, signatureKey } = bob.client;
    expect(claims).toEqual([{ credential, signatureKey, groupId: undefined, role: "member" }]);
    answer = false;
    expect(await failure(alice.client.readKeyPackage(keyPackage))).toEqual(code("authentication"));
    answer = new Error("offline");
    expect(await failure(alice.client.readKeyPackage(keyPackage))).toEqual(code("try-again"));
  });

  it("refuses whatever adding refuses: any changed bit", async () => {
    const [alice, bob] = [await person("alice"), await person("bob")];
    const keyPackage = await bob.client.createKeyPackage();
    const { groups } = await gather([alice]);
    const group = groups[0] as Group;
    for (let at = 0; at < keyPackage.length; at += 3) {
      const changed = flipped(keyPackage, at);
      const [read, added] = [
        await failure(alice.client.readKeyPackage(changed)),
        await failure(group.propose({ add: changed })),
      ];
      // The one reads suites that the group doesn't have, and doesn't hold the lifetime against it.
      if (read.code !== added.code) expect(["unsupported", "validation"], `byte ${at}`).toContain(read.code);
    }
  });

  it("refuses one that is signed, but wrong", async () => {
    const [alice, mallory] = [await person("alice"), await person("mallory")];
    const { provider } = mallory.config;
    const good = keyPackageIn(await mallory.client.createKeyPackage()).leafNode;
    type Lists = { readonly extensionType: number; readonly extensionData: Uint8Array }[];
    const make = async (change: Partial<typeof good>, signer = mallory.signer, lists: Lists = []) => {
      const lifetime = { notBefore: 0n, notAfter: BigInt(Math.floor(Date.now() / 1000) + DAY) };
      const { keyPackage } = await createKeyPackage(
        provider,
        signer,
        { ...good, ...change },
        lifetime,
        lists,
      );
      return encode(MlsMessage, { version: 1, wireFormat: 5, keyPackage });
    };
    expect((await alice.client.readKeyPackage(await make({}))).expired).toBe(false);
    const types = { ...good.capabilities, credentials: [2] };
    const unlisted = { extensionType: 0xf0f0, extensionData: new Uint8Array() };
    const twice = { extensionType: 1, extensionData: new Uint8Array([0]) };
    for (const [change, rule] of [
      [{ capabilities: types }, "7.2: the credential type"],
      [{ extensions: [unlisted] }, "7.3: each extension of the LeafNode"],
      [{ extensions: [twice, twice] }, "13.4"],
    ] as const) {
      expect(saying(await failure(alice.client.readKeyPackage(await make(change))))).toMatch(named(rule));
    }
    // In the list of the key package itself: a type that belongs elsewhere, and one type twice.
    for (const [lists, rule] of [
      [[{ extensionType: 4, extensionData: new Uint8Array(1) }], "17.3: an extension must appear only"],
      [[twice, twice], "13.4"],
    ] as const) {
      const error = await failure(alice.client.readKeyPackage(await make({}, mallory.signer, [...lists])));
      expect(saying(error)).toMatch(named(rule));
    }
    const other = await generateSigner(nodeProvider(), SUITE);
    const forged = { ...mallory.signer, sign: (message: Uint8Array) => other.sign(message) };
    const error = await failure(alice.client.readKeyPackage(await make({}, forged)));
    expect(saying(error)).toMatch(named("7.3: the signatures of a LeafNode and of its KeyPackage"));
  });
});
