// What a call doesn't know is refused by name, never ignored: JavaScript has no type checker.

import {
  Client,
  Group,
  generateSigner,
  insecureAcceptAll,
  MlsError,
  StagedCommit,
  StagedWelcome,
} from "@copse/core";
import { joinByExternalCommit, proposeJoin } from "@copse/core/external";
import { importKeyPackage } from "@copse/core/import";
import { readMessage } from "@copse/core/message";
import {
  externalProposal,
  PublicGroup,
  proposalReference,
  StagedPublicCommit,
} from "@copse/core/public-group";
import { branch, reinitialize } from "@copse/core/resumption";
import { adopt, peek, settle, stageOn, stageProposal } from "@copse/core/rewind";
import { nodeProvider } from "@copse/provider-node";
import { pair, party } from "@copse/test-support/clients";
import { failure, refused } from "@copse/test-support/errors";
import { beforeAll, describe, expect, it } from "vitest";

const SUITE = 1;
const BYTES = new Uint8Array(4);
const crypto = nodeProvider();
const authentication = insecureAcceptAll();
const options = { crypto, suite: SUITE, credential: "alice", authentication };

/** The call as JavaScript makes it. */
// biome-ignore lint/suspicious/noExplicitAny: the compiler refuses these calls
type Untyped = any;

const EXTENSION = { extensionType: 0xff00, extensionData: BYTES };
/** Of each option, a value that some call takes. */
const VALUES: Readonly<Record<string, unknown>> = {
  add: [],
  alongside: () => [],
  asyncContext: { run: (_store: unknown, work: () => unknown) => work(), getStore: () => undefined },
  authenticatedData: BYTES,
  authentication,
  capabilities: { extensions: [0xff00] },
  credential: { credentialType: 1, identity: BYTES },
  crypto,
  custom: [],
  dropExtensions: [1],
  epoch: 1n,
  extensions: [EXTENSION],
  externalPsk: () => undefined,
  externalPub: true,
  forcePath: true,
  groupId: BYTES,
  groupInfo: BYTES,
  identity: { renewCapabilities: true },
  leafExtensions: [EXTENSION],
  lifetime: { notBefore: 0n, notAfter: 1n },
  policy: { handshake: "public" },
  on: 1n,
  previous: {},
  proposals: [],
  psks: [{ external: BYTES }],
  ratchetTree: BYTES,
  ratchetTreeInWelcome: false,
  references: [BYTES],
  reinit: { groupId: BYTES, cipherSuite: 1, extensions: [] },
  remove: [1],
  renewCapabilities: true,
  replace: true,
  replacePending: true,
  resync: "if-member",
  setExtensions: [EXTENSION],
  undoRemovals: true,
  signal: new AbortController().signal,
  signer: {},
  suite: SUITE,
};

const COMMIT =
  "authenticatedData dropExtensions extensions psks proposals ratchetTreeInWelcome references reinit replacePending setExtensions alongside";

/** A method: the arguments before its options, and the names of these besides `signal`. */
type Row = readonly [before: readonly unknown[], names?: string];

const GROUP: Readonly<Record<string, Row>> = {
  encrypt: [["hello"], "authenticatedData alongside"],
  encryptAll: [[["hello"]], "authenticatedData alongside"],
  propose: [[{ update: true }], "authenticatedData alongside"],
  dropProposals: [[[]], "alongside"],
  commit: [[], `${COMMIT} add remove identity forcePath`],
  add: [[[]], `${COMMIT} remove identity forcePath`],
  remove: [[[]], `${COMMIT} add identity forcePath`],
  update: [[], `${COMMIT} add remove signer credential renewCapabilities`],
  mergePendingCommit: [[], "alongside"],
  clearPendingCommit: [[], "alongside"],
  stage: [[BYTES], "alongside"],
  receive: [[BYTES], "alongside"],
  receiveAll: [[[BYTES]], "alongside"],
  exportSecret: [["label", BYTES, 32], "epoch"],
  withEpoch: [[() => 1]],
  groupInfo: [[], "externalPub ratchetTree extensions"],
  save: [[]],
};

