// What a call was given is read once, when it is called, and only what it can take: JavaScript has no type checker.

import { basicCredential, Client, customProposal, type Group, insecureAcceptAll } from "@copse/core";
import { customPsk, type MlsExtension, uint8, uint16 } from "@copse/core/extension";
import { joinByExternalCommit, proposeJoin } from "@copse/core/external";
import { readMessage } from "@copse/core/message";
import { externalProposal, PublicGroup } from "@copse/core/public-group";
import { branch } from "@copse/core/resumption";
import { nodeProvider } from "@copse/provider-node";
import { type Party, pair, party } from "@copse/test-support/clients";
import { beforeEach, describe, expect, it } from "vitest";

const SUITE = 1;
const EMPTY = new Uint8Array();
const crypto = nodeProvider();
const authentication = insecureAcceptAll();
const usage = expect.objectContaining({ code: "usage" });

/** The call as JavaScript makes it. */
// biome-ignore lint/suspicious/noExplicitAny: the compiler refuses these calls
type Untyped = any;

let alice: Group;
let client: Client;
let carol: Party;

beforeEach(async () => {
  ({ a: alice, alice: client } = await pair({ suite: SUITE, policy: { handshake: "public" } }));
  carol = await party("carol", { suite: SUITE });
});

const TYPE = 0xf123;
const PSK_TYPE = 77;

/** A group of a client with a proposal type and a PSK type, and what the PSKs that were asked for are named. */
async function withCustomTypes(): Promise<[Group, number[]]> {
  const asked: number[] = [];
  const extension: MlsExtension = {
    name: "mine",
    proposals: [{ proposalType: TYPE, name: "mine", codec: uint16, external: true, pathRequired: false }],
    psks: [
      {
        pskType: PSK_TYPE,
        name: "mine",
        codec: uint8,
        find: (id) => {
          asked.push(id as number);
          return new Uint8Array(32);
        },
      },
    ],
  };
  const { client } = await party("dave", { suite: SUITE, extensions: [extension] });
  return [await client.createGroup(), asked];
}

/** A call that waits until another one of the group has ended, while `change` happens. */
async function waiting<T>(call: () => Promise<T>, change: () => void): Promise<T> {
  const busy = alice.save();
  const called = call();
  change();
  await busy;
  return called;
}

