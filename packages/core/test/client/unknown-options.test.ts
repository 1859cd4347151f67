// What a call doesn't know is refused, never ignored: JavaScript has no type checker.
import { Client, type Group, insecureAcceptAll } from "@copse/core";
import { importKeyPackage } from "@copse/core/import";
import { PublicGroup } from "@copse/core/public-group";
import { nodeProvider } from "@copse/provider-node";
import { pair, party } from "@copse/test-support/clients";
import { failure, refused } from "@copse/test-support/errors";
import { describe, expect, it } from "vitest";

const SUITE = 1;
const options = {
  crypto: nodeProvider(),
  suite: SUITE,
  credential: "alice",
  authentication: insecureAcceptAll(),
};

/** The call as JavaScript makes it. */
// biome-ignore lint/suspicious/noExplicitAny: the compiler refuses these calls
type Untyped = any;

/** The calls that take options, each with the arguments before them. The names of all methods are compared below. */
const GROUP: Readonly<Record<string, readonly unknown[]>> = {
  encrypt: ["hello"],
  propose: [{ update: true }],
  dropProposals: [[]],
  commit: [],
  add: [[]],
  remove: [[]],
  update: [],
  mergePendingCommit: [],
  clearPendingCommit: [],
  stage: [new Uint8Array(4)],
  receive: [new Uint8Array(4)],
  exportSecret: ["label", new Uint8Array(), 32],
  withEpoch: [() => 1],
  groupInfo: [],
  save: [],
  saveChanges: [],
};
const CLIENT: Readonly<Record<string, readonly unknown[]>> = {
  createKeyPackage: [],
  readKeyPackage: [new Uint8Array(4)],
  proposeJoin: [{ groupId: new Uint8Array(4), epoch: 1n }],
  saveKeyPackages: [],
  loadKeyPackages: [new Uint8Array(4)],
  createGroup: [],
  join: [new Uint8Array(4)],
  readWelcome: [new Uint8Array(4)],
  joinByExternalCommit: [new Uint8Array(4)],
  restore: [new Uint8Array(4)],
};
/** Those without options, or whose first argument is of another kind. */
const OTHERS = [
  ...["constructor", "close", "replace", "retire", "resumptionPsk", "commitBy", "stagedCommit"],
  ...["addSigner", "keyPackages", "deleteKeyPackage", "adopt", "needsKey", "signerOr"],
  ...["run", "findPsk", "isOpen", "member", "leafNode"],
];
const WRONG = [{ authenticateData: new Uint8Array() }, { signal: 50 }, { signal: "now" }];

function methodsOf(prototype: object): string[] {
  const own = Object.entries(Object.getOwnPropertyDescriptors(prototype)).flatMap(([name, { value }]) =>
    typeof value === "function" ? [name] : [],
  );
  const parent: object = Object.getPrototypeOf(prototype);
  return parent === Object.prototype ? own : [...own, ...methodsOf(parent)];
}

describe("an option that no call has, or of another type", () => {
  it.each(Object.entries(GROUP))("is refused by Group.%s, and nothing changes", async (name, before) => {
    const { a } = await pair({ suite: SUITE });
    await a.update(); // so that there is something to merge
    await a.save();
    for (const wrong of WRONG) {
      const error = await refused(a, async () => (a as Untyped)[name](...before, wrong));
      expect(error.code, `${name} ${JSON.stringify(wrong)}`).toBe("usage");
    }
  });

  it.each(Object.entries(CLIENT))("is refused by Client.%s", async (name, before) => {
    const { client } = await party("alice", { suite: SUITE });
    for (const wrong of WRONG) {
      const error = await failure(async () => (client as Untyped)[name](...before, wrong));
      expect(error.code, `${name} ${JSON.stringify(wrong)}`).toBe("usage");
    }
    expect(client.keyPackages()).toEqual([]);
  });

  it("is refused by importKeyPackage", async () => {
    const { client } = await party("alice", { suite: SUITE });
    const [keyPackage, initKey, leafKey] = [new Uint8Array(4), new Uint8Array(4), new Uint8Array(4)];
    for (const wrong of WRONG) {
      const call = async () => (importKeyPackage as Untyped)(client, { keyPackage, initKey, leafKey }, wrong);
      expect((await failure(call)).code, JSON.stringify(wrong)).toBe("usage");
    }
    expect(client.keyPackages()).toEqual([]);
  });

  it("all methods are here", async () => {
    const { alice, a } = await pair({ suite: SUITE });
    const known = [...Object.keys(GROUP), ...Object.keys(CLIENT), ...OTHERS];
    for (const one of [a, alice]) {
      for (const name of methodsOf(Object.getPrototypeOf(one))) expect(known).toContain(name);
    }
  });
});

it.each([
  ["commit", { add: new Uint8Array(4) }],
  ["commit", { remove: "bob" }],
  ["commit", { forcePath: "yes" }],
  ["commit", { references: new Uint8Array(32) }],
  ["groupInfo", { ratchetTree: 1 }],
])("Group.%s refuses %o", async (name, wrong) => {
  const { a } = await pair({ suite: SUITE });
  await a.save();
  expect((await refused(a, async () => (a as Untyped)[name](wrong))).code).toBe("usage");
});

it.each([7, "options", null, []])("%o are no options", async (wrong) => {
  const { a } = await pair({ suite: SUITE });
  await a.save();
  expect((await refused(a, async () => (a as Untyped).save(wrong))).code).toBe("usage");
});

it("a member's name and an empty request are no proposal", async () => {
  const { a } = await pair({ suite: SUITE });
  await a.save();
  for (const call of [() => (a as Untyped).remove("bob"), () => (a as Untyped).propose({})]) {
    expect((await refused(a, async () => call())).code).toBe("usage");
  }
});

it("a resync that isn't one of the three is refused", async () => {
  const { alice, b } = await pair({ suite: SUITE });
  const info = await b.groupInfo();
  expect(
    (await failure(async () => alice.joinByExternalCommit(info, { resync: "yes" } as Untyped))).code,
  ).toBe("usage");
});

describe("a policy", () => {
  it.each([
    { maxPastEpoch: 3 },
    { maxPastEpochs: "3" },
    { authorise: () => true },
    { authorize: true },
    { padding: 32 },
    { ratchets: { maxForward: 1, maxSkipped: 1, maxSkipedTotal: 1 } },
    { ratchets: null },
    { now: null },
  ])("with %o is refused, for a client and for a follower", async (policy) => {
    expect(await failure(Client.create({ ...options, policy: policy as Untyped }))).toMatchObject({
      code: "usage",
    });
    const group: Group = await (await Client.create(options)).createGroup();
    const { crypto, authentication } = options;
    const groupInfo = await group.groupInfo();
    const following = PublicGroup.follow({ crypto, authentication, groupInfo, policy: policy as Untyped });
    expect(await failure(following)).toMatchObject({ code: "usage" });
  });
});
