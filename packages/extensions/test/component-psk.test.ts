// draft-ietf-mls-extensions, Pre-Shared Keys (PSKs): keys of components in the key schedule.

import { type Group, generateSigner } from "@copse/core";
import { customPsk, utf8 } from "@copse/core/extension";
import { joinByExternalCommit } from "@copse/core/external";
import { appData, componentPsk, componentPsks } from "@copse/extensions";
import { failure } from "@copse/test-support/errors";
import { expect, it } from "vitest";
import {
  agree,
  client,
  crypto,
  deliver,
  gather,
  publicGroupOf,
  refusal,
  refused,
  SUITE,
  three,
} from "./clients.js";

const ID = utf8("file");
/** Each component has a key of that name, another one each. */
const find = (componentId: number, pskId: Uint8Array) =>
  pskId.length === ID.length ? Uint8Array.of(componentId & 0xff, ...pskId) : undefined;
const components = [0x8001, 0x8002].map((componentId) => ({ componentId }));
/** An extension for the keys, and one that lists the components. */
const withKeys = (of: typeof find) => [componentPsks(of), appData({ components })];
const make = () => withKeys(find);
const custom = componentPsk(0x8001, ID);

it("can be used in a commit, a proposal, a Welcome and an external commit", async () => {
  const [alice, bob, carol] = await three(make, {}, { policy: { handshake: "public" } });
  const server = await publicGroupOf(alice, make());
  const made = await alice.commit({
    psks: [{ custom }, { custom: componentPsk(0x8002, ID) }, { resumption: 1n }],
  });
  await deliver(made.commit, bob, carol, server);
  await alice.mergePendingCommit();
  agree(alice, bob, carol);
  await deliver(await bob.propose({ psk: { custom } }), alice, carol, server);
  const dave = await client("dave", make());
  const invited = await carol.add(await dave.createKeyPackage());
  await deliver(invited.commit, alice, bob, server);
  await carol.mergePendingCommit();
  const ofDave = await dave.join(invited.welcome as Uint8Array);
  agree(alice, bob, carol, ofDave);
  const erin = await client("erin", make());
  const { group, commit } = await joinByExternalCommit(erin, await ofDave.groupInfo(), {
    psks: [{ custom }],
  });
  await deliver(commit, alice, bob, carol, ofDave, server, group);
  agree(alice, bob, carol, ofDave, group);
  expect(server.confirmedTranscriptHash).toEqual(alice.confirmedTranscriptHash);
});

it("must have the same value for all members", async () => {
  const [alice, bob] = (await gather([
    await client("alice", make()),
    await client(
      "bob",
      withKeys(() => Uint8Array.of(9)),
    ),
  ])) as [Group, Group];
  const { commit } = await alice.commit({ psks: [{ custom }] });
  expect(await refused(bob, () => bob.receive(commit))).toMatch(/^12\.4\.2: the confirmation tag/);
});

it("is refused if it is unknown or malformed", async () => {
  const [alice, bob, carol] = (await gather([
    await client("alice", make()),
    await client(
      "bob",
      withKeys(() => undefined),
    ),
    await client("carol", [appData({ components })]),
  ])) as [Group, Group, Group];
  const { commit } = await alice.commit({ psks: [{ custom }] });
  expect(await refused(bob, () => bob.receive(commit))).toBe("missing");
  expect((await failure(bob.commit({ psks: [{ custom }] }))).message).toMatch(/a PSK of type 3/);
  expect(await refused(carol, () => carol.receive(commit))).toBe("decode");
  expect(await refused(carol, () => carol.commit({ psks: [{ custom }] }))).toBe("unsupported");
  expect(await refused(carol, () => carol.propose({ psk: { custom } }))).toBe("unsupported");
  const malformed = customPsk(3, Uint8Array.of(1));
  expect(await refused(bob, () => bob.propose({ psk: { custom: malformed } }))).toBe("decode");
  expect(() => customPsk(1, ID)).toThrow(/RFC 9420/);
});

it("can't be committed twice with the same ID and nonce, and is kept in the saved state", async () => {
  const signer = await generateSigner(crypto, SUITE);
  const aliceClient = await client("alice", make(), { signer });
  const [alice, bob] = (await gather([aliceClient, await client("bob", make())])) as [Group, Group];
  await alice.receive(await bob.propose({ psk: { custom } }));
  const saved = await alice.save();
  await alice.close();
  const restored = await aliceClient.restore(saved);
  expect(await restored.save()).toEqual(saved);
  const proposal = restored.proposals[0]?.proposal as NonNullable<
    (typeof alice.proposals)[number]
  >["proposal"];
  expect(await refused(restored, () => restored.commit({ proposals: [proposal, proposal] }))).toMatch(
    /^12\.2: .*PreSharedKeyID/,
  );
  await bob.receive((await restored.commit()).commit);
  await restored.mergePendingCommit();
  agree(restored, bob);
  expect(await refusal((await client("alice", [], { signer })).restore(saved))).toBe("usage");
});
