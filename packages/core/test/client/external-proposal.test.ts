// RFC 9420 §12.1.8: proposals of an external sender that keeps no more of a group than its suite, ID and epoch.
import {
  basicCredential,
  customProposal,
  externalSenders,
  type Group,
  generateSigner,
  ProposalType,
  type Signer,
} from "@copse/core";
import { type ExternalProposalRequest, externalProposal, PublicGroup } from "@copse/core/public-group";
import { nodeProvider } from "@copse/provider-node";
import { flipped } from "@copse/test-support/bytes";
import { gather, party } from "@copse/test-support/clients";
import { code, failure, refused } from "@copse/test-support/errors";
import { expect, it } from "vitest";
import { opaque } from "../../src/codec/codec.js";
import { filled, SUITE } from "../proposals.js";

const crypto = nodeProvider();
const TYPE = 0xf00d;
const topics = {
  name: "topics",
  proposals: [{ proposalType: TYPE, name: "topic", codec: opaque, pathRequired: false, external: true }],
};
const member = (name: string, suite = SUITE) =>
  party(name, { suite, policy: { handshake: "public" }, extensions: [topics] });

/** A group of Alice and Bob that lists two servers, and a follower. The second server is the one that proposes. */
async function scene(suite = SUITE) {
  const [other, signer] = [await generateSigner(crypto, suite), await generateSigner(crypto, suite)];
  const listed = [other, signer].map(({ publicKey }, i) => ({
    signatureKey: publicKey,
    credential: basicCredential(`server ${i}`),
  }));
  const [alice, bob] = [await member("alice", suite), await member("bob", suite)];
  const a = await alice.client.createGroup({ extensions: [externalSenders(listed)] });
  const { welcome } = await a.add(await bob.client.createKeyPackage());
  await a.mergePendingCommit();
  const b = await bob.client.join(welcome as Uint8Array);
  const { authentication } = alice.config;
  const options = { crypto, authentication, extensions: [topics] };
  const follower = await PublicGroup.follow({ ...options, groupInfo: await a.groupInfo() });
  const context = { suite, groupId: a.groupId, epoch: a.epoch, senderIndex: 1 };
  return { a, b, follower, signer, context };
}
type Request = Parameters<typeof externalProposal>[3];

it.each<[string, () => Promise<Request>, number]>([
  ["add", async () => ({ add: await (await member("carol")).client.createKeyPackage() }), ProposalType.add],
  [
    "add, of whom it means",
    async () => ({
      add: { keyPackage: await (await member("carol")).client.createKeyPackage(), credential: "carol" },
    }),
    ProposalType.add,
  ],
  ["remove", async () => ({ remove: 1 }), ProposalType.remove],
  ["psk", async () => ({ psk: { resumption: 1n } }), ProposalType.psk],
  ["extensions", async () => ({ extensions: [] }), ProposalType.groupContextExtensions],
  [
    "reinit",
    async () => ({ reinit: { groupId: filled(), cipherSuite: SUITE, extensions: [] } }),
    ProposalType.reinit,
  ],
  ["custom", async () => ({ custom: customProposal(TYPE, new Uint8Array([1, 7])) }), TYPE],
])(
  "%s: members take what a sender that only knows the epoch has made, and commit it",
  async (_, make, type) => {
    const { a, b, follower, signer, context } = await scene();
    const message = await externalProposal(crypto, signer, context, await make(), {
      extensions: [topics],
      authenticatedData: filled(3),
    });
    for (const one of [a, b, follower]) {
      expect(await one.receive(message)).toMatchObject({
        kind: "proposal",
        proposal: { proposalType: type },
        sender: { senderIndex: 1 },
        authenticatedData: filled(3),
      });
    }
    const [waiting] = a.proposals;
    expect(waiting?.proposer).toMatchObject({
      kind: "external",
      senderIndex: 1,
      signatureKey: signer.publicKey,
    });
    const { commit } = await a.commit({ references: [waiting?.reference as Uint8Array] });
    expect(await b.receive(commit)).toMatchObject({ kind: "commit" });
  },
);

