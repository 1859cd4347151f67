// Every operation can be given up, whatever its provider, its signer and its hooks do: no call can block a group.

import {
  Client,
  externalSenders,
  Group,
  generateSigner,
  StagedCommit,
  type StagedWelcome,
} from "@copse/core";
import { type ExternalJoin, joinByExternalCommit, proposeJoin } from "@copse/core/external";
import { importKeyPackage } from "@copse/core/import";
import { externalProposal, PublicGroup, StagedPublicCommit } from "@copse/core/public-group";
import { branch, type NewGroup, reinitialize } from "@copse/core/resumption";
import { adopt, peek, settle, stageOn, stageProposal } from "@copse/core/rewind";
import { nobleProvider } from "@copse/provider-noble";
import { nodeProvider } from "@copse/provider-node";
import { copyOf, reopened, savedKeyPackages } from "@copse/test-support/clients";
import { describe, expect, test } from "vitest";
import { type Attempt, follower, giveUpAtEachCall, PSK, type World, world } from "./stuck.js";

type Row = (here: World) => Promise<Attempt>;

const carolsKeyPackage = ({ carol }: World) => carol.client.createKeyPackage();

/** Bob follows Alice's commit. */
const committed =
  ({ a, b }: World) =>
  async ({ commit }: StagedCommit) => {
    await b.receive(commit);
    await a.mergePendingCommit();
    expect(a.epochAuthenticator).toEqual(b.epochAuthenticator);
  };

const CLIENT: Readonly<Record<string, Row>> = {
  create: async ({ aliceOptions: { signer, ...options } }) => ({
    run: ({ signal }) => Client.create({ credential: "again", ...options, signal }),
  }),
  createKeyPackage: async ({ alice, bob }) => ({
    run: (options) => alice.createKeyPackage(options),
    succeeded: async (keyPackage: Uint8Array) => (await bob.client.createGroup()).add(keyPackage),
  }),
  createGroup: async ({ alice }) => ({
    run: (options) => alice.createGroup({ groupId: PSK, ...options }),
    succeeded: (group: Group) => group.encrypt("to myself"),
  }),
  join: async ({ alice, carol }) => {
    const c = await carol.client.createGroup();
    const { welcome } = await c.add(await alice.createKeyPackage());
    await c.mergePendingCommit();
    return {
      run: (options) => alice.join(welcome as Uint8Array, options),
      succeeded: async (group: Group) => c.receive(await group.encrypt("here I am")),
    };
  },
  readWelcome: async ({ alice, carol }) => {
    const c = await carol.client.createGroup();
    const { welcome } = await c.add(await alice.createKeyPackage());
    await c.mergePendingCommit();
    return {
      run: (options) => alice.readWelcome(welcome as Uint8Array, options),
      succeeded: async (staged: StagedWelcome) => c.receive(await (await staged.join()).encrypt("here I am")),
    };
  },
  readKeyPackage: async (here) => {
    const keyPackage = await carolsKeyPackage(here);
    return { run: (options) => here.alice.readKeyPackage(keyPackage, options) };
  },
  sign: async ({ alice }) => ({ run: (options) => alice.sign("label", PSK, options) }),
  restore: async ({ alice, carol }) => {
    const c = await carol.client.createGroup();
    const { welcome } = await c.add(await alice.createKeyPackage());
    await c.mergePendingCommit();
    const group = await alice.join(welcome as Uint8Array);
    const saved = await group.save();
    await group.close();
    return {
      run: (options) => alice.restore(saved, options),
      succeeded: async (restored: Group) => c.receive(await restored.encrypt("back again")),
    };
  },
  saveKeyPackages: async ({ alice }) => {
    await alice.createKeyPackage();
    return { run: (options) => alice.saveKeyPackages(options) };
  },
  loadKeyPackages: async ({ alice, aliceOptions }) => {
    const other = await Client.create({ credential: "alice", ...aliceOptions });
    await other.createKeyPackage();
    const saved = await other.saveKeyPackages();
    return { run: (options) => alice.loadKeyPackages(saved, options) };
  },
  deleteKeyPackage: async ({ alice }) => {
    await alice.createKeyPackage();
    const [{ reference } = { reference: PSK }] = alice.keyPackages();
    return { run: (options) => alice.deleteKeyPackage(reference, options) };
  },
};

