// RFC 9420 §7, §12: whatever a call or a getter returns is the application's to write into. Nothing here changes by it.

import {
  basicCredential,
  Client,
  externalSenders,
  Group,
  generateSigner,
  type Received,
  StagedCommit,
  StagedWelcome,
} from "@copse/core";
import { joinByExternalCommit, proposeJoin } from "@copse/core/external";
import { importKeyPackage } from "@copse/core/import";
import { readMessage } from "@copse/core/message";
import { externalProposal, PublicGroup, StagedPublicCommit } from "@copse/core/public-group";
import { branch } from "@copse/core/resumption";
import { adopt, keepEpochs, keptCommits, peek, stageOn, stageProposal } from "@copse/core/rewind";
import { nodeProvider } from "@copse/provider-node";
import {
  copyOf,
  gather,
  type Party,
  party,
  reopened,
  savedKeyPackages,
  send,
} from "@copse/test-support/clients";
import { describe, expect, it } from "vitest";

const SUITE = 1;
const TYPE = 0xf123;
const BYTES = new Uint8Array([1, 2, 3]);
const crypto = nodeProvider();

/** Writes into all that can be reached in a value, except into the objects of classes, and says how often. */
function deface(value: unknown, seen = new Set<unknown>()): number {
  if (typeof value !== "object" || value === null || seen.has(value)) return 0;
  seen.add(value);
  if (value instanceof Uint8Array) {
    value.fill(0xee);
    return 1;
  }
  const isOfClass = ![Object.prototype, Array.prototype].includes(Object.getPrototypeOf(value));
  let count = 0;
  for (const [name, part] of Object.entries(value)) {
    count += deface(part, seen);
    if (!isOfClass && typeof part !== "object" && Reflect.set(value, name, 77)) count++;
  }
  if (isOfClass || Object.isFrozen(value)) return count;
  if (Array.isArray(value) && value.length > 0) value.reverse().push(value[0], value[0]);
  else Reflect.set(value, "added", 77);
  return count + 1;
}

/** A group of three with an extension and an external sender, and who follows it, with proposals that wait. */
async function world() {
  const service = await generateSigner(crypto, SUITE);
  const options = {
    suite: SUITE,
    policy: { handshake: "public", maxPastExporters: 1, rewind: keepEpochs({ epochs: 3, age: 3600 }) },
    capabilities: { extensions: [TYPE] },
    externalPsk: () => BYTES,
  } as const;
  const parties = [
    await party("alice", options),
    await party("bob", options),
    await party("carol", options),
  ] as const;
  const [a, b, c] = (await gather(parties)).groups as [Group, Group, Group];
  const credential = basicCredential(BYTES);
  const extensions = [
    { extensionType: TYPE, extensionData: BYTES },
    externalSenders([{ signatureKey: service.publicKey, credential }]),
  ];
  const { commit } = await a.commit({ extensions });
  for (const group of [b, c]) await group.receive(commit);
  await a.mergePendingCommit();
  const { authentication } = parties[0].config;
  const follower = await PublicGroup.follow({ crypto, authentication, groupInfo: await a.groupInfo() });
  const dave = await party("dave", options);
  const here = { alice: parties[0] as Party, bob: parties[1] as Party, dave, service, a, b, c, follower };
  await everywhere(here, await b.propose({ update: true }), b);
  await everywhere(here, await c.propose({ add: await dave.client.createKeyPackage() }), c);
  return here;
}
type World = Awaited<ReturnType<typeof world>>;

/** A handshake reaches all but its sender. */
async function everywhere({ a, b, c, follower }: World, message: Uint8Array, sender: Group): Promise<void> {
  for (const one of [a, b, c, follower]) if (one !== sender) await one.receive(message);
}

const staged = async ({ a }: World) => a.commit({ authenticatedData: BYTES });
const stagedByB = async ({ b }: World) => (await b.commit({ psks: [{ external: BYTES }] })).commit;

/** Erin looks at a group of Dave's. */
async function invited({ dave }: World) {
  const other = await dave.client.createGroup();
  const joiner = await party("erin", { suite: SUITE });
  const { welcome } = await other.add(await joiner.client.createKeyPackage());
  await other.mergePendingCommit();
  return { other, staged: await joiner.client.readWelcome(welcome as Uint8Array) };
}