const CLIENT: Readonly<Record<string, Row>> = {
  create: [
    [],
    "crypto suite credential authentication signer policy capabilities leafExtensions externalPsk asyncContext extensions",
  ],
  createKeyPackage: [[], "extensions lifetime capabilities signer alongside"],
  readKeyPackage: [[BYTES]],
  sign: [["label", BYTES]],
  saveKeyPackages: [[]],
  loadKeyPackages: [[BYTES]],
  deleteKeyPackage: [[BYTES], "alongside"],
  createGroup: [[], "groupId extensions signer alongside"],
  join: [[BYTES], "ratchetTree previous replace alongside"],
  readWelcome: [[BYTES], "ratchetTree previous"],
  restore: [[BYTES]],
};

const STAGED_COMMIT: Readonly<Record<string, Row>> = {
  merge: [[], "alongside"],
  discard: [[], "alongside"],
  exportSecret: [["label", BYTES, 32]],
  groupInfo: [[], "externalPub ratchetTree extensions"],
};

const STAGED_WELCOME: Readonly<Record<string, Row>> = { join: [[], "replace alongside"] };

const PUBLIC_GROUP: Readonly<Record<string, Row>> = {
  follow: [[], "crypto authentication policy asyncContext extensions groupInfo ratchetTree"],
  resume: [[BYTES], "ratchetTree"],
  receive: [[BYTES]],
  stage: [[BYTES]],
  propose: [["the signer", { remove: 1 }], "authenticatedData"],
};

const STAGED_PUBLIC_COMMIT: Readonly<Record<string, Row>> = { merge: [[]] };

const FUNCTIONS: Readonly<Record<string, Row>> = {
  proposeJoin: [["the client", { groupId: BYTES, epoch: 1n }], "authenticatedData alongside"],
  joinByExternalCommit: [
    ["the client", BYTES],
    "ratchetTree resync signer replace psks custom proposals authenticatedData alongside",
  ],
  externalProposal: [
    [crypto, "the signer", { suite: 1, groupId: BYTES, epoch: 1n, senderIndex: 0 }, { remove: 1 }],
    "authenticatedData extensions",
  ],
  importKeyPackage: [["the client", { keyPackage: BYTES, initKey: BYTES, leafKey: BYTES }], "alongside"],
  branch: [["the client", "the group"], "groupId extensions signer add forcePath ratchetTreeInWelcome"],
  reinitialize: [["the client", "the group"], "signer add forcePath ratchetTreeInWelcome"],
  stageOn: [["the group", BYTES], "on alongside"],
  stageProposal: [["the group", BYTES], "on alongside"],
  peek: [["the group", "the commit", BYTES]],
  adopt: [["the group", "the commit"], "undoRemovals alongside"],
  settle: [["the group"], "epoch alongside"],
};

/** Methods that take no options, and those that only the core calls. */
const WITHOUT = [
  ...["constructor", "close", "member", "leafNode", "addSigner", "keyPackages"],
  ...["replace", "retire", "resumptionPsk", "adopt", "stagedCommit", "needsKey", "signerOr"],
  ...["forget", "joinBy", "newGroup", "newKeyPackage"],
  ...["run", "perform", "restoreFrom", "load", "findPsk", "isOpen", "length", "name", "prototype"],
];

function methodsOf(target: object): string[] {
  const own = Object.entries(Object.getOwnPropertyDescriptors(target)).flatMap(([name, { value }]) =>
    typeof value === "function" ? [name] : [],
  );
  const parent: object = Object.getPrototypeOf(target);
  return parent === Object.prototype || parent === Function.prototype ? own : [...own, ...methodsOf(parent)];
}

/** Of each kind one, whose state must not change. */
async function things() {
  const { alice, a, b } = await pair({ suite: SUITE, policy: { handshake: "public" } });
  const groupInfo = await a.groupInfo();
  const follower = await PublicGroup.follow({ crypto, authentication, groupInfo });
  const { commit } = await b.update();
  const staged = await a.stage(commit);
  const stagedPublic = await follower.stage(commit);
  const other = await (await party("carol", { suite: SUITE })).client.createGroup();
  const { welcome } = await other.add(await alice.createKeyPackage());
  const stagedWelcome = await alice.readWelcome(welcome as Uint8Array);
  return { alice, a, staged, stagedPublic, follower, stagedWelcome };
}
let here: Awaited<ReturnType<typeof things>>;
beforeAll(async () => {
  here = await things();
});

