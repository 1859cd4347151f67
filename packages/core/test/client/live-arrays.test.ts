// RFC 9420 §7, §12: what passes between the application and a group is copied: writing to it breaks nothing.
import { basicCredential, Client, type Group, generateSigner, insecureAcceptAll } from "@copse/core";
import { nodeProvider } from "@copse/provider-node";
import { everyone, four, type Party, party, send } from "@copse/test-support/clients";
import { expect, it } from "vitest";

const SUITE = 1;
const TYPE = 0xf123;

/** Overwrites all bytes in a value, and all that can be overwritten of its fields. */
function deface(value: unknown, seen = new Set<unknown>()): number {
  if (typeof value !== "object" || value === null || seen.has(value)) return 0;
  seen.add(value);
  if (value instanceof Uint8Array) {
    value.fill(0xee);
    return 1;
  }
  let count = 0;
  for (const [name, part] of Object.entries(value)) {
    count += deface(part, seen);
    if (typeof part === "number") Reflect.set(value, name, 77);
  }
  return count;
}

it("writing to what a group hands out breaks no later message", async () => {
  const { parties, groups } = await four(SUITE, {
    policy: { handshake: "public" },
    capabilities: { extensions: [TYPE] },
  });
  const [alice, bob] = groups as [Group, Group];
  const extensions = [{ extensionType: TYPE, extensionData: new Uint8Array([1, 2, 3]) }];
  const changing = await alice.commit({ extensions });
  await everyone(groups, changing.commit, 0);
  await alice.mergePendingCommit();
  expect(deface(extensions)).toBe(1);
  const proposal = await bob.propose({ update: true }, { authenticatedData: new Uint8Array(3) });
  const carol = await party("carol", { suite: SUITE, capabilities: { extensions: [TYPE] } });
  const add = await bob.propose({ add: await carol.client.createKeyPackage() });
  let defaced = 0;
  for (const group of [alice, ...groups.slice(2)]) {
    for (const message of [proposal, add]) defaced += deface(await group.receive(message));
  }
  for (const group of groups) {
    defaced += deface(group.members) + deface(group.member(1)) + deface(group.extensions);
    defaced += deface(group.leafNode(0)) + deface(group.leafNode(1)) + deface(group.proposals);
    defaced += deface([group.groupId, group.treeHash, group.ratchetTree, group.epochAuthenticator]);
  }
  for (const { client } of parties) defaced += deface([client.credential, client.signatureKey]);
  expect(defaced).toBeGreaterThan(100);
  const { commit, welcome } = await alice.commit();
  for (const group of groups.slice(1)) deface(await group.receive(commit));
  deface(await alice.mergePendingCommit());
  const joined = await carol.client.join(welcome as Uint8Array);
  const all = [...groups, joined];
  for (const group of all) expect(group.epochAuthenticator).toEqual(alice.epochAuthenticator);
  for (const from of all)
    await send(
      from,
      all.filter((group) => group !== from),
      "still here",
    );
  const { commit: update } = await bob.update();
  for (const group of all) if (group !== bob) await group.receive(update);
  await bob.mergePendingCommit();
  expect(alice.members.map(({ leafIndex }) => leafIndex)).toEqual([0, 1, 2, 3, 4]);
  expect((parties[0] as Party).client.credential).toEqual(alice.member(0)?.credential);
});

it("writing to what a client was made with breaks none of its groups", async () => {
  const options = {
    crypto: nodeProvider(),
    suite: SUITE,
    authentication: insecureAcceptAll(),
    credential: basicCredential(new Uint8Array([5])),
    signer: await generateSigner(nodeProvider(), SUITE),
    capabilities: { extensions: [TYPE] },
    leafExtensions: [{ extensionType: TYPE, extensionData: new Uint8Array(2) }],
  };
  const client = await Client.create(options);
  const extensions = [{ extensionType: TYPE, extensionData: new Uint8Array(2) }];
  const group = await client.createGroup({ extensions });
  deface([options.credential, options.leafExtensions, extensions]);
  await group.update();
  await group.mergePendingCommit();
  const bob = await party("bob", { suite: SUITE, capabilities: { extensions: [TYPE] } });
  const { welcome } = await group.add(await bob.client.createKeyPackage());
  await group.mergePendingCommit();
  await send(group, [await bob.client.join(welcome as Uint8Array)], "whole");
  expect(group.member(0)?.credential).toEqual({ credentialType: 1, identity: new Uint8Array([5]) });
});
