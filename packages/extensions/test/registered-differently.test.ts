// RFC 9420 §7.2, §13.4: members who registered different extensions come to the same verdict, and support what they list.
import { type Client, type Group, generateSigner, type MlsError } from "@copse/core";
import { type Extension, ensure, type MlsExtension } from "@copse/core/extension";
import { PublicGroup } from "@copse/core/public-group";
import {
  appData,
  appDataDictionary,
  ComponentId,
  lastResort,
  lastResortKeyPackage,
  selfRemove,
} from "@copse/extensions";
import { keyPackageIn, type Party, party } from "@copse/test-support/clients";
import { failure } from "@copse/test-support/errors";
import { by, forge, insider } from "@copse/test-support/insiders";
import { describe, expect, it } from "vitest";
import { ProposalType } from "../../core/src/wire/proposal.js";
import {
  agree,
  authentication,
  client,
  crypto,
  deliver,
  gather,
  refusal,
  refused,
  SUITE,
} from "./clients.js";

const DICTIONARY = 6;
const TYPE = 0xf123;
const COMPONENT = 0x8001;
const malformed = { extensionType: DICTIONARY, extensionData: Uint8Array.of(0xff, 1, 2) };
const empty = { extensionType: TYPE, extensionData: new Uint8Array() };
const withData = () => [appData({ components: [] })];
/** An application that accepts four bytes of a component. */
const strict = () => [
  appData({
    components: [
      {
        componentId: COMPONENT,
        checkData: (data) => ensure(data.length <= 4, "draft-test: a component has at most four bytes"),
      },
    ],
  }),
];
const tooLong = appDataDictionary([{ componentId: COMPONENT, data: new Uint8Array(9) }]);

/** A client that isn't interested in the rules of the dictionary, but lists it. */
const stranger = (leafExtensions: readonly Extension[] = [malformed]) =>
  client("stranger", [], { capabilities: { extensions: [DICTIONARY] }, leafExtensions });

describe("a stranger's key package splits a group whose members registered different extensions", () => {
  it.each([
    ["a malformed extension in its leaf", withData, [], async () => (await stranger()).createKeyPackage()],
    [
      "a malformed extension of its own",
      withData,
      [],
      async () => (await stranger([])).createKeyPackage({ extensions: [malformed] }),
    ],
    [
      "data that one member's component refuses",
      strict,
      withData(),
      async () => (await stranger([tooLong])).createKeyPackage(),
    ],
  ] as const)("by %s", async (_, ofAlice, others, make) => {
    const [bob, alice, carol] = (await gather([
      await client("bob", others),
      await client("alice", ofAlice()),
      await client("carol", others),
    ])) as [Group, Group, Group];
    const keyPackage = await make();
    // Who knows the rules doesn't add it, and leaves it out of a commit if another proposes it.
    await refused(alice, () => alice.add(keyPackage));
    await deliver(await bob.propose({ add: keyPackage }), alice, carol);
    const { commit: without } = await alice.commit();
    expect((await deliver(without, bob, carol))[0]).toMatchObject({ added: [] });
    await alice.mergePendingCommit();
    // But everybody accepts it from whoever doesn't know them.
    await deliver((await bob.add(keyPackage)).commit, alice, carol);
    await bob.mergePendingCommit();
    agree(bob, alice, carol);
    // And a new member who knows the rules can join.
    const dave = await client("dave", ofAlice());
    const { commit, welcome } = await bob.add(await dave.createKeyPackage());
    await deliver(commit, alice, carol);
    await bob.mergePendingCommit();
    agree(bob, await dave.join(welcome as Uint8Array));
  });

  it("but where the group requires the type, all refuse it", async () => {
    const required = [
      appDataDictionary([
        { componentId: ComponentId.appComponents, data: Uint8Array.of(2, COMPONENT >> 8, COMPONENT & 0xff) },
      ]),
    ];
    const parties: Party[] = [];
    for (const name of ["alice", "bob"])
      parties.push(await party(name, { suite: SUITE, extensions: strict() }));
    const [alice, bob] = (await gather(
      parties.map((one) => one.client),
      { extensions: required },
    )) as [Group, Group];
    for (const leaf of [malformed, tooLong]) {
      const keyPackage = keyPackageIn(await (await stranger([leaf])).createKeyPackage());
      const from = await insider(parties[0] as Party, alice);
      const commit = await forge(from, { proposals: by(0, { proposalType: ProposalType.add, keyPackage }) });
      expect(await refused(bob, () => bob.receive(commit))).toMatch(/decode|data must be valid/);
    }
  });
});