type Row = (here: World) => Promise<unknown>;
const getters = <T>(names: readonly (keyof T & string)[], of: (here: World) => Promise<T>) =>
  Object.fromEntries(names.map((name) => [name, async (here: World) => (await of(here))[name]])) as Record<
    string,
    Row
  >;

const EPOCH = [
  ...[
    "groupId",
    "cipherSuite",
    "extensions",
    "members",
    "treeHash",
    "confirmedTranscriptHash",
    "ratchetTree",
  ],
] as "groupId"[];
const COMMIT_GETTERS = [
  ...["commit", "committer", "proposals", "added", "removed", "updated", "custom", "extensions"],
  ...["membersBefore", "membersAfter", "authenticatedData", "confirmedTranscriptHash", "reinit"],
] as "commit"[];

const GROUP: Readonly<Record<string, Row>> = {
  ...getters<Group>([...EPOCH, "proposals", "epochAuthenticator", "resumes"], async ({ a }) => a),
  member: async ({ a }) => a.member(1),
  leafNode: async ({ a }) => [a.leafNode(0), a.leafNode(1)],
  staged: async (here) => {
    await staged(here);
    return [...here.a.staged];
  },
  // Another group of hers: in this one, she has proposals to commit.
  encrypt: async ({ alice }) => (await alice.client.createGroup()).encrypt("hello"),
  encryptAll: async ({ alice }) => (await alice.client.createGroup()).encryptAll(["hello", "again"]),
  propose: async ({ a, b, c, follower }) => {
    const message = await a.propose({ psk: { external: BYTES } });
    for (const one of [b, c, follower]) await one.receive(message);
    return message;
  },
  commit: staged,
  add: async ({ a }) => {
    const { client } = await party("erin", { suite: SUITE, capabilities: { extensions: [TYPE] } });
    return a.add(await client.createKeyPackage());
  },
  remove: async ({ a }) => a.remove(2),
  update: async ({ a }) => a.update(),
  stage: async (here) => here.a.stage(await stagedByB(here)),
  exportSecret: async ({ a }) => [
    await a.exportSecret("label", BYTES, 32),
    await a.exportSecret("label", BYTES, 32, { epoch: a.epoch - 1n }),
  ],
  groupInfo: async ({ a }) => a.groupInfo(),
  save: async ({ a }) => a.save(),
};

const STAGED: Readonly<Record<string, Row>> = {
  ...getters<StagedCommit>(
    [...COMMIT_GETTERS, "welcome", "welcomes", "ratchetTree", "epochAuthenticator"],
    staged,
  ),
  exportSecret: async (here) => (await staged(here)).exportSecret("label", BYTES, 32),
  groupInfo: async (here) => (await staged(here)).groupInfo(),
};

const STAGED_WELCOME: Readonly<Record<string, Row>> = {
  ...getters<StagedWelcome>(
    [...EPOCH, "committer", "keyPackage", "resumes", "epochAuthenticator"],
    async (here) => (await invited(here)).staged,
  ),
  member: async (here) => (await invited(here)).staged.member(0),
  leafNode: async (here) => (await invited(here)).staged.leafNode(1),
};

const FOLLOWER: Readonly<Record<string, Row>> = {
  ...getters<PublicGroup>([...EPOCH, "epochContext", "proposals"], async ({ follower }) => follower),
  member: async ({ follower }) => follower.member(1),
  leafNode: async ({ follower }) => follower.leafNode(1),
  propose: async ({ follower, service }) => follower.propose(service, { remove: 2 }),
  stage: async (here) => here.follower.stage(await stagedByB(here)),
};

const STAGED_PUBLIC: Readonly<Record<string, Row>> = getters<StagedPublicCommit>(
  [...COMMIT_GETTERS, "treeHash"] as never,
  async (here) => here.follower.stage(await stagedByB(here)),
);

