// draft-ietf-mls-extensions: application data in the group's state, beside commits, and in authenticated_data.

import {
  type Client,
  type ClientOptions,
  externalSenders,
  type Group,
  generateSigner,
  requiredCapabilities,
} from "@copse/core";
import { decode, type Extension, encode, utf8 } from "@copse/core/extension";
import { joinByExternalCommit } from "@copse/core/external";
import {
  APP_DATA_DICTIONARY,
  APP_DATA_UPDATE,
  APP_EPHEMERAL,
  type AppComponent,
  AppDataDictionary,
  appData,
  appDataDictionary,
  appDataRemove,
  appDataUpdate,
  appEphemeral,
  ComponentId,
  ComponentsList,
  componentDataIn,
  componentIn,
  ephemeralDataOf,
  readSafeAad,
  safeAad,
} from "@copse/extensions";
import { reopened } from "@copse/test-support/clients";
import { describe, expect, it } from "vitest";
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

const NAME = 0x8001;
const COUNTER = 0x8002;
const PINNED = 0x8003;
const text = (bytes: Uint8Array | undefined) => bytes && new TextDecoder().decode(bytes);

/** The last value replaces the others. */
const name: AppComponent = {
  componentId: NAME,
  update: (_, updates) => updates.at(-1) as Uint8Array,
  checkData: (data) => {
    if (data.length > 32) throw new Error("too long");
  },
};
/** Each value is added to the others. */
const counter: AppComponent = {
  componentId: COUNTER,
  update: (before, updates) => {
    if (updates.some((one) => one.length !== 1)) throw new Error("one byte");
    return Uint8Array.of(updates.reduce((sum, [by = 0]) => sum + by, before?.[0] ?? 0));
  },
  checkEphemeral: (data) => {
    if (data.length > 4) throw new Error("too long");
  },
};
const pinned: AppComponent = { componentId: PINNED, safeAad: true };
const components = [name, counter, pinned];
const make = () => [appData({ components })];
const list = (...componentIds: number[]) => encode(ComponentsList, { componentIds });

const dataOf = (group: Group, componentId: number) => componentDataIn(group.extensions, componentId);

/** Has one commit what is asked for, and all follow. */
async function commit(options: Parameters<Group["commit"]>[0], from: Group, ...others: Group[]) {
  const made = await from.commit(options);
  const received = await deliver(made.commit, ...others);
  const own = await from.mergePendingCommit();
  agree(from, ...others);
  return { made, own, received };
}