const functions = {
  externalProposal,
  importKeyPackage,
  branch,
  reinitialize,
  joinByExternalCommit,
  proposeJoin,
  stageOn,
  stageProposal,
  peek,
  adopt,
  settle,
};

type Things = Awaited<ReturnType<typeof things>>;
const TABLE: readonly (readonly [name: string, of: (here: Things) => object, rows: typeof GROUP])[] = [
  ["Client", ({ alice }) => ({ ...bound(alice), create: Client.create }), CLIENT],
  ["Group", ({ a }) => bound(a), GROUP],
  ["StagedCommit", ({ staged }) => bound(staged), STAGED_COMMIT],
  ["StagedWelcome", ({ stagedWelcome }) => bound(stagedWelcome), STAGED_WELCOME],
  ["PublicGroup", ({ follower }) => ({ ...bound(follower), follow: PublicGroup.follow }), PUBLIC_GROUP],
  ["StagedPublicCommit", ({ stagedPublic }) => bound(stagedPublic), STAGED_PUBLIC_COMMIT],
  ["no class", () => functions, FUNCTIONS],
];

function bound(of: object): object {
  const methods = methodsOf(Object.getPrototypeOf(of));
  return Object.fromEntries(methods.map((name) => [name, (of as Untyped)[name].bind(of)]));
}

describe.each(TABLE)("of %s", (_name, of, rows) => {
  it.each(Object.entries(rows))("%s refuses each option that isn't its own", async (name, row) => {
    const [before, names = ""] = row;
    const call = (wrong: unknown) => failure((of(here) as Untyped)[name](...before, wrong));
    const own = [...(names === "" ? [] : names.split(" ")), "signal"];
    const saved = await here.a.save();
    for (const [option, value] of Object.entries(VALUES)) {
      if (own.includes(option)) continue;
      const error = await call({ [option]: value });
      expect(error.code, option).toBe("usage");
      expect(error.message, option).toContain(`"${option}"`);
      for (const known of own) expect(error.message, option).toMatch(new RegExp(`[ ,]${known}(,|$)`));
    }
    for (const option of own) {
      const misspelt = await call({ [`${option.slice(0, -1)}z`]: VALUES[option] });
      expect(misspelt, option).toMatchObject({ code: "usage" });
      expect(misspelt.message).toContain(`"${option.slice(0, -1)}z"`);
      for (const wrong of [null, Symbol("wrong"), 1n, [1n], { wrong: 1 }, "bytes", "object", "function"]) {
        if (typeof VALUES[option] === "object" && typeof wrong === "object" && wrong !== null) continue;
        if (option === "credential" && typeof wrong === "string") continue;
        if (["epoch", "on"].includes(option) && typeof wrong === "bigint") continue;
        const error = await call({ [option]: wrong });
        expect(error.code, `${option}: ${String(wrong)}`).toBe("usage");
        expect(error.message).toMatch(new RegExp(`^${option}(\\[0\\])?: expected `));
      }
    }
    for (const wrong of [7, "options", null, [], BYTES, VALUES.signal, () => ({})]) {
      expect((await call(wrong)).code, String(wrong)).toBe("usage");
    }
    expect(await here.a.save()).toEqual(saved);
  });
});

it("all methods are in the tables", () => {
  const listed = [...TABLE.flatMap(([, , rows]) => Object.keys(rows)), ...WITHOUT];
  for (const of of [Client, Group, StagedCommit, StagedWelcome, PublicGroup, StagedPublicCommit]) {
    for (const name of [...methodsOf(of), ...methodsOf(of.prototype)]) expect(listed).toContain(name);
  }
});

