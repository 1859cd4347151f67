// RFC 9420 §6, §10, §12: every message with one byte changed is refused, and leaves no trace.
import type { Group } from "@copse/core";
import { flipped } from "@copse/test-support/bytes";
import {
  everyone,
  four,
  keyPackageIn,
  type Meeting,
  type Party,
  party,
  publicIn,
  savedKeyPackages,
} from "@copse/test-support/clients";
import { failure, refused } from "@copse/test-support/errors";
import { forge, frame, insider } from "@copse/test-support/insiders";
import { beforeAll, describe, expect, it } from "vitest";
import { EMPTY, equalBytes } from "../../src/bytes.js";
import { decode, encode } from "../../src/codec/codec.js";
import { decryptWithLabel, encryptWithLabel } from "../../src/crypto/labelled.js";
import { MlsError } from "../../src/errors.js";
import { openGroupInfo } from "../../src/group/join/group-info.js";
import { deriveWelcomeSecret, welcomeKeyAndNonce } from "../../src/schedule/key-schedule.js";
import { Commit } from "../../src/wire/commit.js";
import { ContentType, WireFormat } from "../../src/wire/framed-content.js";
import { KeyPackage } from "../../src/wire/key-package.js";
import { MlsMessage } from "../../src/wire/mls-message.js";
import { ProposalType } from "../../src/wire/proposal.js";
import { GroupSecrets } from "../../src/wire/welcome.js";

/** Refuses the message with each of its bytes changed, and takes it as it was in the end. */
async function refuseEachByte(group: Group, message: Uint8Array): Promise<void> {
  const saved = await group.save();
  for (let at = 0; at < message.length; at++) await refused(group, flipped(message, at, at % 8), saved);
  await group.receive(message);
}

/** Refuses each changed byte in a call that leaves a client's key packages or a group as they were. */
async function refuseEach(
  bytes: Uint8Array,
  call: (changed: Uint8Array) => Promise<unknown>,
  save: () => Promise<Uint8Array>,
): Promise<void> {
  const before = await save();
  for (let at = 0; at < bytes.length; at++) {
    await failure(call(flipped(bytes, at, at % 8)));
    expect(equalBytes(await save(), before), `byte ${at}`).toBe(true);
  }
}

describe.each([1, 2, 3])("one byte changed, in suite %i", (suite) => {
  let meeting: Meeting;
  let alice: Group;
  let bob: Group;
  let mallory: Group;
  beforeAll(async () => {
    meeting = await four(suite, { policy: { handshake: "public" } });
    [alice, bob, mallory] = meeting.groups as [Group, Group, Group];
  });

  it("an application message", async () => {
    const message = await alice.encrypt("a message", { authenticatedData: new Uint8Array([1, 2, 3]) });
    await refuseEachByte(bob, message);
  });

  it("an application message of a past epoch", async () => {
    const message = await alice.encrypt("late");
    const { commit } = await alice.update();
    await everyone(meeting.groups, commit, 0);
    await alice.mergePendingCommit();
    await refuseEachByte(bob, message);
  });

  it("a proposal and a commit in public messages", async () => {
    const proposal = await mallory.propose({ update: true });
    for (const group of [alice, bob]) await refuseEachByte(group, proposal);
    await (meeting.groups[3] as Group).receive(proposal);
    const { commit } = await alice.commit();
    await refuseEachByte(bob, commit);
    for (const group of meeting.groups.slice(2)) await group.receive(commit);
    await alice.mergePendingCommit();
    expect(bob.epochAuthenticator).toEqual(alice.epochAuthenticator);
  });

  it("a proposal and a commit in private messages", async () => {
    const other = await four(suite);
    const [a, b, c, d] = other.groups as [Group, Group, Group, Group];
    const proposal = await c.propose({ update: true });
    await refuseEachByte(b, proposal);
    for (const group of [a, d]) await group.receive(proposal);
    const { commit } = await a.commit();
    await refuseEachByte(b, commit);
  });

  it("a commit's own bytes, signed anew by the committer", async () => {
    const from = await insider(meeting.parties[2] as Party, mallory);
    const remove = { proposalType: ProposalType.remove, removed: 3 } as const;
    const sender = { senderType: 1, leafIndex: 2 } as const;
    const message = await forge(from, { proposals: [{ proposal: remove, sender }] });
    const { content, auth } = publicIn(message);
    if (content.content.contentType !== ContentType.commit) throw new Error("no commit");
    const bytes = encode(Commit, content.content.commit);
    const saved = await bob.save();
    let [decoded, malformed] = [0, 0];
    for (let at = 0; at < bytes.length; at++) {
      let commit: Commit;
      try {
        commit = decode(Commit, flipped(bytes, at, at % 8));
      } catch (error) {
        expect(error).toBeInstanceOf(MlsError);
        malformed++;
        continue;
      }
      decoded++;
      const { confirmationTag } = auth as { confirmationTag: Uint8Array };
      const changed = await frame(from, { contentType: ContentType.commit, commit }, { confirmationTag });
      await refused(bob, changed, saved);
    }
    expect(decoded).toBeGreaterThan(malformed);
    const unchanged = await bob.receive(message);
    expect(unchanged).toMatchObject({ kind: "commit", removed: [{ leafIndex: 3 }] });
  });

  it("a key package, given to a committer, and proposed by an insider", async () => {
    const newMember = await party("new-member", { suite });
    const keyPackage = await newMember.client.createKeyPackage();
    await refuseEach(
      keyPackage,
      (changed) => alice.add(changed),
      () => alice.save(),
    );
    await refuseEach(
      keyPackage,
      (changed) => alice.propose({ add: changed }),
      () => alice.save(),
    );

    const saved = await alice.save();
    const from = await insider(meeting.parties[1] as Party, bob);
    const other = await insider(meeting.parties[2] as Party, mallory);
    const bytes = encode(KeyPackage, keyPackageIn(keyPackage));
    for (let at = 0; at < bytes.length; at++) {
      let changed: KeyPackage;
      try {
        changed = decode(KeyPackage, flipped(bytes, at, at % 8));
      } catch (error) {
        expect(error).toBeInstanceOf(MlsError);
        continue;
      }
      const proposal = { proposalType: ProposalType.add, keyPackage: changed } as const;
      const sender = from.epoch.groupContext.epoch === alice.epoch ? from : other;
      const message = await frame(sender, { contentType: ContentType.proposal, proposal });
      await refused(alice, message, saved);
    }
  });
});

