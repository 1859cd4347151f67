// RFC 9420 §12.4: what is valid is committed, and what is asked for happens or fails.
import {
  customProposal,
  type Group,
  generateSigner,
  type ProposedAction,
  requiredCapabilities,
} from "@copse/core";
import type { MlsExtension } from "@copse/core/extension";
import { nodeProvider } from "@copse/provider-node";
import { everyone, gather, type Party, party } from "@copse/test-support/clients";
import { failure, named, saying } from "@copse/test-support/errors";
import { expect, it } from "vitest";
import { SUITE } from "../proposals.js";

const TYPE = 0xff10;
/** A member leaves by a proposal of its own. */
const leaving: MlsExtension = {
  name: "leaving",
  proposals: [
    {
      proposalType: TYPE,
      name: "leave",
      codec: { read: () => ({}), write: () => {} },
      pathRequired: true,
      external: false,
      committedBy: "reference",
      removes: ({ sender }) => ("leafIndex" in sender ? sender.leafIndex : -1),
    },
  ],
};
const LEAVE = customProposal(TYPE, new Uint8Array());

it.each([
  ["the policy ignores it", { authorize: ({ kind }: ProposedAction) => kind === "commit" || "ignore" }],
  [
    "the policy leaves it out of the commit",
    {
      authorize: (action: ProposedAction) => {
        if (action.kind === "proposal") return "keep";
        const leaves = action.proposals.filter(({ proposal }) => proposal.proposalType === TYPE);
        return leaves.length === 0 || { without: leaves.map(({ reference }) => reference as Uint8Array) };
      },
    },
  ],
])("remove(1) removes the member although it proposed to leave itself and %s", async (_, policy) => {
  const extensions = [leaving];
  const parties = await Promise.all(
    ["alice", "bob", "carol"].map((name, i) =>
      party(name, { suite: SUITE, extensions, policy: i === 0 ? policy : {} }),
    ),
  );
  const { groups } = await gather(parties);
  const [a, b, c] = groups as [Group, Group, Group];
  const leave = await b.propose({ custom: LEAVE });
  await c.receive(leave);
  await a.receive(leave);
  const { commit } = await a.remove(1);
  expect(await c.receive(commit)).toMatchObject({ removed: [{ leafIndex: 1 }] });
  expect((await a.mergePendingCommit()).removed).toMatchObject([{ leafIndex: 1 }]);
  await expect(b.receive(await a.encrypt("secret"))).rejects.toThrow();
});

it("a received Add of a client that another received Remove removes is committed with it", async () => {
  const names = ["alice", "bob", "carol"];
  for (const order of [0, 1]) {
    const parties = await Promise.all(names.map((name) => party(name, { suite: SUITE })));
    const { groups } = await gather(parties);
    const [a, b, c] = groups as [Group, Group, Group];
    // Carol has lost her state: her leaf goes, and her new key package, with the same signature key, comes in.
    const { client } = parties[2] as Party;
    const proposals = [
      await b.propose({ remove: 2 }),
      await b.propose({ add: await client.createKeyPackage() }),
    ];
    if (order === 1) proposals.reverse();
    for (const proposal of proposals) await a.receive(proposal);
    const { commit, welcome } = await a.commit();
    expect(await b.receive(commit)).toMatchObject({ removed: [{ leafIndex: 2 }], added: [{ leafIndex: 2 }] });
    await a.mergePendingCommit();
    await c.close();
    const again = await client.join(welcome as Uint8Array);
    expect(again.epochAuthenticator).toEqual(b.epochAuthenticator);
  }
});

it("a removed member's report names the epoch that it was removed in, and its list is as of before", async () => {
  const parties = await Promise.all(["alice", "bob", "carol"].map((name) => party(name, { suite: SUITE })));
  const { groups } = await gather(parties);
  const [a, b, c] = groups as [Group, Group, Group];
  const last = c.epoch;
  const { commit } = await a.remove(2);
  const received = await c.receive(commit);
  await everyone([a, b], commit, 0);
  await a.mergePendingCommit();
  // The report is about the epoch that the commit started; the group stays in the last one that this client was in.
  expect(received).toMatchObject({ kind: "commit", epoch: a.epoch, active: false });
  expect([c.epoch, c.members.length]).toEqual([last, 3]);
});