/** Calls with something wrong inside of an option: the method, its arguments, and how the error names it. */
const NESTED: readonly (readonly [
  thing: "a" | "alice" | "follower" | "functions",
  name: string,
  args: readonly unknown[],
  named: string,
])[] = [
  ["a", "commit", [{ identity: { signature: {} } }], '"identity.signature"'],
  ["a", "commit", [{ identity: { renewCapabilities: 1 } }], "identity.renewCapabilities: expected boolean"],
  ["a", "commit", [{ psks: [{ external: BYTES }, { externl: BYTES }] }], '"psks[1].externl"'],
  ["a", "commit", [{ psks: [{ external: BYTES, resumption: 1n }] }], '"psks[0].resumption"'],
  ["a", "commit", [{ psks: [{ resumption: 1 }] }], "psks[0].resumption: expected bigint, got number"],
  ["a", "commit", [{ add: [BYTES, "key package"] }], "add[1]: expected bytes or object, got string"],
  ["a", "commit", [{ add: [{ keyPackage: BYTES, user: "bob" }] }], '"add[0].user"'],
  ["a", "commit", [{ add: [undefined] }], "add[0]: expected bytes or object, got undefined"],
  // biome-ignore lint/suspicious/noSparseArray: JavaScript has them
  ["a", "commit", [{ add: [, BYTES] }], "add[0]: expected bytes or object, got undefined"],
  [
    "a",
    "commit",
    [{ authenticatedData: new Uint16Array(3) }],
    "authenticatedData: expected bytes, got another",
  ],
  [
    "a",
    "commit",
    [{ authenticatedData: new DataView(new ArrayBuffer(3)) }],
    "authenticatedData: expected bytes",
  ],
  ["a", "commit", [JSON.parse('{ "__proto__": { "forcePath": true } }')], '"__proto__"'],
  ["a", "commit", [{ remove: ["bob"] }], "remove[0]: expected number"],
  ["a", "commit", [{ references: [[1]] }], "references[0]: expected bytes, got array"],
  ["a", "commit", [{ dropExtensions: [EXTENSION] }], "dropExtensions[0]: expected number"],
  ["a", "commit", [{ extensions: [{ type: 1, data: BYTES }] }], '"extensions[0].type"'],
  ["a", "commit", [{ reinit: { groupId: BYTES, suite: 1 } }], '"reinit.suite"'],
  ["a", "add", [{ keyPackage: BYTES, user: "bob" }], '"add[0].user"'],
  ["a", "remove", ["bob"], "remove: expected function or array, got string"],
  ["a", "groupInfo", [{ extensions: [1] }], "extensions[0]: expected object, got number"],
  ["a", "propose", [{ remove: 1, add: BYTES }], '"request.remove" here, only add'],
  ["a", "propose", [{ removed: 1 }], '"request.removed"'],
  ["a", "propose", [{ remove: "bob" }], "request.remove: expected number"],
  ["a", "propose", [{ update: { credentials: {} } }], '"request.update.credentials"'],
  ["a", "propose", [{ update: false }], "request.update: expected true or object"],
  ["a", "propose", [{ psk: { extrnal: BYTES } }], '"request.psk.extrnal"'],
  ["a", "propose", [undefined], "request: expected object, got undefined"],
  ["a", "propose", [{}], "request: expected one of add, remove, psk"],
  ["a", "propose", [{ psk: {} }], "request.psk: expected one of external, resumption, custom"],
  [
    "a",
    "propose",
    [{ psk: { custom: { pskType: 9 } } }],
    "request.psk.custom.data: expected bytes, got undefined",
  ],
  [
    "a",
    "propose",
    [{ psk: { custom: { pskType: 9, data: BYTES, nonce: 1 } } }],
    '"request.psk.custom.nonce"',
  ],
  ["a", "propose", [{ custom: {} }], "request.custom.proposalType: expected number, got undefined"],
  ["a", "propose", [{ custom: { proposalType: 1, data: BYTES, body: 1 } }], '"request.custom.body"'],
  ["a", "propose", [{ reinit: {} }], "request.reinit.groupId: expected bytes, got undefined"],
  ["a", "commit", [{ psks: [{}] }], "psks[0]: expected one of external, resumption, custom"],
  ["a", "commit", [{ psks: [{ external: undefined }] }], "psks[0]: expected one of external"],
  ["a", "commit", [{ reinit: {} }], "reinit.groupId: expected bytes, got undefined"],
  ["a", "commit", [{ reinit: { groupId: BYTES } }], "reinit.cipherSuite: expected number, got undefined"],
  [
    "a",
    "commit",
    [{ reinit: { groupId: BYTES, cipherSuite: 1 } }],
    "reinit.extensions: expected array, got undefined",
  ],
  ["a", "commit", [{ extensions: [{}] }], "extensions[0].extensionType: expected number, got undefined"],
  ["a", "commit", [{ add: [{ credential: "bob" }] }], "add[0].keyPackage: expected bytes, got undefined"],
  ["a", "commit", [{ add: [{ keyPackage: BYTES }] }], "add[0].credential: expected object or string, got"],
  [
    "a",
    "commit",
    [{ add: [{ keyPackage: BYTES, credential: { type: 1 } }] }],
    '"add[0].credential.type" here, only credentialType',
  ],
  ["a", "commit", [{ identity: { credential: {} } }], "identity.credential.credentialType: expected number"],
  // biome-ignore lint/suspicious/noSparseArray: JavaScript has them
  ["a", "dropProposals", [[, BYTES]], "which[0]: expected bytes, got undefined"],
  ["a", "dropProposals", ["all"], "which: expected bytes or function or array, got string"],
  ["alice", "createKeyPackage", [{ lifetime: { notBefore: 0n } }], "lifetime.notAfter: expected bigint, got"],
  [
    "functions",
    "proposeJoin",
    ["the client", { groupId: "team", epoch: 1n }],
    "the group ID must be a Uint8Array, got string",
  ],
  ["functions", "proposeJoin", ["the client", undefined], "the group ID must be a Uint8Array, got undefined"],
  ["alice", "createKeyPackage", [{ lifetime: { notBefore: 0n, until: 1n } }], '"lifetime.until"'],
  [
    "alice",
    "createKeyPackage",
    [{ lifetime: { notBefore: 0, notAfter: 1 } }],
    "lifetime.notBefore: expected",
  ],
  ["alice", "createKeyPackage", [{ capabilities: { extension: [1] } }], '"capabilities.extension"'],
  ["alice", "createKeyPackage", [{ capabilities: { proposals: ["add"] } }], "capabilities.proposals[0]"],
  ["functions", "joinByExternalCommit", ["the client", BYTES, { psks: [{ id: BYTES }] }], '"psks[0].id"'],
  [
    "functions",
    "joinByExternalCommit",
    ["the client", BYTES, { resync: "yes" }],
    "resync: expected boolean or function or",
  ],
  ["follower", "propose", ["signer", { update: true }], '"request.update"'],
];

