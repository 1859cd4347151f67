// What is printed, logged or serialised by mistake shows no secret: state is private to the objects themselves.
import { inspect } from "node:util";
import { Client, insecureAcceptAll } from "@copse/core";
import { libsodiumProvider } from "@copse/provider-libsodium";
import { nobleProvider } from "@copse/provider-noble";
import { nodeProvider } from "@copse/provider-node";
import { webCryptoProvider } from "@copse/provider-webcrypto";
import { describe, expect, it } from "vitest";

const PROVIDERS = [
  nodeProvider(),
  nobleProvider(),
  await libsodiumProvider(),
  await webCryptoProvider({ extractable: true }),
];

describe.each(PROVIDERS.map((crypto) => [crypto.name, crypto] as const))("with %s", (_, crypto) => {
  it("printing clients and groups shows nothing of their state", async () => {
    const suite = 3;
    const authentication = insecureAcceptAll();
    const member = (credential: string) => Client.create({ crypto, suite, credential, authentication });
    const [alice, bob] = [await member("alice"), await member("bob")];
    const group = await alice.createGroup();
    const { welcome } = await group.add(await bob.createKeyPackage());
    await group.mergePendingCommit();
    const other = await bob.join(welcome as Uint8Array);
    await other.receive(await group.encrypt("hello"));
    await other.propose({ update: true });
    await group.commit();

    for (const object of [alice, bob, group, other]) {
      const name = object instanceof Client ? "Client" : "Group";
      expect(inspect(object, { depth: Number.POSITIVE_INFINITY })).toBe(`${name} {}`);
      expect(JSON.stringify(object)).toBe("{}");
      expect(Reflect.ownKeys(object)).toEqual([]);
    }
  });
});