/** Functions that take a client first. */
const FUNCTIONS: Readonly<Record<string, Row>> = {
  joinByExternalCommit: async ({ alice, carol }) => {
    const c = await carol.client.createGroup();
    const groupInfo = await c.groupInfo();
    return {
      run: (options) => joinByExternalCommit(alice, groupInfo, { psks: [{ external: PSK }], ...options }),
      succeeded: async ({ group, commit }: ExternalJoin) => {
        await c.receive(commit);
        await group.mergePendingCommit();
        await c.receive(await group.encrypt("here I am"));
      },
    };
  },
  proposeJoin: async ({ alice, carol }) => {
    const c = await carol.client.createGroup();
    return {
      run: (options) => proposeJoin(alice, { groupId: c.groupId, epoch: c.epoch }, options),
      succeeded: (proposal: Uint8Array) => c.receive(proposal),
    };
  },
  importKeyPackage: async ({ alice, aliceOptions }) => {
    const other = await Client.create({ credential: "alice", ...aliceOptions });
    const keyPackage = await other.createKeyPackage();
    const [saved] = await savedKeyPackages(other);
    const { initKey, leafKey } = saved as NonNullable<typeof saved>;
    const imported = { keyPackage, initKey, leafKey };
    return { run: (options) => importKeyPackage(alice, imported, options) };
  },
  branch: async ({ alice, bob, a }) => {
    const add = [await bob.client.createKeyPackage()];
    return {
      run: (options) => branch(alice, a, { add, ...options }),
      succeeded: ({ welcome }: NewGroup) => bob.client.join(welcome as Uint8Array),
    };
  },
  reinitialize: async ({ alice, bob, a, b }) => {
    const { commit } = await b.commit({ reinit: { groupId: PSK, cipherSuite: 1, extensions: [] } });
    await a.receive(commit);
    await b.mergePendingCommit();
    const add = [await bob.client.createKeyPackage()];
    return {
      run: (options) => reinitialize(alice, a, { add, ...options }),
      succeeded: ({ welcome }: NewGroup) => bob.client.join(welcome as Uint8Array),
    };
  },
};

/** All have merged Alice's commit. A copy of Bob has made another one of the same epoch. */
async function parted({ a, b, bob }: World) {
  const on = a.epoch;
  const other = await copyOf(bob, b);
  const proposal = await other.propose({ update: true });
  const { commit } = await other.update();
  await other.mergePendingCommit();
  const message = await other.encrypt("in the other branch");
  const own = await a.update();
  await b.receive(own.commit);
  await own.merge();
  const agreed = async () => expect(a.epochAuthenticator).toEqual(other.epochAuthenticator);
  return { on, proposal, commit, message, agreed };
}

/** Functions that take a group first. */
const OF_GROUPS: Readonly<Record<string, Row>> = {
  stageOn: async (here) => {
    const { on, commit, agreed } = await parted(here);
    return {
      run: (options) => stageOn(here.a, commit, { on, ...options }),
      succeeded: async (staged: StagedCommit) => {
        await adopt(here.a, staged);
        await agreed();
      },
    };
  },
  stageProposal: async (here) => {
    const { on, proposal } = await parted(here);
    return { run: (options) => stageProposal(here.a, proposal, { on, ...options }) };
  },
  peek: async (here) => {
    const { on, commit, message } = await parted(here);
    const staged = await stageOn(here.a, commit, { on });
    return {
      run: (options) => peek(here.a, staged, message, options),
      succeeded: async (received) => expect(received).toMatchObject({ kind: "application" }),
    };
  },
  adopt: async (here) => {
    const { on, commit, agreed } = await parted(here);
    const staged = await stageOn(here.a, commit, { on });
    return { run: (options) => adopt(here.a, staged, options), succeeded: agreed };
  },
};