it.each(NESTED)("%s.%s(%o) is refused", async (thing, name, args, named) => {
  const given = args.map((one) => (one === "the client" ? here.alice : one));
  const error = await refused(here.a, async () =>
    (({ ...here, functions })[thing] as Untyped)[name](...given),
  );
  expect(error.code).toBe("usage");
  expect(error.message).toContain(named);
});

it.each([
  [{ bla: 1 }, '"context.bla" here, only suite, groupId, epoch, senderIndex'],
  [{ groupId: undefined }, "context.groupId: expected bytes, got undefined"],
  [{ epoch: 1 }, "context.epoch: expected bigint, got number"],
  [{ senderIndex: undefined }, "context.senderIndex: expected number, got undefined"],
  [{ suite: "1" }, "context.suite: expected number, got string"],
])("the context of an external proposal: %o is refused", async (wrong, named) => {
  const signer = await generateSigner(crypto, SUITE);
  const context = { suite: SUITE, groupId: BYTES, epoch: 1n, senderIndex: 0, ...wrong };
  const error = await failure(externalProposal(crypto, signer, context as Untyped, { remove: 1 }));
  expect(error.code).toBe("usage");
  expect(error.message).toContain(named);
});

it.each([undefined, null, "group", []])(
  "no context of an external proposal: %s",
  async (context: Untyped) => {
    const signer = await generateSigner(crypto, SUITE);
    const error = await failure(externalProposal(crypto, signer, context, { remove: 1 }));
    expect(error.message).toContain("context: expected object, got");
  },
);

