// draft-ietf-mls-extensions, negotiation: nobody is left behind because its leaf doesn't list a component.
import type { Client, Group } from "@copse/core";
import { appData, appDataUpdate, appEphemeral, componentPsk, componentPsks } from "@copse/extensions";
import { nodeProvider } from "@copse/provider-node";
import { type Party, party } from "@copse/test-support/clients";
import { by, forge, frame, insider } from "@copse/test-support/insiders";
import { describe, expect, it } from "vitest";
import { agree, client, deliver, gather, refusal, refused, SUITE } from "./clients.js";

const KNOWN = 0x8001;
const component = {
  componentId: KNOWN,
  update: (_: Uint8Array | undefined, updates: readonly Uint8Array[]) => updates.at(-1) as Uint8Array,
};
const data = new Uint8Array([1]);
const keys = () => componentPsks(() => data);
const able = () => [appData({ components: [component] }), keys()];
/** A client that has the extensions, but not the component. */
const unable = () => [appData({ components: [] }), keys()];
const RULE = /all members must list a component/;

/** Alice and Bob, who know the component, and Carol, who doesn't. */
async function three(): Promise<[Group, Group, Group]> {
  const clients: Client[] = [
    await client("alice", able()),
    await client("bob", able()),
    await client("carol", unable()),
  ];
  return (await gather(clients)) as [Group, Group, Group];
}

const psk = { custom: componentPsk(KNOWN, data) };
const kinds = [
  ["an AppEphemeral", { custom: appEphemeral(KNOWN, data) }],
  ["an AppDataUpdate", { custom: appDataUpdate(KNOWN, data) }],
  ["a PSK of a component", { psk }],
] as const;
const optionsOf = (request: (typeof kinds)[number][1]) =>
  "psk" in request ? { psks: [request.psk] } : { proposals: [request.custom] };

describe.each(kinds)("%s for a component that some member doesn't list", (_, request) => {
  it("isn't committed or proposed, unless that member is removed too", async () => {
    const [a, b, c] = await three();
    expect(await refused(a, () => a.commit(optionsOf(request)))).toMatch(RULE);
    expect(await refused(a, () => a.propose(request))).toMatch(RULE);
    const { commit } = await a.commit({ ...optionsOf(request), remove: [2] });
    await deliver(commit, b);
    await a.mergePendingCommit();
    agree(a, b);
    expect(c.active).toBe(true);
  });
});

it("a member whose leaf doesn't list a component isn't left behind by a commit of somebody else's proposal", async () => {
  const crypto = nodeProvider();
  const parties = [
    await party("alice", { suite: SUITE, crypto, extensions: able() }),
    await party("bob", { suite: SUITE, crypto, extensions: able() }),
    await party("carol", { suite: SUITE, crypto, extensions: unable() }),
  ];
  const [a, b, c] = (await gather(parties.map((one) => one.client))) as [Group, Group, Group];
  // Bob breaks the rules: by value in a commit of his, where the others refuse it.
  const insideB = await insider(parties[1] as Party, b);
  const message = await forge(insideB, { proposals: by(1, appEphemeral(KNOWN, data)) });
  expect(await refusal(a.receive(message))).toMatch(RULE);
  // Alone, which Alice's commit then leaves out.
  const alone = { contentType: 2, proposal: appEphemeral(KNOWN, data) } as const;
  await a.receive(await frame(insideB, alone));
  const { commit } = await a.commit();
  await deliver(commit, b, c);
  await a.mergePendingCommit();
  agree(a, b, c);
});