const CLIENT: Readonly<Record<string, Row>> = {
  ...getters<Client>(["cipherSuite", "credential", "signatureKey"], async ({ alice }) => alice.client),
  createKeyPackage: async ({ alice }) => alice.client.createKeyPackage(),
  readKeyPackage: async ({ alice, dave }) =>
    alice.client.readKeyPackage(await dave.client.createKeyPackage()),
  sign: async ({ alice }) => alice.client.sign("label", BYTES),
  keyPackages: async ({ alice }) => {
    await alice.client.createKeyPackage();
    return alice.client.keyPackages();
  },
  saveKeyPackages: async ({ alice }) => {
    await alice.client.createKeyPackage();
    return alice.client.saveKeyPackages();
  },
};

/** All have merged Alice's commit. A copy of Bob has made another one of the same epoch. */
async function parted(here: World) {
  const { a, b, c, bob, dave } = here;
  const on = a.epoch;
  const other = await copyOf(bob, b);
  const proposal = await other.propose({ psk: { external: BYTES } });
  const { commit } = await other.commit();
  await other.mergePendingCommit();
  const own = await a.commit({ references: [], forcePath: true });
  await everywhere(here, own.commit, a);
  await own.merge();
  await everywhere(here, await c.propose({ add: await dave.client.createKeyPackage() }), c);
  return { on, proposal, commit, own, message: await other.encrypt("hello") };
}

const FUNCTIONS: Readonly<Record<string, Row>> = {
  stageProposal: async (here) => {
    const { on, proposal } = await parted(here);
    return stageProposal(here.a, proposal, { on });
  },
  peek: async (here) => {
    const { on, proposal, commit, message } = await parted(here);
    await stageProposal(here.a, proposal, { on });
    return peek(here.a, await stageOn(here.a, commit, { on }), message);
  },
  adopt: async (here) => {
    const { on, proposal, commit, own } = await parted(here);
    await stageProposal(here.a, proposal, { on });
    const adoption = await adopt(here.a, await stageOn(here.a, commit, { on }));
    return [adoption, await adopt(here.a, own)];
  },
  keptCommits: async (here) => {
    await parted(here);
    return keptCommits(here.a);
  },
  joinByExternalCommit: async ({ dave, a }) => {
    const { commit, staged } = await joinByExternalCommit(dave.client, await a.groupInfo());
    return [commit, staged];
  },
  proposeJoin: async ({ alice, a }) => proposeJoin(alice.client, { groupId: BYTES, epoch: a.epoch }),
  readMessage: async ({ b }) => readMessage((await b.update()).commit),
  externalProposal: async ({ a, service }) =>
    externalProposal(
      crypto,
      service,
      { suite: SUITE, groupId: a.groupId, epoch: a.epoch, senderIndex: 0 },
      { remove: 1 },
    ),
  importKeyPackage: async ({ alice }) => {
    const other = await alice.again();
    const keyPackage = await other.createKeyPackage();
    const [{ initKey, leafKey } = { initKey: BYTES, leafKey: BYTES }] = await savedKeyPackages(other);
    return importKeyPackage(alice.client, { keyPackage, initKey, leafKey });
  },
  branch: async ({ alice, b, a }) => {
    const { welcome, ratchetTree } = await branch(alice.client, b, { add: [], extensions: a.extensions });
    return [welcome, ratchetTree];
  },
};

/** Those that return nothing, a flag, a number or another object of these classes; and those that only the core calls. */
const OTHERS = [
  ...["constructor", "length", "name", "prototype", "epoch", "active", "ownLeafIndex", "hasPendingCommit"],
  ...["own", "external", "path", "create", "addSigner", "deleteKeyPackage", "loadKeyPackages", "createGroup"],
  ...["join", "readWelcome", "restore", "dropProposals", "mergePendingCommit", "clearPendingCommit", "close"],
  ...["receive", "receiveAll", "withEpoch", "merge", "discard", "follow", "resume"],
  ...["config", "current", "cached", "ownLeaf", "predecessor", "provider", "externalPsk", "configOfGroups"],
  ...["kept", "signer", "run", "signerOr", "findPsk", "isOpen", "needsKey", "adopt", "retire"],
  ...[
    "replace",
    "resumptionPsk",
    "stagedCommit",
    "perform",
    "restoreFrom",
    "load",
    "groups",
    "forget",
    "joinBy",
    "newGroup",
    "newKeyPackage",
  ],
];