describe.each([null, 5, [null], "none"])("extensions of the protocol with %o", (list) => {
  it.each(["proposals", "psks"])("in the place of the list of %s are refused", async (name) => {
    const extensions: Untyped = [{ name: "mine", [name]: list }];
    const bytes = await here.alice.createKeyPackage();
    const calls: readonly (() => unknown)[] = [
      () => readMessage(bytes, extensions),
      () => proposalReference(crypto, SUITE, bytes, extensions),
      () => Client.create({ ...options, extensions }),
    ];
    for (const call of calls) {
      const error = await failure((async () => call())());
      expect(error.code).toBe("usage");
      expect(error.message).toMatch(new RegExp(`^${name}(\\[0\\])?: expected (array|object), got `));
    }
  });
});

it("a new group's options are checked wherever it comes from", async () => {
  const { alice, a } = here;
  const user = await refused(a, async () =>
    branch(alice, a, { add: [{ keyPackage: BYTES, user: 1 }] } as Untyped),
  );
  expect(user.message).toContain('"add[0].user"');
  const bytes = await refused(a, async () => reinitialize(alice, a, { add: BYTES } as Untyped));
  expect(bytes.message).toContain("add: expected array, got bytes");
});

describe("a policy", () => {
  class Policy {
    handshake = "public";
  }
  it.each([
    [{ maxPastEpoch: 3 }, '"policy.maxPastEpoch"'],
    [{ maxPastEpochs: "3" }, "policy.maxPastEpochs: expected number, got string"],
    [{ maxPastEpochs: -1 }, "policy.maxPastEpochs"],
    [{ maxMembers: Number.NaN }, "policy.maxMembers"],
    [{ handshake: "signed" }, 'policy.handshake: expected "private" or "public"'],
    [{ authorise: () => true }, '"policy.authorise"'],
    [{ authorize: true }, "policy.authorize: expected function"],
    [{ padding: 32 }, "policy.padding: expected function"],
    [{ ratchets: { maxForward: 1, maxSkipped: 1, maxSkipedTotal: 1 } }, '"policy.ratchets.maxSkipedTotal"'],
    [{ ratchets: { maxForward: -1 } }, "policy.ratchets.maxForward"],
    [{ ratchets: null }, "policy.ratchets: expected object, got null"],
    [{ now: null }, "policy.now: expected function"],
    [new Policy(), "policy: expected object, got one of a class"],
  ])("with %o is refused, for a client and for a follower", async (policy, named) => {
    const wrong = policy as Untyped;
    const group = await (await Client.create(options)).createGroup();
    const groupInfo = await group.groupInfo();
    for (const made of [
      () => Client.create({ ...options, policy: wrong }),
      () => PublicGroup.follow({ crypto, authentication, groupInfo, policy: wrong }),
    ]) {
      const error = await failure(made);
      expect(error.code).toBe("usage");
      expect(error.message).toContain(named);
    }
  });

  it("has its defaults for what isn't given, in its ratchets too", async () => {
    const policy = { now: undefined, ratchets: { maxForward: 1 } } as Untyped;
    const { a, b } = await pair({ suite: SUITE, policy });
    const late = [];
    for (let i = 0; i < 3; i++) late.push(await a.encrypt(`${i}`));
    await expect(b.receive(late[2] as Uint8Array)).rejects.toThrow(MlsError);
    for (const message of [late[1], late[0]]) await b.receive(message as Uint8Array);
  });
});

it("what fits is taken, from another realm too", async () => {
  const { runInNewContext } = await import("node:vm");
  const { a } = await pair({ suite: SUITE });
  const foreign = runInNewContext("({ authenticatedData: new Uint8Array(3), signal: undefined })");
  await a.encrypt("hello", foreign);
  await a.encrypt("hello", Object.assign(Object.create(null), { authenticatedData: BYTES }));
  const signer = await generateSigner(crypto, SUITE);
  await a.commit({
    identity: { signer },
    psks: [{ resumption: a.epoch }],
    remove: [1],
    forcePath: undefined,
  } as Untyped);
});