describe("AppDataUpdate", () => {
  it("changes data without a path, in the order of the proposals, and removes them", async () => {
    const [alice, bob, carol] = await three(make);
    const server = await publicGroupOf(alice, make());
    const { received } = await commit(
      { proposals: [appDataUpdate(NAME, utf8("first")), appDataUpdate(COUNTER, Uint8Array.of(2))] },
      alice,
      bob,
      carol,
    );
    expect(received).toMatchObject([{ kind: "commit", updated: [] }, { kind: "commit" }]);
    expect(text(dataOf(bob, NAME))).toBe("first");
    await deliver(await bob.propose({ custom: appDataUpdate(NAME, utf8("second")) }), alice, carol);
    await deliver(await bob.propose({ custom: appDataUpdate(COUNTER, Uint8Array.of(3)) }), alice, carol);
    await deliver(await carol.propose({ custom: appDataUpdate(NAME, utf8("third")) }), alice, bob);
    await commit({ proposals: [appDataUpdate(COUNTER, Uint8Array.of(5))] }, alice, bob, carol);
    expect(text(dataOf(carol, NAME))).toBe("third");
    expect(dataOf(carol, COUNTER)).toEqual(Uint8Array.of(10));
    await commit({ proposals: [appDataRemove(NAME)] }, bob, alice, carol);
    expect(dataOf(alice, NAME)).toBeUndefined();
    expect(dataOf(alice, COUNTER)).toEqual(Uint8Array.of(10));
    // The entries are sorted, whatever the order of the updates.
    await commit({ proposals: [appDataUpdate(NAME, utf8("again"))] }, carol, alice, bob);
    const found = alice.extensions.find((one) => one.extensionType === APP_DATA_DICTIONARY) as Extension;
    const { componentData } = decode(AppDataDictionary, found.extensionData);
    expect(componentData.map(({ componentId }) => componentId)).toEqual([NAME, COUNTER]);
    expect(server.epoch).toBeLessThan(alice.epoch);
  });

  it("reaches new members, and is taken together with their Adds", async () => {
    const [alice, bob, carol] = await three(make, {
      extensions: [appDataDictionary([{ componentId: NAME, data: utf8("given") }])],
    });
    const dave = await client("dave", make());
    const { made } = await commit(
      { add: [await dave.createKeyPackage()], proposals: [appDataUpdate(NAME, utf8("for four"))] },
      alice,
      bob,
      carol,
    );
    const ofDave = await dave.join(made.welcome as Uint8Array);
    agree(alice, ofDave);
    expect(text(dataOf(ofDave, NAME))).toBe("for four");
    const erin = await client("erin", make());
    const joined = await joinByExternalCommit(erin, await ofDave.groupInfo(), {
      custom: [appDataUpdate(NAME, utf8("for five")), appEphemeral(COUNTER, utf8("hi"))],
    });
    const received = await deliver(joined.commit, alice, bob, carol, ofDave, joined.group);
    agree(alice, bob, carol, ofDave, joined.group);
    expect(text(dataOf(alice, NAME))).toBe("for five");
    expect(ephemeralDataOf(received[0] as never)).toMatchObject([{ componentId: COUNTER, data: utf8("hi") }]);
  });

  it("comes from an external sender, and a PublicGroup follows it", async () => {
    const signer = await generateSigner(crypto, SUITE);
    const credential = { credentialType: 1, identity: new Uint8Array([1]) } as const;
    const [alice, bob, carol] = await three(
      make,
      { extensions: [externalSenders([{ signatureKey: signer.publicKey, credential }])] },
      { policy: { handshake: "public" } },
    );
    const server = await publicGroupOf(alice, make());
    const proposals = [
      await server.propose(signer, { custom: appDataUpdate(NAME, utf8("by the server")) }),
      await server.propose(signer, { custom: appEphemeral(COUNTER, utf8("now")) }),
    ];
    for (const proposal of proposals) await deliver(proposal, server, alice, bob, carol);
    const made = await bob.commit();
    const [atServer, atAlice] = await deliver(made.commit, server, alice, carol);
    await bob.mergePendingCommit();
    agree(alice, bob, carol);
    expect(server.extensions).toEqual(alice.extensions);
    expect(server.treeHash).toEqual(alice.treeHash);
    expect(server.confirmedTranscriptHash).toEqual(alice.confirmedTranscriptHash);
    for (const received of [atServer, atAlice]) {
      expect(ephemeralDataOf(received as never)).toMatchObject([
        { data: utf8("now"), sender: { senderType: 2 } },
      ]);
    }
  });

  it.each<[string, Parameters<Group["commit"]>[0], RegExp]>([
    [
      "for an unknown component",
      { proposals: [appDataUpdate(0x9999, utf8("x"))] },
      /component must be known/,
    ],
    [
      "for data that can't be updated",
      { proposals: [appDataUpdate(PINNED, utf8("x"))] },
      /data must be valid/,
    ],
    [
      "if the application refuses it",
      { proposals: [appDataUpdate(COUNTER, utf8("xy"))] },
      /data must be valid/,
    ],
    [
      "if it makes data too long",
      { proposals: [appDataUpdate(NAME, new Uint8Array(33))] },
      /data must be valid/,
    ],
    ["if it removes what isn't there", { proposals: [appDataRemove(COUNTER)] }, /must be there/],
    [
      "if it removes twice",
      { proposals: [appDataRemove(NAME), appDataRemove(NAME)] },
      /one remove or any updates/,
    ],
    [
      "if it updates and removes",
      { proposals: [appDataUpdate(NAME, utf8("x")), appDataRemove(NAME)] },
      /one remove or any updates/,
    ],
    [
      "for malformed lists",
      { proposals: [appDataUpdate(ComponentId.safeAad, utf8("xyz"))] },
      /data must be valid/,
    ],
    [
      "if it requires what isn't supported",
      { proposals: [appDataUpdate(ComponentId.appComponents, list(0x9999))] },
      /all members must support/,
    ],
    [
      "with an AppEphemeral for an unknown component",
      { proposals: [appEphemeral(0x9999, utf8("x"))] },
      /AppEphemeral: the component/,
    ],
    [
      "with an invalid AppEphemeral",
      { proposals: [appEphemeral(COUNTER, utf8("xyzab"))] },
      /data must be valid/,
    ],
  ])("is refused %s", async (_, options, rule) => {
    const [alice] = await three(make, {
      extensions: [appDataDictionary([{ componentId: NAME, data: utf8("given") }])],
    });
    expect(await refused(alice, () => alice.commit(options))).toMatch(rule);
  });

  it("doesn't keep a group from committing if proposals conflict", async () => {
    const [alice, bob, carol] = await three(make, {
      extensions: [appDataDictionary([{ componentId: NAME, data: utf8("given") }])],
    });
    const members = [alice, bob, carol];
    const propose = async (from: Group, custom: ReturnType<typeof appDataUpdate>) =>
      deliver(await from.propose({ custom }), ...members.filter((one) => one !== from));
    await propose(bob, appDataUpdate(NAME, utf8("by bob")));
    await propose(carol, appDataRemove(NAME));
    await propose(carol, appDataUpdate(COUNTER, utf8("xy")));
    await propose(bob, appDataUpdate(COUNTER, Uint8Array.of(1)));
    await commit({}, alice, bob, carol);
    expect(text(dataOf(carol, NAME))).toBe("by bob");
    expect(dataOf(carol, COUNTER)).toEqual(Uint8Array.of(1));
  });

  it("is refused on receipt if the sender's application has other rules", async () => {
    const lax = { ...counter, update: () => Uint8Array.of(7) };
    const clients = [
      await client("alice", [appData({ components: [lax, name, pinned] })]),
      await client("bob", make()),
    ];
    const [alice, bob] = (await gather(clients)) as [Group, Group];
    const made = await alice.commit({ proposals: [appDataUpdate(COUNTER, Uint8Array.of(1, 2))] });
    expect(await refused(bob, () => bob.receive(made.commit))).toMatch(/data must be valid/);
    await alice.clearPendingCommit();
    // What they come to differently is found too, by the confirmation tag.
    const differing = await alice.commit({ proposals: [appDataUpdate(COUNTER, Uint8Array.of(1))] });
    expect(await refused(bob, () => bob.receive(differing.commit))).toMatch(/^12\.4\.2: /);
  });

  it("is the only way to change the dictionary if it is a required capability", async () => {
    const given = appDataDictionary([{ componentId: NAME, data: utf8("given") }]);
    const required = requiredCapabilities({ proposalTypes: [APP_DATA_UPDATE, APP_EPHEMERAL] });
    const [alice, bob, carol] = await three(make, { extensions: [given, required] });
    const other = appDataDictionary([{ componentId: NAME, data: utf8("other") }]);
    for (const extensions of [[required], [other, required], [required, other]]) {
      expect(await refused(alice, () => alice.commit({ extensions }))).toMatch(
        /must leave the app_data_dictionary/,
      );
    }
    await commit(
      {
        extensions: [required, given, externalSenders([])],
        proposals: [appDataUpdate(NAME, utf8("by the update"))],
      },
      alice,
      bob,
      carol,
    );
    expect(text(dataOf(carol, NAME))).toBe("by the update");
    expect(carol.extensions).toHaveLength(3);
    // Where it isn't required, the extension may be replaced too.
    const current = carol.extensions.find((one) => one.extensionType === APP_DATA_DICTIONARY) as Extension;
    await commit({ extensions: [current] }, bob, alice, carol);
    await commit({ extensions: [other] }, bob, alice, carol);
    await commit({ extensions: [given] }, bob, alice, carol);
    expect(text(dataOf(alice, NAME))).toBe("given");
  });

  it("is refused in groups with a member that doesn't support it", async () => {
    const clients: Client[] = [await client("alice", make()), await client("bob", [])];
    const [alice, bob] = (await gather(clients)) as [Group, Group];
    expect(await refused(alice, () => alice.commit({ proposals: [appDataUpdate(NAME, utf8("x"))] }))).toMatch(
      /^12\.2: /,
    );
    expect(await refused(alice, () => alice.propose({ custom: appEphemeral(NAME, utf8("x")) }))).toMatch(
      /^13\.2: /,
    );
    // Who is removed needn't support what the same commit has.
    const made = await alice.commit({ remove: [1], proposals: [appEphemeral(COUNTER, utf8("x"))] });
    expect(await refused(bob, () => bob.receive(made.commit))).toBe("decode");
    await alice.mergePendingCommit();
    await alice.commit({ proposals: [appDataUpdate(NAME, utf8("x"))] });
    await alice.mergePendingCommit();
    const carol = await client("carol", []);
    expect(await refusal(alice.add(await carol.createKeyPackage()))).toMatch(/^13\.4: /);
    expect(await refusal(joinByExternalCommit(carol, await alice.groupInfo()))).toMatch(/^(13\.4|12\.2): /);
  });
});

