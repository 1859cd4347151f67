// What comes from outside takes linear time: the quadratic ways would take minutes here.
import { appData, appDataDictionary, appDataRemove, appDataUpdate } from "@copse/extensions";
import { describe, expect, it } from "vitest";
import { agree, client, deliver, gather } from "./clients.js";

const COUNTER = 0x8001;
const IDS = Array.from({ length: 20_000 }, (_, i) => 0x9000 + i);

/** Counts the updates that it is given. */
const make = () => [
  appData({
    components: [
      {
        componentId: COUNTER,
        update: (_, updates) => Uint8Array.of(updates.length >> 16, updates.length >> 8, updates.length),
      },
      ...IDS.map((componentId) => ({ componentId })),
    ],
  }),
];

describe("AppDataUpdates take quadratic time", () => {
  it("many of one component", { timeout: 60_000 }, async () => {
    const [alice, bob] = await gather([await client("alice", make()), await client("bob", make())]);
    if (alice === undefined || bob === undefined) throw new Error("no group");
    const count = 80_000;
    const proposals = Array.from({ length: count }, () => appDataUpdate(COUNTER, new Uint8Array()));
    const { commit } = await alice.commit({ proposals });
    await alice.mergePendingCommit();
    await deliver(commit, bob);
    agree(alice, bob);
  });
  it("removals from a large dictionary", { timeout: 60_000 }, async () => {
    const data = new Uint8Array();
    const dictionary = appDataDictionary(IDS.map((componentId) => ({ componentId, data })));
    const clients = [await client("alice", make()), await client("bob", make())];
    const [alice, bob] = await gather(clients, { extensions: [dictionary] });
    if (alice === undefined || bob === undefined) throw new Error("no group");
    const { commit } = await alice.commit({
      proposals: IDS.map((componentId) => appDataRemove(componentId)),
    });
    await alice.mergePendingCommit();
    await deliver(commit, bob);
    agree(alice, bob);
    expect(bob.extensions).toHaveLength(1);
  });
});