describe("one member's component splits a group that requires the dictionary, but not the component", () => {
  const three = async () =>
    (await gather(
      [await client("bob", withData()), await client("alice", strict()), await client("carol", withData())],
      { extensions: [appDataDictionary([])] },
    )) as [Group, Group, Group];

  it("by data in a leaf", async () => {
    const [bob, alice, carol] = await three();
    const { commit } = await bob.add(await (await stranger([tooLong])).createKeyPackage());
    await deliver(commit, alice, carol);
    await bob.mergePendingCommit();
    agree(bob, alice, carol);
  });

  it("by data in the GroupContext", async () => {
    const [bob, alice, carol] = await three();
    await refused(alice, () => alice.commit({ extensions: [tooLong] }));
    const own = await client("alice", strict());
    expect(await refusal(own.createGroup({ extensions: [tooLong] }))).toMatch(/data must be valid/);
    await deliver((await bob.commit({ extensions: [tooLong] })).commit, alice, carol);
    await bob.mergePendingCommit();
    agree(bob, alice, carol);
    // It can be joined too.
    const dave = await client("dave", strict());
    const { welcome } = await bob.add(await dave.createKeyPackage());
    await bob.mergePendingCommit();
    agree(bob, await dave.join(welcome as Uint8Array));
  });
});

it("an extension that one member has splits a group by what it says of leaves", async () => {
  const choosy: MlsExtension = {
    ...level(3),
    checkLeafNode: () => ensure(false, "draft-test: no leaf fits"),
  };
  const [alice, bob] = (await gather([await client("alice", []), await client("bob", [choosy])])) as [
    Group,
    Group,
  ];
  await deliver((await alice.add(await (await stranger([])).createKeyPackage())).commit, bob);
  await alice.mergePendingCommit();
  agree(alice, bob);
});

it("a ReInit splits a group whose members registered different extensions", async () => {
  const mallory = await party("mallory", { suite: SUITE });
  const [m, alice, bob] = (await gather([
    mallory.client,
    await client("alice", withData()),
    await client("bob", []),
    await client("able", [], { capabilities: { extensions: [DICTIONARY] } }),
  ])) as [Group, Group, Group];
  const reinit = { version: 1, cipherSuite: SUITE, groupId: Uint8Array.of(1), extensions: [malformed] };
  const proposals = by(0, { proposalType: ProposalType.reinit, ...reinit });
  const commit = await forge(await insider(mallory, m), { proposals, path: "none" });
  await refused(alice, () => alice.commit({ reinit }));
  await deliver(commit, alice, bob);
  agree(alice, bob);
});

describe("a client is left behind by an extension that its leaf lists and that it doesn't support", () => {
  it.each([
    ["a key package of last resort", () => client("bob", [lastResort()]), [lastResortKeyPackage()]],
    ["a key package with an extension", () => client("bob", []), [empty]],
    ["a leaf with an extension", () => client("bob", [], { leafExtensions: [empty] }), []],
  ] as const)("after %s", async (_, make, extensions) => {
    const bob = await make();
    expect(await refusal(bob.createKeyPackage({ extensions }))).toBe("usage");
  });

  it("after it listed a proposal type that it can't decode", async () => {
    expect(await refusal(client("bob", [], { capabilities: { proposals: [10] } }))).toBe("usage");
    await client("bob", [selfRemove()], { capabilities: { proposals: [10, 0x1a1a] } });
  });

  it("but a client of last resort with application data follows", async () => {
    const bob = await client("bob", [lastResort(), ...withData()]);
    const alice = await (await client("alice", withData())).createGroup();
    const { welcome } = await alice.add(await bob.createKeyPackage({ extensions: [lastResortKeyPackage()] }));
    await alice.mergePendingCommit();
    const joined = await bob.join(welcome as Uint8Array);
    await deliver((await alice.commit({ extensions: [appDataDictionary([])] })).commit, joined);
    await alice.mergePendingCommit();
    agree(alice, joined);
  });
});