describe("AppEphemeral", () => {
  it("delivers data to all members in the order of the commit, also after a pending commit was saved and restored", async () => {
    const signer = await generateSigner(crypto, SUITE);
    const options: Partial<ClientOptions> = { signer };
    const clients = [
      await client("alice", make(), options),
      await client("bob", make()),
      await client("carol", make()),
    ];
    const [alice, bob, carol] = (await gather(clients)) as [Group, Group, Group];
    await deliver(await bob.propose({ custom: appEphemeral(COUNTER, utf8("b")) }), alice, carol);
    const made = await alice.commit({
      proposals: [appEphemeral(COUNTER, utf8("a")), appEphemeral(NAME, utf8("c"))],
    });
    const restored = await reopened(clients[0] as Client, alice);
    const own = await restored.mergePendingCommit();
    const received = await deliver(made.commit, bob, carol);
    for (const one of [own, ...received]) {
      expect(ephemeralDataOf(one as never).map(({ componentId, data }) => [componentId, text(data)])).toEqual(
        [
          [COUNTER, "b"],
          [COUNTER, "a"],
          [NAME, "c"],
        ],
      );
    }
    agree(restored, bob, carol);
    expect(restored.extensions).toEqual([]);
  });
});

describe("components", () => {
  it("are listed in leaf nodes, and required of all members", async () => {
    const required = appDataDictionary([
      { componentId: ComponentId.appComponents, data: list(NAME, COUNTER) },
    ]);
    const [alice, bob] = await three(make, { extensions: [required] });
    expect(componentIn(bob.leafNode(1)?.extensions ?? [], ComponentId.appComponents, ComponentsList)).toEqual(
      {
        componentIds: [ComponentId.appComponents, ComponentId.safeAad, NAME, COUNTER, PINNED],
      },
    );
    expect(componentIn(bob.leafNode(1)?.extensions ?? [], ComponentId.safeAad, ComponentsList)).toEqual({
      componentIds: [PINNED],
    });
    const poor = await client("poor", [appData({ components: [name] })]);
    expect(await refused(alice, async () => alice.add(await poor.createKeyPackage()))).toMatch(/negotiation/);
    expect(await refusal(joinByExternalCommit(poor, await alice.groupInfo()))).toMatch(/negotiation/);
    await expect(poor.createGroup({ extensions: [required] })).rejects.toThrow(/negotiation/);
  });

  it("have data of their own in leaf nodes, key packages and GroupInfos", async () => {
    const own: AppComponent = {
      componentId: NAME,
      leafNode: () => utf8("leaf"),
      keyPackage: () => utf8("package"),
      groupInfo: () => utf8("info"),
    };
    for (const grease of [false, true]) {
      const [alice, bob] = await three(() => [appData({ components: [own], grease })]);
      expect(text(componentDataIn(alice.leafNode(2)?.extensions ?? [], NAME))).toBe("leaf");
      await deliver((await bob.update()).commit, alice);
      await bob.mergePendingCommit();
      agree(alice, bob);
    }
  });

  it("must be listed in order, once each", async () => {
    const entries = [NAME, COUNTER].map((componentId) => ({ componentId, data: utf8("x") }));
    const [first, second] = entries as [(typeof entries)[number], (typeof entries)[number]];
    const alice = await client("alice", make());
    for (const componentData of [
      [second, first],
      [first, first],
    ]) {
      const extensionData = encode(AppDataDictionary, { componentData });
      const extensions = [{ extensionType: APP_DATA_DICTIONARY, extensionData }];
      expect(await refusal(alice.createGroup({ extensions }))).toMatch(/sorted by component_id/);
      expect(await refusal(alice.createKeyPackage({ extensions }))).toMatch(/sorted by component_id/);
      const group = await alice.createGroup();
      expect(await refused(group, () => group.commit({ extensions }))).toMatch(/sorted by component_id/);
    }
    expect(() => appDataDictionary([first, first])).toThrow(/sorted/);
  });
});

