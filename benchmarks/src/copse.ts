// Copse over one of its backends.
import { Client, type CryptoProvider, type Group, insecureAcceptAll } from "@copse/core";
import type { Backend } from "./backend.js";

/** @param load makes the backend's provider; called once, and not before it is asked for. */
export function copse(name: string, load: () => CryptoProvider | Promise<CryptoProvider>): Backend {
  let loaded: Promise<CryptoProvider> | undefined;
  const provider = () => {
    loaded ??= Promise.resolve(load());
    return loaded;
  };
  return {
    name,
    suites: async () => (await provider()).suites.map(({ id }) => id),
    async createMember(suite, credential) {
      const client = await Client.create({
        crypto: await provider(),
        suite,
        credential,
        authentication: insecureAcceptAll(),
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
        async commit(add) {
          const result = await current().commit({ add: [...add] });
          await current().mergePendingCommit();
          return result;
        },
        async join(welcome) {
          group = await client.join(welcome);
        },
        encrypt: (data) => current().encrypt(data),
        async receive(message) {
          await current().receive(message);
        },
        epochAuthenticator: () => current().epochAuthenticator,
      };
    },
  };
}