const GROUP: Readonly<Record<string, Row>> = {
  encrypt: async ({ a, b }) => ({
    run: (options) => a.encrypt("hello", options),
    succeeded: (message: Uint8Array) => b.receive(message),
  }),
  encryptAll: async ({ a, b }) => ({
    run: (options) => a.encryptAll(["hello"], options),
    succeeded: ([message]: Uint8Array[]) => b.receive(message as Uint8Array),
  }),
  propose: async ({ a, b }) => ({
    run: (options) => a.propose({ update: true }, options),
    succeeded: (message: Uint8Array) => b.receive(message),
  }),
  dropProposals: async ({ a, b }) => {
    await a.receive(await b.propose({ update: true }));
    const reference = a.proposals[0]?.reference as Uint8Array;
    return { run: (options) => a.dropProposals(reference, options) };
  },
  commit: async (here) => {
    await here.a.receive(await here.b.propose({ update: true }));
    const add = [await carolsKeyPackage(here)];
    return {
      run: (options) => here.a.commit({ add, psks: [{ external: PSK }], ...options }),
      succeeded: committed(here),
    };
  },
  add: async (here) => {
    const keyPackage = await carolsKeyPackage(here);
    return { run: (options) => here.a.add(keyPackage, options), succeeded: committed(here) };
  },
  remove: async (here) => ({
    run: (options) => here.a.remove(1, options),
    succeeded: async ({ commit }: StagedCommit) =>
      expect(await here.b.receive(commit)).toMatchObject({ active: false }),
  }),
  update: async (here) => {
    const signer = await generateSigner(nodeProvider(), 1);
    return { run: (options) => here.a.update({ signer, ...options }), succeeded: committed(here) };
  },
  mergePendingCommit: async ({ a, b }) => {
    const { commit } = await a.update();
    return {
      run: (options) => a.mergePendingCommit(options),
      succeeded: async () => {
        await b.receive(commit);
        expect(a.epochAuthenticator).toEqual(b.epochAuthenticator);
      },
    };
  },
  clearPendingCommit: async ({ a }) => {
    await a.update();
    return { run: (options) => a.clearPendingCommit(options) };
  },
  stage: async (here) => {
    const { a, b } = here;
    await a.receive(await b.propose({ add: await carolsKeyPackage(here) }));
    const { commit } = await b.commit({ psks: [{ external: PSK }], forcePath: true });
    return {
      run: (options) => a.stage(commit, options),
      succeeded: async (staged: StagedCommit) => {
        await b.mergePendingCommit();
        expect(staged.epochAuthenticator).toEqual(b.epochAuthenticator);
      },
    };
  },
  receive: async (here) => {
    const { a, b } = here;
    const proposal = await b.propose({ update: true });
    await a.receive(proposal);
    const { commit } = await b.commit({
      add: [await carolsKeyPackage(here)],
      psks: [{ external: PSK }],
      forcePath: true,
    });
    return {
      run: (options) => a.receive(commit, options),
      succeeded: async () => {
        await b.mergePendingCommit();
        expect(a.epochAuthenticator).toEqual(b.epochAuthenticator);
      },
    };
  },
  // One message: what was received before a call is given up is answered (in another file).
  receiveAll: async ({ a, b }) => {
    const message = await b.encrypt("hello");
    return {
      run: (options) => a.receiveAll([message], options),
      succeeded: async (results) => expect(results).toMatchObject([{ value: { kind: "application" } }]),
    };
  },
  exportSecret: async ({ a, b }) => ({
    run: (options) => a.exportSecret("label", PSK, 16, options),
    succeeded: async (secret: Uint8Array) => expect(secret).toEqual(await b.exportSecret("label", PSK, 16)),
  }),
  withEpoch: async ({ a, calls }) => ({
    run: (options) => a.withEpoch(async ({ signer }) => calls.answer(() => signer.sign(PSK)), options),
  }),
  groupInfo: async ({ a, carol, b }) => ({
    run: (options) => a.groupInfo(options),
    succeeded: async (groupInfo: Uint8Array) =>
      b.receive((await joinByExternalCommit(carol.client, groupInfo)).commit),
  }),
  save: async ({ a, b, alice }) => ({
    run: (options) => a.save(options),
    succeeded: async () => b.receive(await (await reopened(alice, a)).encrypt("from the state")),
  }),
};