describe("Safe AAD", () => {
  const extensions = [appDataDictionary([{ componentId: ComponentId.safeAad, data: list(PINNED) }])];
  const authenticatedData = safeAad([
    { componentId: PINNED, aadItemData: utf8("pinned") },
    { componentId: NAME, aadItemData: utf8("name") },
  ]);

  it("frames the authenticated_data of all messages, with an empty list by default", async () => {
    const [alice, bob, carol] = await three(make, { extensions });
    const [plain] = await deliver(await alice.encrypt("plain"), bob, carol);
    expect(plain).toMatchObject({ authenticatedData: Uint8Array.of(0) });
    const [framed] = await deliver(await alice.encrypt("framed", { authenticatedData }), bob, carol);
    expect(readSafeAad((framed as { authenticatedData: Uint8Array }).authenticatedData)).toEqual([
      { componentId: NAME, aadItemData: utf8("name") },
      { componentId: PINNED, aadItemData: utf8("pinned") },
    ]);
    await deliver(await bob.propose({ update: true }, { authenticatedData }), alice, carol);
    await commit({ authenticatedData }, alice, bob, carol);
    await commit({ forcePath: true }, alice, bob, carol);
    const dave = await client("dave", make());
    const joined = await joinByExternalCommit(dave, await alice.groupInfo());
    await deliver(joined.commit, alice, bob, carol, joined.group);
    agree(alice, joined.group);
  });

  it("is switched on and off by an AppDataUpdate", async () => {
    const [alice, bob, carol] = await three(make);
    await deliver(await alice.encrypt("free", { authenticatedData: utf8("free") }), bob, carol);
    const late = await alice.encrypt("late", { authenticatedData: utf8("free") });
    await commit({ proposals: [appDataUpdate(ComponentId.safeAad, list())] }, alice, bob, carol);
    // What was sent before is judged by the epoch that it was sent in.
    await deliver(late, bob, carol);
    expect(await refused(alice, () => alice.encrypt("x", { authenticatedData: utf8("free") }))).toBe(
      "decode",
    );
    await deliver(await alice.encrypt("x", { authenticatedData }), bob, carol);
    await commit({ proposals: [appDataRemove(ComponentId.safeAad)] }, alice, bob, carol);
    await deliver(await alice.encrypt("free", { authenticatedData: utf8("free") }), bob, carol);
  });

  it("is refused if it is out of order, repeated or missing, on sending and on receipt", async () => {
    const lax = {
      ...appData({ components }),
      checkAuthenticatedData: () => {},
      defaultAuthenticatedData: () => undefined,
    };
    const clients = [await client("alice", [lax]), await client("bob", make())];
    const [alice, bob] = (await gather(clients, { extensions })) as [Group, Group];
    const items = [NAME, PINNED].map((componentId) => ({ componentId, aadItemData: utf8("x") }));
    const [first, second] = items as [(typeof items)[number], (typeof items)[number]];
    const encoded = (...list: typeof items) => {
      const parts = list.flatMap(({ componentId }) => [componentId >> 8, componentId & 255, 1, 120]);
      return Uint8Array.of(parts.length, ...parts);
    };
    expect(encoded(first, second)).toEqual(safeAad(items));
    for (const [bad, rule] of [
      [encoded(second, first), /increasing order/],
      [encoded(first, first), /increasing order/],
      [new Uint8Array(), /decode/],
      [Uint8Array.of(0, 0), /decode/],
    ] as const) {
      expect(await refused(bob, () => bob.encrypt("x", { authenticatedData: bad }))).toMatch(rule);
      const message = await alice.encrypt("x", { authenticatedData: bad });
      expect(await refused(bob, () => bob.receive(message))).toMatch(rule);
      const made = await alice.commit({ forcePath: true, authenticatedData: bad });
      expect(await refused(bob, () => bob.receive(made.commit))).toMatch(rule);
      await alice.clearPendingCommit();
    }
    expect(await deliver(await alice.encrypt("x", { authenticatedData }), bob)).toMatchObject([
      { data: utf8("x") },
    ]);
  });
});

it("options that aren't there are refused by name", () => {
  expect(() => appData({ components: [], greased: true } as never)).toThrow(/no option "greased" here, only/);
  expect(() => appData({ components: {} } as never)).toThrow(/components: expected array, got object/);
});