it("renewing capabilities fails when the commit is made if the group requires what was dropped", async () => {
  // No client can drop what it registered: so a value that its leaf lists only at first.
  const type = 0x1a1a;
  let listed = [type];
  const once: MlsExtension = { name: "once", greaseCapabilities: () => ({ proposals: listed }) };
  const alice = await party("alice", { suite: SUITE, capabilities: { proposals: [type] } });
  const bob = await party("bob", { suite: SUITE, extensions: [once] });
  const group = await alice.client.createGroup({
    extensions: [requiredCapabilities({ proposalTypes: [type] })],
  });
  const { welcome } = await group.add(await bob.client.createKeyPackage());
  await group.mergePendingCommit();
  const joined = await bob.client.join(welcome as Uint8Array);
  listed = [];
  for (const work of [
    joined.update({ renewCapabilities: true }),
    joined.propose({ update: { renewCapabilities: true } }),
  ]) {
    expect(saying(await failure(work))).toMatch(named("7.3: "));
  }
  expect(joined.hasPendingCommit).toBe(false);
});

it("an own commit that all others accepted is merged after a restart, whatever this client's policy says by then", async () => {
  const [crypto, signer] = [nodeProvider(), await generateSigner(nodeProvider(), SUITE)];
  const { groups } = await gather([
    await party("alice", { suite: SUITE, crypto, signer }),
    await party("bob", { suite: SUITE }),
  ]);
  const [a, b] = groups as [Group, Group];
  const { commit } = await a.add(await (await party("dave", { suite: SUITE })).client.createKeyPackage());
  const saved = await a.save();
  await a.close();
  await b.receive(commit);
  for (const options of [
    { policy: { maxMembers: 2 } },
    { authentication: { validate: () => false } },
  ] as const) {
    const { client } = await party("alice", { suite: SUITE, crypto, signer, ...options });
    const restored = await client.restore(saved);
    expect((await restored.mergePendingCommit()).added).toHaveLength(1);
    expect(restored.epochAuthenticator).toEqual(b.epochAuthenticator);
  }
});

it("a restored member accepts the commit that others accept, whatever its directory says by then", async () => {
  let trusted = true;
  const authentication = { validate: () => trusted };
  const [alice, bob] = [
    await party("alice", { suite: SUITE }),
    await party("bob", { suite: SUITE, authentication }),
  ];
  const { groups } = await gather([alice, bob]);
  const [a, b] = groups as [Group, Group];
  const dave = await party("dave", { suite: SUITE });
  await b.receive(await a.propose({ add: await dave.client.createKeyPackage() }));
  const saved = await b.save();
  await b.close();
  trusted = false;
  const restored = await bob.client.restore(saved);
  const { commit } = await a.commit();
  expect(await restored.receive(commit)).toMatchObject({ kind: "commit", added: [{ leafIndex: 2 }] });
});

it("a cached Add that was exchanged in a saved state isn't committed unasked", async () => {
  let trusted = true;
  const alice = await party("alice", { suite: SUITE, authentication: { validate: () => trusted } });
  const { groups } = await gather([alice, await party("bob", { suite: SUITE })]);
  const [a, b] = groups as [Group, Group];
  await a.receive(
    await b.propose({ add: await (await party("mal", { suite: SUITE })).client.createKeyPackage() }),
  );
  const saved = await a.save();
  await a.close();
  trusted = false;
  const restored = await alice.client.restore(saved);
  const { commit, welcome } = await restored.commit();
  expect(welcome).toBeUndefined();
  expect(await b.receive(commit)).toMatchObject({ kind: "commit", added: [] });
});