/** A group has a level, and each leaf one that isn't lower. */
const level = (own: number): MlsExtension => ({
  name: "level",
  extensions: [{ extensionType: TYPE, name: "level", places: ["groupContext", "leafNode"] }],
  leafNodeExtensions: () => [ofLevel(own)],
  checkLeafNode: ({ extensions }, group) => {
    const of = (list: typeof extensions) =>
      list.find(({ extensionType }) => extensionType === TYPE)?.extensionData[0] ?? 0;
    ensure(of(extensions) >= of(group), "draft-test: the level of a leaf");
  },
});
const ofLevel = (own: number) => ({ extensionType: TYPE, extensionData: Uint8Array.of(own) });
const atLevel = (name: string, own: number) => client(name, [level(own)]);
const RAISE = { extensions: [ofLevel(2)] };

describe("a change of the group's extensions lets nobody join any more", () => {
  it("because a leaf doesn't fit them", async () => {
    const [alice, bob] = (await gather([await atLevel("alice", 3), await atLevel("bob", 1)])) as [
      Group,
      Group,
    ];
    expect(await refused(alice, () => alice.commit(RAISE))).toMatch(/level of a leaf/);
    const { commit } = await alice.commit({ ...RAISE, remove: [1] });
    await bob.receive(commit);
    await alice.mergePendingCommit();
    const dave = await atLevel("dave", 3);
    const { welcome } = await alice.add(await dave.createKeyPackage());
    await alice.mergePendingCommit();
    agree(alice, await dave.join(welcome as Uint8Array));
    await PublicGroup.follow({
      crypto,
      authentication,
      extensions: [level(3)],
      groupInfo: await alice.groupInfo(),
    });
  });

  it("also when it comes from a member who doesn't check that", async () => {
    const mallory = await party("mallory", { suite: SUITE, extensions: [level(3)] });
    const [m, bob] = (await gather([mallory.client, await atLevel("bob", 3), await atLevel("carol", 1)])) as [
      Group,
      Group,
    ];
    const proposals = by(0, { proposalType: ProposalType.groupContextExtensions, ...RAISE });
    const commit = await forge(await insider(mallory, m), { proposals });
    expect(await refused(bob, () => bob.receive(commit))).toMatch(/level of a leaf/);
  });

  it("and a received Add that doesn't fit them is left out", async () => {
    const [alice, bob] = (await gather([await atLevel("alice", 3), await atLevel("bob", 3)])) as [
      Group,
      Group,
    ];
    for (const [name, own] of [
      ["low", 1],
      ["high", 3],
    ] as const) {
      await deliver(await bob.propose({ add: await (await atLevel(name, own)).createKeyPackage() }), alice);
    }
    const { commit } = await alice.commit(RAISE);
    expect((await deliver(commit, bob))[0]).toMatchObject({ added: [{ leafIndex: 2 }] });
    await alice.mergePendingCommit();
    agree(alice, bob);
    expect(alice.leafNode(2)?.extensions).toEqual([ofLevel(3)]);
  });

  it("and all refuse an Add that doesn't fit them, whether it waited or was restored", async () => {
    const mallory = await party("mallory", { suite: SUITE, extensions: [level(3)] });
    const signer = await generateSigner(crypto, SUITE);
    const owner = await client("carol", [level(3)], { signer });
    const [m, bob, carol] = (await gather([mallory.client, await atLevel("bob", 3), owner])) as [
      Group,
      Group,
      Group,
    ];
    const waiting = await bob.propose({ add: await (await atLevel("low", 1)).createKeyPackage() });
    await deliver(waiting, m, carol);
    const saved = await carol.save();
    await carol.close();
    const restored = await owner.restore(saved);
    const [cached] = m.proposals;
    const proposals = [
      ...by(0, { proposalType: ProposalType.groupContextExtensions, ...RAISE }),
      { ...by(1, cached?.proposal as never)[0], reference: cached?.reference },
    ];
    const commit = await forge(await insider(mallory, m), { proposals: proposals as never });
    for (const group of [bob, restored]) {
      expect(await refused(group, () => group.receive(commit))).toMatch(/level of a leaf/);
    }
  });
});