const STAGED: Readonly<Record<string, Row>> = {
  merge: async ({ a, b }) => {
    const staged = await a.stage((await b.update()).commit);
    return {
      run: (options) => staged.merge(options),
      succeeded: async () => {
        await b.mergePendingCommit();
        expect(a.epochAuthenticator).toEqual(b.epochAuthenticator);
      },
    };
  },
  discard: async ({ a, b }) => {
    const staged = await a.stage((await b.update()).commit);
    return { run: (options) => staged.discard(options) };
  },
  exportSecret: async ({ a, b }) => {
    const staged = await a.stage((await b.update()).commit);
    return {
      run: (options) => staged.exportSecret("label", PSK, 16, options),
      succeeded: async (secret: Uint8Array) => {
        await b.mergePendingCommit();
        expect(secret).toEqual(await b.exportSecret("label", PSK, 16));
      },
    };
  },
  groupInfo: async ({ a, carol }) => {
    const staged = await a.update();
    return {
      run: (options) => staged.groupInfo(options),
      succeeded: async (groupInfo: Uint8Array) => {
        await staged.merge();
        await a.receive((await joinByExternalCommit(carol.client, groupInfo)).commit);
      },
    };
  },
};

/** Functions, and more ways through a method that has a row already. */
const MORE: readonly (readonly [name: string, row: Row])[] = [
  [
    "receive: application data",
    async ({ a, b }) => {
      const message = await b.encrypt("hello");
      return {
        run: (options) => a.receive(message, options),
        succeeded: async (received) => expect(received).toMatchObject({ kind: "application" }),
      };
    },
  ],
  [
    "receive: a proposal",
    async (here) => {
      const message = await here.b.propose({ add: await carolsKeyPackage(here) });
      return { run: (options) => here.a.receive(message, options) };
    },
  ],
  [
    "receive: a commit while another one is pending",
    async ({ a, b }) => {
      await a.update();
      const { commit } = await b.update();
      return {
        run: (options) => a.receive(commit, options),
        succeeded: async (received) => expect(received).toMatchObject({ droppedPending: true }),
      };
    },
  ],
  [
    "receive: the own commit",
    async ({ a, b }) => {
      const { commit } = await a.update();
      await b.receive(commit);
      return { run: (options) => a.receive(commit, options) };
    },
  ],
  [
    "receive: a late message",
    async ({ a, b }) => {
      const message = await b.encrypt("late");
      const { commit } = await a.update();
      await a.mergePendingCommit();
      await b.receive(commit);
      return {
        run: (options) => a.receive(message, options),
        succeeded: async (received) => expect(received).toMatchObject({ kind: "application" }),
      };
    },
  ],
  [
    "externalProposal",
    async (here) => {
      const { a, b, calls } = here;
      const own = await generateSigner(nodeProvider(), 1);
      const { credential } = here.alice;
      const list = [externalSenders([{ signatureKey: own.publicKey, credential }])];
      const { commit } = await a.commit({ extensions: list });
      await a.mergePendingCommit();
      await b.receive(commit);
      const known = { suite: 1, groupId: a.groupId, epoch: a.epoch, senderIndex: 0 };
      const signer = { ...own, sign: (message: Uint8Array) => calls.answer(() => own.sign(message)) };
      const add = await carolsKeyPackage(here);
      return {
        run: (options) => externalProposal(here.aliceOptions.crypto, signer, known, { add }, options),
        succeeded: async (message: Uint8Array) => {
          await a.receive(message);
          await b.receive(message);
          await committed(here)(await a.commit());
        },
      };
    },
  ],
  [
    "exportSecret: of a past epoch",
    async (here) => {
      const { a, b } = here;
      const { epoch } = a;
      const then = await b.exportSecret("label", PSK, 16);
      await committed(here)(await a.update());
      return {
        run: (options) => a.exportSecret("label", PSK, 16, { ...options, epoch }),
        succeeded: async (secret: Uint8Array) => expect(secret).toEqual(then),
      };
    },
  ],
  [
    "propose: another's key package",
    async (here) => {
      const add = await carolsKeyPackage(here);
      return { run: (options) => here.a.propose({ add }, options) };
    },
  ],
];

