// ts-mls, the peer that everything is compared with.
import type { Suite } from "@copse/peer-ts-mls";
import type { Implementation } from "./implementation.js";
import { peer } from "./peer.js";
import { REFERENCE } from "./references.js";

const load = () => peer(REFERENCE, () => import("@copse/peer-ts-mls"));

const SUITES: readonly Suite[] = [1, 2, 3];

export const tsMls: Implementation = {
  name: REFERENCE,
  // One Remove by itself it commits without a path, which is another and cheaper thing.
  removes: false,
  suites: async () => {
    await load();
    return SUITES;
  },
  async createMember(id, name) {
    const suite = SUITES.find((served) => served === id);
    if (suite === undefined) throw new RangeError(`ts-mls is not measured in suite ${id}`);
    const { TsMlsClient } = await load();
    const client = await TsMlsClient.create(suite, name);
    return {
      keyPackage: () => client.keyPackage(),
      createGroup: () => client.createGroup(new TextEncoder().encode("benchmark")),
      // It can't be asked for a path that isn't needed: adding members is done without one.
      commit: ({ add = [], remove = [], ratchetTreeInWelcome: ratchetTreeExtension = true } = {}) =>
        client.commit({ add, remove, ratchetTreeExtension }),
      join: (welcome, ratchetTree) => client.join(welcome, ratchetTree),
      encrypt: (data) => client.encrypt(data),
      async receive(message) {
        await client.receive(message);
      },
      exportSecret: (label, context, length) => client.exportSecret(label, context, length),
      epochAuthenticator: () => client.epochAuthenticator(),
      ratchetTree: () => client.ratchetTree(),
      ownLeafIndex: () => client.ownLeafIndex,
    };
  },
};