it("a key package with a malformed extension waits until the group requires the type", async () => {
  const mallory = await party("mallory", { suite: SUITE, capabilities: { extensions: [DICTIONARY] } });
  const signer = await generateSigner(crypto, SUITE);
  const owner = await client("carol", withData(), { signer });
  const [m, bob, carol] = (await gather([mallory.client, await client("bob", withData()), owner])) as [
    Group,
    Group,
    Group,
  ];
  const keyPackage = await (await stranger([])).createKeyPackage({ extensions: [malformed] });
  await deliver(await m.propose({ add: keyPackage }), bob, carol);
  const saved = await carol.save();
  await carol.close();
  const restored = await owner.restore(saved);
  const [cached] = m.proposals;
  const extensions = [appDataDictionary([])];
  const proposals = [
    ...by(0, { proposalType: ProposalType.groupContextExtensions, extensions }, cached?.proposal as never),
  ].map((one, i) => (i === 0 ? one : { ...one, reference: cached?.reference }));
  const commit = await forge(await insider(mallory, m), { proposals: proposals as never });
  for (const group of [bob, restored]) {
    expect(await refused(group, () => group.receive(commit))).toBe("decode");
  }
});

describe("a client that was restored with fewer extensions than its leaf lists is left behind", () => {
  const saying = async (work: Promise<unknown>) => {
    const { code, message } = (await failure(work)) as MlsError;
    return `${code}: ${message}`;
  };

  it.each([
    ["an extension type", { capabilities: { extensions: [TYPE] } }, {}, /extension type 61731/],
    ["a proposal type", { extensions: [selfRemove()] }, {}, /proposal type 10/],
    ["a credential type", {}, { capabilities: { credentials: [1] } }, /credential type 2/],
  ])("by %s", async (_, before, after, missing) => {
    const signer = await generateSigner(crypto, SUITE);
    const first = await client("bob", [], { ...before, signer });
    const group = await first.createGroup();
    await first.createKeyPackage();
    const [saved, keyPackages] = [await group.save(), await first.saveKeyPackages()];
    const later = await client("bob", [], { ...after, signer });
    expect(await saying(later.restore(saved.slice()))).toMatch(missing);
    expect(await saying(later.restore(saved.slice()))).toMatch(/^usage: /);
    expect(await saying(later.loadKeyPackages(keyPackages.slice()))).toMatch(missing);
    // With more than it lists, it is restored.
    const more: Client = await client("bob", [], { ...before, signer, extensions: [selfRemove()] });
    await more.loadKeyPackages(keyPackages);
    expect((await more.restore(saved)).epoch).toBe(0n);
  });

  it("but not in a group that has ended", async () => {
    const signer = await generateSigner(crypto, SUITE);
    const [alice, bob] = (await gather([
      await client("alice", [selfRemove()]),
      await client("bob", [selfRemove()], { signer }),
    ])) as [Group, Group];
    const reinit = { groupId: Uint8Array.of(1), cipherSuite: SUITE, extensions: [] };
    await deliver((await alice.commit({ reinit })).commit, bob);
    expect((await (await client("bob", [], { signer })).restore(await bob.save())).active).toBe(false);
  });
});
