// ts-mls, the peer that everything is compared with.
import { type Suite, TsMlsClient } from "@copse/peer-ts-mls";
import type { Backend } from "./backend.js";

const SUITES: readonly Suite[] = [1, 2, 3];

export const tsMls: Backend = {
  name: "ts-mls",
  suites: async () => SUITES,
  async createMember(id, name) {
    const suite = SUITES.find((served) => served === id);
    if (suite === undefined) throw new RangeError(`ts-mls is not measured in suite ${id}`);
    const client = await TsMlsClient.create(suite, name);
    return {
      keyPackage: () => client.keyPackage(),
      createGroup: () => client.createGroup(new TextEncoder().encode("benchmark")),
      commit: (add) => client.commit({ add }),
      join: (welcome) => client.join(welcome),
      encrypt: (data) => client.encrypt(data),
      async receive(message) {
        await client.receive(message);
      },
      epochAuthenticator: () => client.epochAuthenticator(),
    };
  },
};
