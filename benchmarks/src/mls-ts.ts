// mls-ts, which is OpenMLS in WebAssembly: the peer in Node and in browsers, as far as it has functions for what is measured.
import type { Implementation } from "./implementation.js";
import { peer } from "./peer.js";
import { OPENMLS } from "./references.js";

async function load() {
  const found = await peer(OPENMLS, () => import("@copse/peer-mls-ts"));
  await found.init();
  return found;
}

export const mlsTs: Implementation = {
  name: OPENMLS,
  removes: false,
  // Its only commit adds one member, and it tells nobody who is in a group.
  hosted: true,
  suites: async () => [(await load()).SUITE],
  async createMember(suite, name) {
    const { MlsTsClient, SUITE } = await load();
    if (suite !== SUITE) throw new RangeError(`mls-ts has suite ${SUITE} only, not suite ${suite}`);
    const client = new MlsTsClient(name);
    return {
      keyPackage: async () => client.keyPackage(),
      createGroup: async () => client.createGroup("benchmark"),
      commit: async () => {
        throw new Error("mls-ts makes no commit but that of one Add");
      },
      async join(welcome, ratchetTree) {
        if (ratchetTree === undefined) throw new Error("mls-ts needs the tree beside the Welcome");
        client.join(welcome, ratchetTree);
      },
      encrypt: async (data) => client.encrypt(data),
      async receive(message) {
        client.receive(message);
      },
      exportSecret: async (label, context, length) => client.exportSecret(label, context, length),
      // It doesn't show that: this too is the same for all who are in the same epoch.
      epochAuthenticator: () => client.exportSecret("epoch", new Uint8Array(0), 32),
      ratchetTree: () => client.ratchetTree(),
      ownLeafIndex: () => {
        throw new Error("mls-ts doesn't tell its leaf");
      },
    };
  },
};
