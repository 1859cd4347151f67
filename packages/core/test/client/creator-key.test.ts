// RFC 9420 §5.1.1, §12.4.3.1: the creator of a group made its first tree alone. Who joins checks its keys.
import { joinByExternalCommit } from "@copse/core/external";
import { PublicGroup } from "@copse/core/public-group";
import { nodeProvider } from "@copse/provider-node";
import { party } from "@copse/test-support/clients";
import { code } from "@copse/test-support/errors";
import { expect, it } from "vitest";

/** A provider that gives one key pair whose public key is no key at all. */
function forging() {
  const real = nodeProvider();
  let forge = false;
  const suite = (id: number) => {
    const inner = real.suite(id);
    const generateKeyPair = async () => {
      const pair = await inner.hpke.generateKeyPair();
      return forge ? { ...pair, publicKey: new Uint8Array(pair.publicKey.length) } : pair;
    };
    return { ...inner, hpke: { ...inner.hpke, generateKeyPair, validatePublicKey: () => undefined } };
  };
  return {
    crypto: { ...real, suite },
    forge: (on: boolean) => {
      forge = on;
    },
  };
}

it.each([1, 2])(
  "a creator's encryption key that is no key is refused by who joins, in suite %i",
  async (suite) => {
    const { crypto, forge } = forging();
    const mallory = await party("mallory", { suite, crypto });
    const alice = await party("alice", { suite });
    forge(true);
    const group = await mallory.client.createGroup();
    forge(false);
    const { welcome } = await group.add(await alice.client.createKeyPackage());
    await group.mergePendingCommit();
    await expect(alice.client.join(welcome as Uint8Array)).rejects.toEqual(code("crypto"));
    const groupInfo = await group.groupInfo();
    await expect(joinByExternalCommit(alice.client, groupInfo)).rejects.toEqual(code("crypto"));
    const authentication = { validate: () => true };
    const followed = PublicGroup.follow({ crypto: nodeProvider(), authentication, groupInfo });
    await expect(followed).rejects.toEqual(code("crypto"));
  },
);
