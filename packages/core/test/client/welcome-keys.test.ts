// RFC 9420 §12.4.3.1: the key and nonce of a Welcome follow from the joiner secret. Each is used once.
import type { CryptoProvider, Group } from "@copse/core";
import { grease } from "@copse/extensions";
import { nodeProvider } from "@copse/provider-node";
import { party, reopened } from "@copse/test-support/clients";
import { describe, expect, it } from "vitest";

/** The node provider, and the plaintexts that it encrypted by each key and nonce. */
function recording() {
  const sealed = new Map<string, Set<string>>();
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
  const node = nodeProvider();
  const crypto: CryptoProvider = {
    ...node,
    suite: (id) => {
      const provider = node.suite(id);
      const { aead } = provider;
      const seal: typeof aead.seal = (key, nonce, aad, plaintext) => {
        const use = `${hex(key)} ${hex(nonce)}`;
        sealed.set(use, (sealed.get(use) ?? new Set()).add(hex(plaintext)));
        return aead.seal(key, nonce, aad, plaintext);
      };
      return Object.create(provider, { aead: { value: Object.create(aead, { seal: { value: seal } }) } });
    },
  };
  const reused = () => [...sealed.values()].filter((plaintexts) => plaintexts.size > 1).length;
  return { crypto, reused, used: () => sealed.size };
}

type Again = (group: Group, keyPackage: Uint8Array) => Promise<Group>;

const ways: readonly (readonly [string, Again])[] = [
  [
    "cleared",
    async (group, keyPackage) => {
      await group.add(keyPackage);
      await group.clearPendingCommit();
      return group;
    },
  ],
  [
    "replaced",
    async (group, keyPackage) => {
      await group.add(keyPackage);
      return group;
    },
  ],
];

describe.each([1, 2, 3])(
  "suite %i: Adds that are committed again after the first commit wasn't accepted",
  (suite) => {
    it.each(ways.flatMap(([name, again]) => [false, true].map((saved) => [name, saved, again] as const)))(
      "%s, saved and restored in between: %s",
      async (name, isSaved, again) => {
        const { crypto, reused, used } = recording();
        const alice = await party("alice", { suite, crypto, extensions: [grease()] });
        const bob = await party("bob", { suite });
        const keyPackage = await bob.client.createKeyPackage();
        let group = await again(await alice.client.createGroup(), keyPackage);
        if (isSaved) group = await reopened(alice.client, group);
        // Beside GREASE, which is random, the tree in the Welcome makes another plaintext.
        const replacePending = name === "replaced";
        const { commit, welcome, ratchetTree } = await group.add(keyPackage, {
          ratchetTreeInWelcome: false,
          replacePending,
        });
        expect(used()).toBeGreaterThan(0);
        expect(reused()).toBe(0);
        await group.receive(commit);
        const joined = await bob.client.join(welcome as Uint8Array, { ratchetTree });
        expect(joined.epochAuthenticator).toEqual(group.epochAuthenticator);
      },
    );
  },
);