describe("what changes after the call changes nothing of", () => {
  it("a commit that waits", async () => {
    const keyPackage = await carol.client.createKeyPackage();
    const authenticatedData = new Uint8Array([1]);
    const options: Untyped = { add: [keyPackage], authenticatedData };
    const staged = await waiting(
      () => alice.commit(options),
      () => {
        keyPackage.fill(0);
        authenticatedData.fill(9);
        options.add.push("not checked");
        options.remove = [1];
      },
    );
    expect([...staged.authenticatedData]).toEqual([1]);
    expect([staged.added.length, staged.removed.length]).toEqual([1, 0]);
  });

  it("a proposal that waits", async () => {
    const request: Untyped = { remove: 1 };
    const change = () => Object.assign(request, { remove: 0, add: "not checked" });
    await waiting(() => alice.propose(request), change);
    expect(alice.proposals.map(({ proposal }) => proposal)).toEqual([{ proposalType: 3, removed: 1 }]);
  });

  it("a key package to add, and who is meant", async () => {
    const credential: Untyped = basicCredential("carol");
    const one: Untyped = { keyPackage: await carol.client.createKeyPackage(), credential };
    const staged = await waiting(
      () => alice.add(one),
      () => {
        credential.identity.fill(0);
        credential.credentialType = 2;
        one.credential = "mallory";
      },
    );
    expect(staged.added.map((member) => member.credential)).toEqual([basicCredential("carol")]);
  });

  it("a proposal of a registered type, in a request and in a commit", async () => {
    const [group] = await withCustomTypes();
    const proposal: Untyped = customProposal(TYPE, new Uint8Array([1, 2]));
    const busy = group.save();
    const calls = [group.propose({ custom: proposal }), group.commit({ proposals: [proposal] })] as const;
    proposal.data.fill(9);
    proposal.proposalType = 1;
    await busy;
    await calls[0];
    const staged = await calls[1];
    expect(group.proposals.map((one) => one.proposal)).toEqual([
      customProposal(TYPE, new Uint8Array([1, 2])),
    ]);
    const datas = staged.proposals.map((one) => Array.from((one.proposal as Untyped).data));
    expect(datas).toEqual([
      [1, 2],
      [1, 2],
    ]);
  });

  it("a pre-shared key of a registered type", async () => {
    const [group, asked] = await withCustomTypes();
    const custom: Untyped = customPsk(PSK_TYPE, new Uint8Array([7]));
    const busy = group.save();
    const making = group.commit({ psks: [{ custom }] });
    custom.data.fill(9);
    custom.pskType = 1;
    await busy;
    await making;
    expect(asked).toEqual([7]);
  });

  it("a Welcome that is joined by", async () => {
    const bob = await party("bob", { suite: SUITE });
    const { welcome } = await alice.add(await bob.client.createKeyPackage());
    await alice.mergePendingCommit();
    const bytes = welcome as Uint8Array;
    const late = new AbortController();
    const joining: Untyped = { ratchetTree: undefined };
    const joined = bob.client.join(bytes, joining);
    bytes.fill(0);
    late.abort();
    joining.signal = late.signal;
    expect((await joined).epoch).toBe(alice.epoch);
  });

  it("a GroupInfo and the options of joining by it", async () => {
    const bytes = await alice.groupInfo();
    const options: Untyped = { authenticatedData: new Uint8Array([1]), psks: [] };
    const joining = joinByExternalCommit(carol.client, bytes, options);
    bytes.fill(0);
    options.authenticatedData.fill(9);
    options.psks.push("not checked");
    expect([...(await joining).staged.authenticatedData]).toEqual([1]);
  });

  it("a group ID and an epoch that this client asks to join", async () => {
    const group = { groupId: new Uint8Array([1, 2, 3]), epoch: 5n };
    const asking = proposeJoin(client, group);
    group.groupId.fill(0);
    group.epoch = 6n;
    const read = readMessage(await asking) as Untyped;
    expect([[...read.groupId], read.epoch]).toEqual([[1, 2, 3], 5n]);
  });

  it("a saved state and saved key packages", async () => {
    const again = await party("carol", { suite: SUITE, signer: carol.signer });
    await carol.client.createKeyPackage();
    const saved = await carol.client.saveKeyPackages();
    const loading = again.client.loadKeyPackages(saved);
    saved.fill(0);
    await loading;
    expect(again.client.keyPackages()).toHaveLength(1);
    const state = await (await carol.client.createGroup()).save();
    const restoring = again.client.restore(state);
    state.fill(0);
    expect((await restoring).active).toBe(true);
  });

  it("a follower's return that waits", async () => {
    const options = { crypto, authentication, groupInfo: await alice.groupInfo() };
    const follower = await PublicGroup.follow(options);
    const groupInfo = options.groupInfo.slice();
    const first = follower.resume(options.groupInfo);
    const second = follower.resume(groupInfo);
    groupInfo.fill(0);
    await Promise.all([first, second]);
    expect(follower.epoch).toBe(alice.epoch);
  });

  it("a new subgroup, whose call takes several steps", async () => {
    const add = [await carol.client.createKeyPackage()];
    const making = branch(client, alice, { add: add as Uint8Array[] }).catch((error: Error) => error.message);
    add[0]?.fill(0);
    // Read as it was: its owner isn't a member, which could be found only there.
    expect(await making).toMatch(/member/);
  });

  it("an external proposal, after its key package was checked", async () => {
    const { signer } = carol;
    const { groupId, epoch } = alice;
    const context = { suite: SUITE, groupId: alice.groupId, epoch, senderIndex: 0 };
    const request: Untyped = { add: await carol.client.createKeyPackage() };
    const making = externalProposal(crypto, signer, context, request);
    request.add.fill(0);
    request.add = EMPTY;
    Object.assign(context, { epoch: 99n });
    context.groupId.fill(0);
    const message = await making;
    expect(message.length).toBeGreaterThan(200);
    expect(readMessage(message)).toMatchObject({ groupId, epoch });
  });

  it("a client that is made", async () => {
    const policy: Untyped = { handshake: "public" };
    const credential = basicCredential(new Uint8Array([1]));
    const making = Client.create({ crypto, suite: SUITE, credential, authentication, policy });
    policy.handshake = "private";
    credential.identity.fill(9);
    const group = await (await making).createGroup();
    expect(group.members[0]?.credential).toEqual(basicCredential(new Uint8Array([1])));
    expect(readMessage(await group.propose({ update: true })).kind).toBe("public-message");
  });
});

describe("what no call can take is refused, and not made into something else:", () => {
  it.each([new Uint16Array([0x1234]), new DataView(new ArrayBuffer(4)), new Float64Array([1.5])])(
    "another view of memory in the place of bytes: %s",
    async (view: Untyped) => {
      await expect(alice.encrypt("x", { authenticatedData: view })).rejects.toThrow(usage);
      const extensions = [{ extensionType: 0xff00, extensionData: view }];
      await expect(client.createGroup({ extensions })).rejects.toThrow(usage);
    },
  );

  it.each(["add", "remove", "psks", "references", "proposals"])("a list with a hole: %s", async (name) => {
    await expect(alice.commit({ [name]: new Array(1) })).rejects.toThrow(usage);
  });

  it.each([undefined, 5, {}, null])("an exporter's label that is no string: %s", async (label: Untyped) => {
    await expect(alice.exportSecret(label, EMPTY, 16)).rejects.toThrow(usage);
    const staged = await alice.update();
    await expect(staged.exportSecret(label, EMPTY, 16)).rejects.toThrow(usage);
  });

  it("a list of saved states", async () => {
    const list = [await alice.save()] as Untyped;
    await expect(client.restore(list)).rejects.toThrow(usage);
  });

  it("a request of nothing", async () => {
    for (const name of ["update", "remove", "setExtensions"]) {
      await expect(alice.propose({ [name]: undefined } as Untyped)).rejects.toThrow(usage);
    }
  });
});