describe.each([1, 2, 3])("one byte changed in what a new member gets, in suite %i", (suite) => {
  let meeting: Meeting;
  let newMember: Party;
  let welcome: Uint8Array;
  let group: Group;
  beforeAll(async () => {
    meeting = await four(suite);
    newMember = await party("new-member", { suite });
    group = meeting.groups[0] as Group;
    // Leaf 1 is free, so that the new member gets a path secret.
    const { commit } = await group.remove(1);
    for (const i of [2, 3]) await (meeting.groups[i] as Group).receive(commit);
    await group.mergePendingCommit();
    const added = await group.commit({ add: [await newMember.client.createKeyPackage()], forcePath: true });
    welcome = added.welcome as Uint8Array;
    await group.mergePendingCommit();
  });
  const save = () => newMember.client.saveKeyPackages();

  it("the Welcome", async () => {
    await refuseEach(welcome, (changed) => newMember.client.join(changed), save);
  });

  /** The Welcome's plaintexts, and the Welcome with others in their place. */
  async function opened() {
    const { provider } = newMember.config;
    const message = decode(MlsMessage, welcome);
    if (message.wireFormat !== WireFormat.welcome) throw new Error("no Welcome");
    const [own] = await savedKeyPackages(newMember.client);
    const initKey = await provider.hpke.importPrivateKey(own?.initKey as Uint8Array);
    const { encryptedGroupInfo, secrets, cipherSuite } = message.welcome;
    const [entry] = secrets;
    if (entry === undefined) throw new Error("no secrets");
    const groupSecrets = await decryptWithLabel(
      provider,
      initKey.privateKey,
      "Welcome",
      encryptedGroupInfo,
      entry.encryptedGroupSecrets,
    );
    const { joinerSecret } = decode(GroupSecrets, groupSecrets);
    const nothing = new Uint8Array(provider.suite.hash.Nh);
    const { key, nonce } = await welcomeKeyAndNonce(
      provider,
      await deriveWelcomeSecret(provider, joinerSecret, nothing),
    );
    const groupInfo = await provider.aead.open(key, nonce, EMPTY, encryptedGroupInfo);
    const close = async (info: Uint8Array, plaintext: Uint8Array): Promise<Uint8Array> => {
      const sealed = await provider.aead.seal(key, nonce, EMPTY, info);
      const encryptedGroupSecrets = await encryptWithLabel(
        provider,
        initKey.publicKey,
        "Welcome",
        sealed,
        plaintext,
      );
      return encode(MlsMessage, {
        version: 1,
        wireFormat: WireFormat.welcome,
        welcome: {
          cipherSuite,
          secrets: [{ newMember: entry.newMember, encryptedGroupSecrets }],
          encryptedGroupInfo: sealed,
        },
      });
    };
    return { groupInfo, groupSecrets, close };
  }

  it("the GroupInfo and the GroupSecrets inside of it, encrypted anew", async () => {
    const { groupInfo, groupSecrets, close } = await opened();
    const join = async (changed: Promise<Uint8Array>) => newMember.client.join(await changed);
    await refuseEach(groupInfo, (changed) => join(close(changed, groupSecrets)), save);
    expect(decode(GroupSecrets, groupSecrets).pathSecret).toBeDefined();
    await refuseEach(groupSecrets, (changed) => join(close(groupInfo, changed)), save);
  });

  it("a GroupInfo by itself, and a ratchet tree delivered out of band", async () => {
    const { config } = newMember;
    const open = async (bytes: Uint8Array, tree?: Uint8Array) => {
      const message = decode(MlsMessage, bytes);
      if (message.wireFormat !== WireFormat.groupInfo) throw new MlsError("usage", "no GroupInfo");
      return openGroupInfo(config, message.groupInfo, tree);
    };
    const info = await group.groupInfo();
    await refuseEach(info, (changed) => open(changed), save);
    await open(info);
    const bare = await group.groupInfo({ ratchetTree: false });
    const tree = group.ratchetTree;
    await refuseEach(tree, (changed) => open(bare, changed), save);
    await open(bare, tree);
  });

  it("is accepted if nothing is changed", async () => {
    const { groupInfo, groupSecrets, close } = await opened();
    const joined = await newMember.client.join(await close(groupInfo, groupSecrets));
    expect(joined.epochAuthenticator).toEqual(group.epochAuthenticator);
  });
});