it("is the same message that a follower makes", async () => {
  const { a, follower, signer, context } = await scene();
  // Ed25519 signs alike each time.
  expect(await externalProposal(crypto, signer, context, { remove: 1 })).toEqual(
    await follower.propose(signer, { remove: 1 }),
  );
  expect((await failure(follower.propose(signer, { remove: 7 }))).code).toBe("validation");
  // Who knows no more than the epoch learns from the members that it can't be.
  const wrong = await externalProposal(crypto, signer, context, { remove: 7 });
  expect((await refused(a, wrong)).code).toBe("validation");
});

it.each<[string, (context: Awaited<ReturnType<typeof scene>>["context"]) => object, string]>([
  ["of another sender's index", () => ({ senderIndex: 0 }), "validation"],
  ["of no sender's index", () => ({ senderIndex: 2 }), "unknown-sender"],
  ["of a past epoch", ({ epoch }) => ({ epoch: epoch - 1n }), "past-epoch"],
  ["of a future epoch", ({ epoch }) => ({ epoch: epoch + 1n }), "future-epoch"],
  ["of another group", () => ({ groupId: filled() }), "wrong-group"],
])("members refuse one %s", async (_, change, error) => {
  const { a, signer, context } = await scene();
  const wrong = { ...context, ...change(context) };
  const message = await externalProposal(crypto, signer, wrong, { remove: 1 });
  expect((await refused(a, message)).code).toBe(error);
});

it.each<[string, (signer: Signer) => Promise<[Partial<{ suite: number; signer: Signer }>, unknown]>, string]>(
  [
    [
      "a signer of another scheme",
      async () => [{ signer: await generateSigner(crypto, 2) }, { remove: 1 }],
      "unsupported",
    ],
    ["a suite that isn't served", async () => [{ suite: 0x7777 }, { remove: 1 }], "unsupported"],
    [
      "a key package of another suite",
      async () => [{}, { add: await (await member("carol", 3)).client.createKeyPackage() }],
      "validation",
    ],
    [
      "a key package with a wrong signature",
      async () => {
        const keyPackage = await (await member("carol")).client.createKeyPackage();
        return [{}, { add: flipped(keyPackage, keyPackage.length - 1, 0) }];
      },
      "validation",
    ],
    [
      "another's key package than is meant",
      async () => {
        const keyPackage = await (await member("mallory")).client.createKeyPackage();
        return [{}, { add: { keyPackage, credential: "carol" } }];
      },
      "authentication",
    ],
    ["bytes that are no key package", async () => [{}, { add: filled(40) }], "decode"],
    ["a change of single extensions", async () => [{}, { setExtensions: [] }], "usage"],
  ],
)("isn't made with %s", async (_, make, error) => {
  const { signer, context } = await scene();
  const [change, request] = await make(signer);
  const { suite = context.suite } = change;
  const attempt = externalProposal(
    crypto,
    change.signer ?? signer,
    { ...context, suite },
    request as Exclude<ExternalProposalRequest, { setExtensions: unknown }> as Request,
  );
  expect((await failure(attempt)).code).toBe(error);
});

it("can be given up, and a signer that fails has said nothing", async () => {
  const { signer, context } = await scene();
  const controller = new AbortController();
  const stuck = { ...signer, sign: () => new Promise<Uint8Array>(() => undefined) };
  const making = externalProposal(crypto, stuck, context, { remove: 1 }, { signal: controller.signal });
  controller.abort();
  expect(await failure(making)).toEqual(code("try-again"));
  const broken = {
    ...signer,
    sign: () => {
      throw new TypeError("the token is gone");
    },
  };
  expect(await failure(externalProposal(crypto, broken, context, { remove: 1 }))).toMatchObject({
    code: "try-again",
    cause: expect.any(TypeError),
  });
});

it("keeps nothing of what it is given: a context may be reused at once", async () => {
  const { a, signer, context } = await scene();
  const groupId = context.groupId.slice();
  const making = externalProposal(crypto, signer, { ...context, groupId }, { remove: 1 });
  groupId.fill(0);
  await a.receive(await making);
  const { groups } = await gather([await member("lone")]);
  expect((await refused(groups[0] as Group, await making)).code).toBe("wrong-group");
});
