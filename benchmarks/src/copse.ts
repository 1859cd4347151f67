// Copse with one of its providers.

import { Client, type CryptoProvider, type Group, generateSigner, insecureAcceptAll } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { type Counter, countable } from "./counting.js";
import type { Implementation, Member } from "./implementation.js";

/** A few more than the largest group that is measured, for those who are added to it. */
const MAX_MEMBERS = 101_000;

/** @param load creates the provider; called on first use */
export function copse(name: string, load: () => CryptoProvider | Promise<CryptoProvider>): Implementation {
  let loaded: Promise<CryptoProvider> | undefined;
  let counted: { crypto: CryptoProvider; counter: Counter } | undefined;
  const provider = () => {
    loaded ??= Promise.resolve(load());
    return loaded;
  };
  return {
    name,
    removes: true,
    suites: async () => (await provider()).suites.map(({ id }) => id),
    provider: async (suite) => (await provider()).suite(suite),
    counter: {
      start: () => counted?.counter.start(),
      stop: () => counted?.counter.stop() ?? { counts: {}, replay: async () => 0 },
    },
    async createMember(suite, credential) {
      counted ??= countable(await provider(), load);
      return member(counted.crypto, suite, credential);
    },
  };
}

async function member(crypto: CryptoProvider, suite: number, credential: string): Promise<Member> {
  const client = await Client.create({
    crypto,
    suite,
    credential,
    authentication: insecureAcceptAll(),
    signer: await generateSigner(crypto, suite),
    policy: { maxMembers: MAX_MEMBERS, maxJoinSize: MAX_MEMBERS * 1024 },
  });
  let group: Group | undefined;
  const current = () => {
    if (!group) throw new Error(`${credential} is in no group`);
    return group;
  };
  return {
    keyPackage: () => client.createKeyPackage(),
    async createGroup() {
      group = await client.createGroup();
    },
    async commit(options = {}) {
      const result = await current().commit(options);
      await current().mergePendingCommit();
      return result;
    },
    async join(welcome, ratchetTree) {
      group = await client.join(welcome, { ratchetTree });
    },
    async joinByExternalCommit(groupInfo) {
      ({ group } = await joinByExternalCommit(client, groupInfo));
      await group.mergePendingCommit();
    },
    encrypt: (data) => current().encrypt(data),
    async receive(message) {
      await current().receive(message);
    },
    exportSecret: (label, context, length) => current().exportSecret(label, context, length),
    save: () => current().save(),
    async restore(saved) {
      await group?.close();
      group = await client.restore(saved);
    },
    epochAuthenticator: () => current().epochAuthenticator,
    ratchetTree: () => current().ratchetTree,
    ownLeafIndex: () => current().ownLeafIndex,
  };
}