const TABLE = [
  ["Group", Group, GROUP],
  ["StagedCommit", StagedCommit, STAGED],
  ["StagedWelcome", StagedWelcome, STAGED_WELCOME],
  ["PublicGroup", PublicGroup, FOLLOWER],
  ["StagedPublicCommit", StagedPublicCommit, STAGED_PUBLIC],
  ["Client", Client, CLIENT],
  ["no class", Object, FUNCTIONS],
] as const;

/** All go on with each other as if nobody had written anything. */
async function goOn(here: World): Promise<void> {
  const { a, b, c, follower, dave, alice } = here;
  const { commit, welcome } = await a.commit({ replacePending: true, forcePath: true });
  for (const one of [b, c, follower]) await one.receive(commit);
  await a.mergePendingCommit();
  const d = await dave.client.join(welcome as Uint8Array);
  const all = [a, b, c, d];
  for (const group of all) expect(group.epochAuthenticator).toEqual(a.epochAuthenticator);
  expect(follower.treeHash).toEqual(a.treeHash);
  const restored = await reopened(alice.client, a);
  for (const from of [restored, b, c, d]) {
    const others = [restored, b, c, d].filter((group) => group !== from);
    await send(from, others, "still here");
  }
  expect(follower.members).toEqual(restored.members);
  expect(restored.members.map(({ leafIndex }) => leafIndex)).toEqual([0, 1, 2, 3]);
  expect(alice.client.credential).toEqual(restored.member(0)?.credential);
  expect(alice.client.cipherSuite).toEqual(crypto.suite(SUITE).suite);
  expect((await alice.client.createGroup()).active).toBe(true);
}

describe.each(TABLE)("written into what %s returns", (_class, target, rows) => {
  it.each(Object.entries(rows))("%s: all go on", async (_name, row) => {
    const here = await world();
    const returned = await row(here);
    const before = [await here.a.save(), await here.alice.client.saveKeyPackages()];
    if (returned !== undefined) deface(returned);
    expect([await here.a.save(), await here.alice.client.saveKeyPackages()]).toEqual(before);
    await goOn(here);
  });

  it("all that it returns is in the table", () => {
    if (target === Object) return;
    const known = [...Object.keys(rows), ...OTHERS];
    for (let level = target.prototype; level !== Object.prototype; level = Object.getPrototypeOf(level))
      for (const name of Object.getOwnPropertyNames(level)) expect(known).toContain(name);
  });
});

/** What is shown again when it is read again: objects with getters. */
const SHOWN: Readonly<Record<string, (here: World) => Promise<object>>> = {
  Group: async ({ a }) => a,
  StagedCommit: staged,
  StagedWelcome: async (here) => (await invited(here)).staged,
  PublicGroup: async ({ follower }) => follower,
  StagedPublicCommit: async (here) => here.follower.stage(await stagedByB(here)),
  Client: async ({ alice }) => alice.client,
};

/** The public getters of an object's class. */
function gettersOf(value: object): string[] {
  const names: string[] = [];
  for (
    let level = Object.getPrototypeOf(value);
    level !== Object.prototype;
    level = Object.getPrototypeOf(level)
  )
    for (const [name, { get }] of Object.entries(Object.getOwnPropertyDescriptors(level)))
      if (get !== undefined && !INTERNAL.includes(name)) names.push(name);
  return names;
}
const INTERNAL = ["config", "current", "cached", "ownLeaf", "own", "provider", "externalPsk"].concat([
  "configOfGroups",
  "kept",
  "signer",
  "predecessor",
]);

describe("what is read again after somebody has written into it", () => {
  it.each(Object.entries(SHOWN))("%s shows what it showed before", async (name, of) => {
    const shown = await of(await world());
    let defaced = 0;
    for (const getter of gettersOf(shown)) {
      // Staged commits are the same objects each time.
      if (getter === "staged") continue;
      const before = structuredClone(Reflect.get(shown, getter));
      // The proposals that wait are the same objects each time, too: frozen, but bytes can't be.
      if (getter === "proposals" && "receive" in shown) freezes(Reflect.get(shown, getter));
      else defaced += deface(Reflect.get(shown, getter));
      expect(Reflect.get(shown, getter), getter).toEqual(before);
    }
    expect(defaced, name).toBeGreaterThan(2);
  });

  it("Group: the list of staged commits", async () => {
    const here = await world();
    const commit = await staged(here);
    (here.a.staged as StagedCommit[]).pop();
    expect(here.a.staged).toEqual([commit]);
    expect(here.a.staged[0]).toBe(commit);
  });
});