const PUBLIC_GROUP: Readonly<Record<string, Row>> = {
  follow: async ({ a, aliceOptions }) => {
    const groupInfo = await a.groupInfo();
    const { crypto, authentication } = aliceOptions;
    return { run: ({ signal }) => PublicGroup.follow({ crypto, authentication, groupInfo, signal }) };
  },
  receive: async (here) => {
    const followed = await follower(here);
    const { commit } = await here.b.update();
    return { followed, run: (options) => followed.receive(commit, options) };
  },
  stage: async (here) => {
    const followed = await follower(here);
    const { commit } = await here.b.update();
    return {
      followed,
      run: (options) => followed.stage(commit, options),
      succeeded: async (staged: StagedPublicCommit) => {
        await staged.merge();
        await here.b.mergePendingCommit();
        expect(followed.treeHash).toEqual(here.b.treeHash);
      },
    };
  },
  resume: async (here) => {
    const followed = await follower(here);
    const { commit } = await here.b.update();
    await here.b.mergePendingCommit();
    const groupInfo = await here.b.groupInfo();
    return {
      followed,
      run: (options) => followed.resume(groupInfo, options),
      succeeded: async () => {
        await here.a.receive(commit);
        expect(followed.treeHash).toEqual(here.a.treeHash);
      },
    };
  },
  propose: async (here) => {
    const { a, b, calls } = here;
    const own = await generateSigner(nodeProvider(), 1);
    const { credential } = here.alice;
    const { commit } = await b.commit({
      extensions: [externalSenders([{ signatureKey: own.publicKey, credential }])],
    });
    await b.mergePendingCommit();
    await a.receive(commit);
    const followed = await follower(here);
    const signer = { ...own, sign: (message: Uint8Array) => calls.answer(() => own.sign(message)) };
    return {
      followed,
      run: (options) => followed.propose(signer, { remove: 1 }, options),
      succeeded: (message: Uint8Array) => b.receive(message),
    };
  },
};

const STAGED_PUBLIC: Readonly<Record<string, Row>> = {
  merge: async (here) => {
    const followed = await follower(here);
    const staged = await followed.stage((await here.b.update()).commit);
    return {
      followed,
      run: (options) => staged.merge(options),
      succeeded: async () => expect(followed.epoch).toBe(staged.epoch),
    };
  },
};

/** Methods that answer at once, and those that only the core calls, which go through the others. */
const AT_ONCE: readonly string[] = [
  "addSigner",
  "member",
  "leafNode",
  "close",
  "adopt",
  "forget",
  "joinBy",
  "newKeyPackage",
  "newGroup",
  "resumptionPsk",
  "needsKey",
  "retire",
  "replace",
  "keyPackages",
  // Protected: what the methods of a client use.
  "run",
  "perform",
  "restoreFrom",
  "load",
  "signerOr",
  "findPsk",
  "isOpen",
  "stagedCommit",
];

