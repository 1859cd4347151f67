// RFC 9420 §14, §15: errors as data: what each knows, and whether the same call may succeed.
import { type Group, insecureAcceptAll, MlsError, type Received } from "@copse/core";
import { PublicGroup } from "@copse/core/public-group";
import { nodeProvider } from "@copse/provider-node";
import { pair, party, reopened } from "@copse/test-support/clients";
import { failure } from "@copse/test-support/errors";
import { describe, expect, it } from "vitest";

const SUITE = 1;
const ID = new TextEncoder().encode("details");

/** What an error says of itself, without its text. */
function dataOf({ code, retry, groupId, epoch, sender, references }: MlsError) {
  return { code, retry, groupId, epoch, sender, references };
}

const referenceOf = (received: Received) => (received as { reference: Uint8Array }).reference;

describe("a message that comes again", () => {
  it("is a duplicate, in its epoch and later, also after the group was restored", async () => {
    const { alice, a, b } = await pair({ suite: SUITE });
    const message = await b.encrypt("once");
    await a.receive(message);
    const duplicate = { code: "duplicate", retry: "never", groupId: a.groupId, epoch: 1n, sender: 1 };
    expect(dataOf(await failure(a.receive(message)))).toEqual({ ...duplicate, references: undefined });
    const restored = await reopened(alice, a);
    expect(await failure(restored.receive(message))).toMatchObject(duplicate);
    const { commit } = await b.update();
    await b.mergePendingCommit();
    await restored.receive(commit);
    expect(await failure(restored.receive(message))).toMatchObject(duplicate);
    expect(await failure(restored.receive(commit))).toMatchObject({ code: "duplicate", epoch: 1n });
  });

  it("is forgotten if nobody can say so any more", async () => {
    const policy = { maxPastEpochs: 1, ratchets: { maxForward: 10, maxSkipped: 2, maxSkippedTotal: 10 } };
    const { alice, a, b } = await pair({ suite: SUITE, policy });
    const sent: Uint8Array[] = [];
    for (const text of ["0", "1", "2", "3", "4"]) sent.push(await b.encrypt(text));
    const [zero, one, two, three, four] = sent as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    await a.receive(four); // the keys of 2 and 3 are kept, those of 0 and 1 aren't
    await a.receive(two);
    let group = a;
    for (let i = 0; i < 2; i++) {
      for (const old of [zero, one]) {
        expect(await failure(group.receive(old))).toMatchObject({ code: "forgotten", epoch: 1n, sender: 1 });
      }
      for (const again of [two, four]) {
        expect(await failure(group.receive(again))).toMatchObject({ code: "duplicate", sender: 1 });
      }
      group = await reopened(alice, group);
    }
    expect(await group.receive(three)).toMatchObject({ kind: "application" });
    for (let i = 0; i < 2; i++) {
      const { commit } = await b.update();
      await b.mergePendingCommit();
      await group.receive(commit);
    }
    const error = await failure(group.receive(two));
    expect(error).toMatchObject({ code: "forgotten", retry: "never", epoch: 1n, groupId: group.groupId });
  });
});

it("a commit whose proposals weren't received names all of them, and is taken afterwards", async () => {
  const { a, b } = await pair({ suite: SUITE, policy: { handshake: "public" } });
  const proposals = [await a.propose({ extensions: [] }), await a.propose({ psk: { resumption: 1n } })];
  const follower = await PublicGroup.follow({
    crypto: nodeProvider(),
    authentication: insecureAcceptAll(),
    groupInfo: await a.groupInfo(),
  });
  const references = a.proposals.map(({ reference }) => reference);
  const { commit } = await a.commit();
  for (const receiver of [b, follower]) {
    const error = await failure(receiver.receive(commit));
    expect(dataOf(error)).toMatchObject({ code: "proposal-missing", retry: "later", epoch: 1n, sender: 0 });
    expect(error.references).toEqual(references);
    expect(referenceOf(await receiver.receive(proposals[0] as Uint8Array))).toEqual(references[0]);
    expect((await failure(receiver.receive(commit))).references).toEqual(references.slice(1));
    await receiver.receive(proposals[1] as Uint8Array);
    expect(await receiver.receive(commit)).toMatchObject({ kind: "commit" });
  }
});

it("a message of another group, a Welcome for somebody else and an open group say which", async () => {
  const { alice, bob, a, b } = await pair({ suite: SUITE });
  const other = await alice.createGroup({ groupId: ID });
  const foreign = await other.encrypt("hello");
  expect(await failure(b.receive(foreign))).toMatchObject({ code: "wrong-group", groupId: ID, epoch: 0n });

  const carol = (await party("carol", { suite: SUITE })).client;
  const keyPackage = await carol.createKeyPackage();
  const [reference] = carol.keyPackages().map((one) => one.reference);
  const { welcome } = await other.add(keyPackage);
  await other.mergePendingCommit();
  const uninvited = await failure(bob.join(welcome as Uint8Array));
  expect(dataOf(uninvited)).toMatchObject({ code: "not-invited", retry: "never", references: [reference] });
  await carol.join(welcome as Uint8Array);
  expect(await failure(carol.join(welcome as Uint8Array))).toMatchObject({ code: "not-invited" });

  const exists = { code: "group-exists", retry: "later" };
  expect(await failure(alice.createGroup({ groupId: ID }))).toMatchObject({ ...exists, groupId: ID });
  expect(await failure(alice.restore(await a.save()))).toMatchObject({ ...exists, groupId: a.groupId });
});

it("a fork names who signed the other commit", async () => {
  const { a, b } = await pair({ suite: SUITE });
  const [ofA, ofB] = [await a.update(), await b.update()];
  await a.mergePendingCommit();
  await b.receive(ofA.commit);
  const fork = await failure(a.receive(ofB.commit));
  expect(dataOf(fork)).toMatchObject({
    code: "fork",
    retry: "never",
    epoch: 1n,
    sender: 1,
    groupId: a.groupId,
  });
});

it("what a hook couldn't decide may be tried again now, and says about what", async () => {
  let isUp = false;
  const validate = () => {
    if (!isUp) throw new Error("down");
    return true;
  };
  const { a, b } = await pair({ suite: SUITE });
  const carol = await party("carol", { suite: SUITE, authentication: { validate } });
  isUp = true;
  const { commit, welcome } = await a.add(await carol.client.createKeyPackage());
  await a.mergePendingCommit();
  await b.receive(commit);
  const ofCarol: Group = await carol.client.join(welcome as Uint8Array);
  isUp = false;
  const next = await b.add(await (await party("dave", { suite: SUITE })).client.createKeyPackage());
  const error = await failure(ofCarol.receive(next.commit));
  expect(error).toMatchObject({ code: "try-again", retry: "now", epoch: 2n, groupId: a.groupId });
  isUp = true;
  expect(await ofCarol.receive(next.commit)).toMatchObject({ kind: "commit" });
});

it("only three kinds of answer are given to whether to try again", () => {
  expect(new MlsError("usage", "").retry).toBe("never");
  expect(Object.keys(new MlsError("usage", ""))).not.toContain("groupId");
});