/** Expects that all of a value is frozen, except byte strings. */
function freezes(value: unknown): void {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return;
  expect(Object.isFrozen(value)).toBe(true);
  for (const part of Object.values(value)) freezes(part);
}

describe("written into what a call returns", () => {
  const received: Readonly<Record<string, (here: World) => Promise<readonly Received[]>>> = {
    "a commit that is received": async (here) => {
      const commit = await stagedByB(here);
      const answers = [await here.a.receive(commit), await here.c.receive(commit)];
      await here.follower.receive(commit);
      await here.b.mergePendingCommit();
      return answers;
    },
    "the own commit that is merged": async (here) => {
      const { commit } = await here.a.commit({ forcePath: true });
      await here.b.receive(commit);
      await here.c.receive(commit);
      await here.follower.receive(commit);
      return [await here.a.mergePendingCommit()];
    },
    "a proposal that is received": async (here) => {
      const proposal = await here.b.propose({ psk: { external: BYTES } }, { authenticatedData: BYTES });
      await here.c.receive(proposal);
      return [await here.a.receive(proposal), await here.follower.receive(proposal)];
    },
    "an own message that comes back": async (here) => {
      const proposal = await here.a.propose({ psk: { external: BYTES } });
      for (const one of [here.b, here.c, here.follower]) await one.receive(proposal);
      return [await here.a.receive(proposal)];
    },
  };
  it.each(Object.entries(received))("%s", async (_name, call) => {
    const here = await world();
    const answers = await call(here);
    const before = await here.a.save();
    expect(deface(answers)).toBeGreaterThan(3);
    expect(await here.a.save()).toEqual(before);
    const { a, b, c, follower } = here;
    const { commit } = await a.commit({ forcePath: true });
    for (const one of [b, c, follower]) await one.receive(commit);
    await a.mergePendingCommit();
    for (const group of [b, c]) expect(group.epochAuthenticator).toEqual(a.epochAuthenticator);
    expect(follower.treeHash).toEqual(a.treeHash);
  });

  it("a staged Welcome, and it is joined", async () => {
    const { other, staged } = await invited(await world());
    for (const name of Object.keys(STAGED_WELCOME)) deface(staged[name as keyof StagedWelcome]);
    deface([staged.member(0), staged.leafNode(1)]);
    const joined = await staged.join();
    expect(joined.epochAuthenticator).toEqual(other.epochAuthenticator);
    expect(joined.members).toEqual(other.members);
    await send(other, [joined], "still here");
  });

  it("a staged commit, and it is merged, by a follower too", async () => {
    const { a, b, c, follower } = await world();
    const staged = await a.commit({ psks: [{ external: BYTES }] });
    const message = staged.commit;
    const seen = [await b.stage(message), await c.stage(message), await follower.stage(message)];
    for (const one of [staged, ...seen])
      for (const name of [...Object.keys(STAGED), "commit"]) deface(Reflect.get(one, name));
    for (const one of [staged, ...seen]) deface(await one.merge());
    for (const group of [b, c]) expect(group.epochAuthenticator).toEqual(a.epochAuthenticator);
    expect(follower.treeHash).toEqual(a.treeHash);
    expect(follower.members).toEqual(a.members);
  });

  it("the proposals that wait: a function still drops the one that it is shown", async () => {
    const { a } = await world();
    deface(a.proposals);
    let asked = 0;
    await a.dropProposals(() => asked++ === 1);
    expect(a.predecessor.proposals.map(({ dropped }) => dropped === true)).toEqual([false, true]);
  });

  it("the members, in a state that is saved afterwards", async () => {
    const { a, b, alice } = await world();
    deface([a.members, a.proposals, a.extensions]);
    const restored = await reopened(alice.client, a);
    expect(restored.members).toEqual(b.members);
    expect(restored.extensions).toEqual(b.extensions);
    expect(restored.proposals.map(({ reference }) => reference)).toEqual(
      b.proposals.map(({ reference }) => reference),
    );
  });
});