function methodsOf(target: { readonly prototype: object }, level = target.prototype): string[] {
  const parent = Object.getPrototypeOf(level);
  const isMethod = (of: object) => (name: string) =>
    name !== "constructor" && typeof Object.getOwnPropertyDescriptor(of, name)?.value === "function";
  const own = Object.getOwnPropertyNames(level).filter(isMethod(level));
  const statics =
    level === target.prototype ? Object.getOwnPropertyNames(target).filter(isMethod(target)) : [];
  return [...own, ...statics, ...(parent === Object.prototype ? [] : methodsOf(target, parent))].filter(
    (name) => name !== "prototype",
  );
}

describe.each([
  ["Client", Client, CLIENT],
  ["Group", Group, GROUP],
  ["StagedCommit", StagedCommit, STAGED],
  ["PublicGroup", PublicGroup, PUBLIC_GROUP],
  ["StagedPublicCommit", StagedPublicCommit, STAGED_PUBLIC],
] as const)("%s", (_name, target, rows) => {
  test("every method is in this table", () => {
    const methods = methodsOf(target as unknown as { readonly prototype: object });
    expect(methods.filter((name) => !AT_ONCE.includes(name)).sort()).toEqual(Object.keys(rows).sort());
  });

  test.each(Object.keys(rows))("%s can be given up at each call that is stuck", async (name) => {
    const isPublic = target === PublicGroup || target === StagedPublicCommit;
    const here = await world(isPublic ? "public" : "private");
    const calls = await giveUpAtEachCall(here, await (rows[name] as Row)(here));
    const changesNothingElse =
      target === StagedPublicCommit ||
      ["clearPendingCommit", "discard", "dropProposals", "deleteKeyPackage"].includes(name);
    expect(calls, "the calls that can be stuck").toBeGreaterThanOrEqual(changesNothingElse ? 0 : 1);
  });
});

describe("other ways", () => {
  test.each([...Object.entries(FUNCTIONS), ...Object.entries(OF_GROUPS), ...MORE])(
    "%s",
    async (_name, row) => {
      const here = await world();
      expect(await giveUpAtEachCall(here, await row(here))).toBeGreaterThan(0);
    },
  );

  test("settle, which calls nobody", async () => {
    const here = await world();
    await parted(here);
    const controller = new AbortController();
    controller.abort();
    await expect(settle(here.a, { signal: controller.signal })).rejects.toMatchObject({ code: "try-again" });
    expect(await giveUpAtEachCall(here, { run: (options) => settle(here.a, options) })).toBe(0);
  });

  test.each(["commit", "propose", "receive"])("%s with handshakes that anybody can read", async (name) => {
    const here = await world("public");
    expect(await giveUpAtEachCall(here, await (GROUP[name] as Row)(here))).toBeGreaterThan(0);
  });
});

describe("an answer that comes while another operation runs", () => {
  test.each(["fails", "succeeds"])("ends none of that one's keys (the late one %s)", async (end) => {
    const here = await world("private", nobleProvider());
    const { a, b, calls } = here;
    const signer = await generateSigner(nodeProvider(), 1);
    const broken = { ...signer, sign: () => Promise.reject(new Error("no")) };
    const controller = new AbortController();
    const stuck = calls.stickAt(3);
    const late = a.update({ ...(end === "fails" && { signer: broken }), signal: controller.signal });
    await stuck;
    controller.abort();
    await late.catch(() => undefined);

    // The other operation waits for its signer: the keys of its path are made already.
    const signing = defer();
    const gate = defer();
    const slow = {
      ...signer,
      sign: async (message: Uint8Array) => {
        signing.resolve();
        await gate.promise;
        return signer.sign(message);
      },
    };
    const running = a.update({ signer: slow });
    await signing.promise;
    await calls.answerLate();
    gate.resolve();
    await committed(here)(await running);
    // Both need the keys that the update made.
    const { commit } = await b.update();
    await a.receive(commit);
    await b.mergePendingCommit();
    expect(a.epochAuthenticator).toEqual(b.epochAuthenticator);
  });
});

function defer() {
  // The Promise constructor assigns it before it returns.
  let resolve!: () => void;
  const promise = new Promise<void>((onResolve) => {
    resolve = onResolve;
  });
  return { promise, resolve };
}
