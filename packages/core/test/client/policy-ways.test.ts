// RFC 9420 §5.3.1, §12.2: whatever way a client takes into a group, or to a change of it, its application's rules are
// asked: how many members there may be, who may propose and commit what, and whose credentials are true.

import type { ClientOptions, Credential, Policy } from "@copse/core";
import {
  Client,
  externalSenders,
  type Group,
  generateSigner,
  insecureAcceptAll,
  ProposalType,
} from "@copse/core";
import { joinByExternalCommit, proposeJoin } from "@copse/core/external";
import { PublicGroup, type PublicGroupOptions } from "@copse/core/public-group";
import { branch, reinitialize } from "@copse/core/resumption";
import { nodeProvider } from "@copse/provider-node";
import { failure } from "@copse/test-support/errors";
import { eachProposal } from "@copse/test-support/policies";
import { expect, it } from "vitest";

const crypto = nodeProvider();
const suite = 1;
const handshake = "public";

type Restrictions = Pick<ClientOptions & PublicGroupOptions, "policy" | "authentication">;

/** A rule of Bob's application, in force once `on` is called; the limit is in force from the start. */
interface Rule {
  readonly code: "limit" | "forbidden" | "authentication";
  /** @param members how many a group may have, where the rule is about that */
  make(members: number): { readonly restrictions: Restrictions; on(): void };
}

const nameOf = (credential: Credential) =>
  "identity" in credential ? new TextDecoder().decode(credential.identity as Uint8Array) : "";

const rules: readonly Rule[] = [
  {
    code: "limit",
    make: (maxMembers) => ({
      restrictions: { policy: { handshake, maxMembers }, authentication: insecureAcceptAll() },
      on: () => {},
    }),
  },
  {
    code: "forbidden",
    make: () => {
      let strict = false;
      const entries: readonly number[] = [ProposalType.add, ProposalType.externalInit];
      const authorize = eachProposal(({ proposalType }) => !strict || !entries.includes(proposalType));
      const on = () => {
        strict = true;
      };
      return { restrictions: { policy: { handshake, authorize }, authentication: insecureAcceptAll() }, on };
    },
  },
  {
    code: "authentication",
    make: () => {
      let strict = false;
      const validate = ({ credential }: { credential: Credential }) =>
        !strict || nameOf(credential) !== "carol";
      const on = () => {
        strict = true;
      };
      return { restrictions: { policy: { handshake }, authentication: { validate } }, on };
    },
  },
];

function client(credential: string, restrictions: Restrictions): Promise<Client> {
  return Client.create({ crypto, suite, credential, ...restrictions });
}

/** A client whose application allows everything. */
const open = (credential: string, policy: Partial<Policy> = { handshake }) =>
  client(credential, { policy, authentication: insecureAcceptAll() });

/** Alice's group, which the others join in their order by a Welcome. */
async function gathered(alice: Client, others: readonly Client[], extensions = {}): Promise<Group[]> {
  const group = await alice.createGroup(extensions);
  const { welcome } = await group.add(await Promise.all(others.map((one) => one.createKeyPackage())));
  await group.mergePendingCommit();
  return [group, ...(await Promise.all(others.map((one) => one.join(welcome as Uint8Array))))];
}

/** Alice and Bob in a group, Bob's rule now in force, and Carol outside of it. */
async function scene({ make }: Rule, members = 2) {
  const rule = make(members);
  const [alice, carol] = [await open("alice"), await open("carol")];
  const bob = await client("bob", rule.restrictions);
  const [aliceGroup, bobGroup] = (await gathered(alice, [bob])) as [Group, Group];
  rule.on();
  return { alice, bob, carol, aliceGroup, bobGroup };
}

/** Somebody under Bob's rule who follows Alice's group, and Carol, who isn't in it. */
async function followed({ make }: Rule, extensions = {}) {
  const rule = make(2);
  const [alice, carol] = [await open("alice"), await open("carol")];
  const [aliceGroup] = (await gathered(alice, [await open("bob")], extensions)) as [Group];
  const groupInfo = await aliceGroup.groupInfo();
  const follower = await PublicGroup.follow({ crypto, groupInfo, ...rule.restrictions });
  rule.on();
  return { carol, aliceGroup, follower };
}

/** Alice and Carol in a group, and Bob outside of it. */
async function strangers({ make }: Rule, members = 2) {
  const rule = make(members);
  const [alice, carol] = [await open("alice"), await open("carol")];
  const bob = await client("bob", rule.restrictions);
  const [aliceGroup] = (await gathered(alice, [carol])) as [Group];
  rule.on();
  return { bob, aliceGroup, restrictions: rule.restrictions };
}

/** Carol and Bob in a group, as Bob's other client knows it, and Bob under his rule. */
async function resumable({ make }: Rule) {
  const rule = make(1);
  const [bob, carol] = [await open("bob"), await open("carol")];
  const [group] = (await gathered(bob, [carol])) as [Group];
  const strict = await client("bob", rule.restrictions);
  rule.on();
  return { group, strict, add: [await carol.createKeyPackage()] };
}

type Way = (rule: Rule) => Promise<unknown>;

