// What a call was given is read once, when it is called, and only what it can take: JavaScript has no type checker.
import { basicCredential, Client, type Group, insecureAcceptAll } from "@copse/core";
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
    const context = { suite: SUITE, groupId: alice.groupId, epoch: alice.epoch, senderIndex: 0 };
    const request: Untyped = { add: await carol.client.createKeyPackage() };
    const making = externalProposal(crypto, signer, context, request);
    request.add.fill(0);
    request.add = EMPTY;
    expect((await making).length).toBeGreaterThan(200);
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

  it("a list of saved records with a hole", async () => {
    await expect(client.restore(new Array(1))).rejects.toThrow(usage);
  });

  it("a request of nothing", async () => {
    for (const name of ["update", "remove", "setExtensions"]) {
      await expect(alice.propose({ [name]: undefined } as Untyped)).rejects.toThrow(usage);
    }
  });
});