/** A way, and for each rule that isn't asked there, why not. */
const ways: readonly (readonly [name: string, way: Way, notAsked?: Partial<Record<Rule["code"], string>>])[] =
  [
    [
      "creating a group",
      async ({ make }) => (await client("bob", make(0).restrictions)).createGroup(),
      { forbidden: "there is no proposal", authentication: "the one credential is Bob's own" },
    ],
    [
      "adding a member",
      async (rule) => {
        const { bobGroup, carol } = await scene(rule);
        return bobGroup.add(await carol.createKeyPackage());
      },
    ],
    [
      "proposing a member",
      async (rule) => {
        const { bobGroup, carol } = await scene(rule);
        return bobGroup.propose({ add: await carol.createKeyPackage() });
      },
      { limit: "a proposal adds nobody" },
    ],
    [
      "receiving a proposal to add a member",
      async (rule) => {
        const { aliceGroup, bobGroup, carol } = await scene(rule);
        return bobGroup.receive(await aliceGroup.propose({ add: await carol.createKeyPackage() }));
      },
      { limit: "a proposal adds nobody" },
    ],
    [
      "receiving a new member's proposal to be added",
      async (rule) => {
        const { bobGroup, carol } = await scene(rule);
        return bobGroup.receive(await proposeJoin(carol, bobGroup));
      },
      { limit: "a proposal adds nobody" },
    ],
    [
      "committing a proposal that was received",
      async (rule) => {
        const { aliceGroup, bobGroup, carol } = await scene(rule);
        const received = await bobGroup.receive(
          await aliceGroup.propose({ add: await carol.createKeyPackage() }),
        );
        if (received.kind !== "proposal") throw new Error("expected a proposal");
        return bobGroup.commit({ references: [received.reference] });
      },
    ],
    [
      "receiving a commit that adds a member",
      async (rule) => {
        const { aliceGroup, bobGroup, carol } = await scene(rule);
        return bobGroup.receive((await aliceGroup.add(await carol.createKeyPackage())).commit);
      },
      { limit: "the limit is this client's own, and would divide the group" },
    ],
    [
      "receiving an external commit",
      async (rule) => {
        const { aliceGroup, bobGroup, carol } = await scene(rule);
        return bobGroup.receive((await joinByExternalCommit(carol, await aliceGroup.groupInfo())).commit);
      },
      { limit: "the limit is this client's own, and would divide the group" },
    ],
    [
      "joining by a Welcome",
      async (rule) => {
        const { bob, aliceGroup } = await strangers(rule);
        const { welcome } = await aliceGroup.add(await bob.createKeyPackage());
        return bob.join(welcome as Uint8Array);
      },
      { forbidden: "a Welcome has no proposals" },
    ],
    [
      "joining by an external commit",
      async (rule) => {
        const { bob, aliceGroup } = await strangers(rule);
        return joinByExternalCommit(bob, await aliceGroup.groupInfo());
      },
    ],
    [
      "proposing to be added",
      async (rule) => {
        const { bob, aliceGroup } = await strangers(rule);
        return proposeJoin(bob, aliceGroup);
      },
      { limit: "a proposal adds nobody", authentication: "the one credential is Bob's own" },
    ],
    [
      "making a subgroup",
      async (rule) => {
        const { group, strict, add } = await resumable(rule);
        return branch(strict, group, { add });
      },
    ],
    [
      "reinitializing a group",
      async (rule) => {
        const { group, strict, add } = await resumable(rule);
        await group.commit({ reinit: { groupId: new Uint8Array([1]), cipherSuite: suite, extensions: [] } });
        await group.mergePendingCommit();
        return reinitialize(strict, group, { add });
      },
    ],
    [
      "following a group",
      async (rule) => {
        const { aliceGroup, restrictions } = await strangers(rule, 1);
        return PublicGroup.follow({ crypto, groupInfo: await aliceGroup.groupInfo(), ...restrictions });
      },
      { forbidden: "a GroupInfo has no proposals" },
    ],
    [
      "following a proposal to add a member",
      async (rule) => {
        const { carol, aliceGroup, follower } = await followed(rule);
        return follower.receive(await aliceGroup.propose({ add: await carol.createKeyPackage() }));
      },
      { limit: "a proposal adds nobody" },
    ],
    [
      "following a commit that adds a member",
      async (rule) => {
        const { carol, aliceGroup, follower } = await followed(rule);
        return follower.receive((await aliceGroup.add(await carol.createKeyPackage())).commit);
      },
      { limit: "the limit is this client's own, and would divide the group" },
    ],
    [
      "following an external commit",
      async (rule) => {
        const { carol, aliceGroup, follower } = await followed(rule);
        return follower.receive((await joinByExternalCommit(carol, await aliceGroup.groupInfo())).commit);
      },
      { limit: "the limit is this client's own, and would divide the group" },
    ],
    [
      "proposing a member as an external sender",
      async (rule) => {
        const signer = await generateSigner(crypto, suite);
        const credential = { credentialType: 1, identity: new Uint8Array([1]) } as const;
        const extensions = [externalSenders([{ signatureKey: signer.publicKey, credential }])];
        const { carol, follower } = await followed(rule, { extensions });
        return follower.propose(signer, { add: await carol.createKeyPackage() });
      },
      { limit: "a proposal adds nobody" },
    ],
  ];

const pairs = ways.flatMap(([name, way, notAsked = {}]) =>
  rules.map((rule) => ({ name, way, rule, code: rule.code, notAsked: notAsked[rule.code] })),
);

it.each(pairs.filter(({ notAsked }) => notAsked === undefined))(
  "$name is refused by $code",
  async ({ way, rule }) => {
    expect((await failure(way(rule))).code).toBe(rule.code);
  },
);

it.each(pairs.filter(({ notAsked }) => notAsked !== undefined))(
  "$name isn't refused by $code: $notAsked",
  async ({ way, rule }) => {
    await way(rule);
  },
);
