// RFC 9420 §12.4.3, §12.4.3.1: invalid Welcomes, well encrypted by their sender, are refused, each by its rule.
import type { Group, Signer } from "@copse/core";
import { gather, keyPackageIn, type Party, party } from "@copse/test-support/clients";
import { failure, named, saying } from "@copse/test-support/errors";
import { beforeAll, describe, expect, it } from "vitest";
import { encode } from "../../src/codec/codec.js";
import { RatchetTree } from "../../src/tree/ratchet-tree.js";
import { ExtensionType, findExtension } from "../../src/wire/extension.js";
import { type PreSharedKeyID, PSKType } from "../../src/wire/psk.js";
import { NodeType, RatchetTreeNodes } from "../../src/wire/ratchet-tree.js";
import type { GroupInfo } from "../../src/wire/welcome.js";
import { filled, SUITE, unknown } from "../proposals.js";
import { forgeWelcome, signed, type WelcomeForgery } from "./forged-messages.js";

let newMember: Party;
let alice: Group;
let signer: Signer;
/** Of a commit without a path. */
let plain: Uint8Array;

beforeAll(async () => {
  newMember = await party("new-member", { suite: SUITE });
  const { parties, groups } = await gather([
    await party("alice", { suite: SUITE }),
    await party("bob", { suite: SUITE }),
  ]);
  alice = groups[0] as Group;
  signer = (parties[0] as Party).signer;
  plain = (await alice.add(await newMember.client.createKeyPackage())).welcome as Uint8Array;
});

/** A GroupInfo with other contents, signed anew by Alice. */
const saysOf =
  (change: (info: GroupInfo) => Partial<GroupInfo>, by?: () => Signer): NonNullable<WelcomeForgery["info"]> =>
  (info) =>
    signed({ ...info, ...change(info) }, by?.() ?? signer);
const context = (change: Partial<GroupInfo["groupContext"]>): WelcomeForgery => ({
  info: saysOf(({ groupContext }) => ({ groupContext: { ...groupContext, ...change } })),
});
const secrets = (change: Partial<Parameters<NonNullable<WelcomeForgery["secrets"]>>[0]>): WelcomeForgery => ({
  secrets: (before) => ({ ...before, ...change }),
});
const resumption = (usage: 1 | 2 | 3): PreSharedKeyID => ({
  pskType: PSKType.resumption,
  usage,
  pskGroupId: alice.groupId,
  pskEpoch: 1n,
  pskNonce: filled(),
});

/** A tree in which the new member's leaf is one of another key package. */
async function otherLeaf(info: GroupInfo): Promise<Partial<GroupInfo>> {
  const nodes = findExtension(info.extensions, ExtensionType.ratchetTree, RatchetTreeNodes);
  const { leafNode } = keyPackageIn(await newMember.client.createKeyPackage());
  const changed = (nodes as RatchetTreeNodes).map((one, i) =>
    i === 4 ? { nodeType: NodeType.leaf, leafNode } : one,
  );
  const treeHash = await RatchetTree.fromNodes(changed).treeHash(newMember.config.provider);
  return {
    groupContext: { ...info.groupContext, treeHash },
    extensions: [
      { extensionType: ExtensionType.ratchetTree, extensionData: encode(RatchetTreeNodes, changed) },
    ],
  };
}

describe("a Welcome", () => {
  const wrong: [string, string, () => WelcomeForgery][] = [
    [
      "of another suite than the key package's",
      "12.4.3.1: the cipher suite indicated in the KeyPackage",
      () => ({ welcome: { cipherSuite: 2 } }),
    ],
    ["with a joiner secret too short", "8: the joiner secret", () => secrets({ joinerSecret: filled(31) })],
    ["with a PSK that the new member doesn't have", "missing", () => secrets({ psks: [resumption(1)] })],
    [
      "with two PSKs of usages reinit and branch",
      "12.4.3.1: a resumption PSK with usage reinit or branch must be the only such",
      () => secrets({ psks: [resumption(2), resumption(3)] }),
    ],
    [
      "with a PSK whose nonce is too short",
      "12.1.4: psk_nonce",
      () => secrets({ psks: [{ ...resumption(1), pskNonce: filled(31) }] }),
    ],
    [
      "with one PSK twice",
      "8.4: the psks of a Welcome",
      () => secrets({ psks: [resumption(1), resumption(1)] }),
    ],
    [
      "to a group of another suite",
      "12.4.3.1: the cipher suite in the GroupInfo",
      () => context({ cipherSuite: 2 }),
    ],
    [
      "with another tree hash",
      "12.4.3.1: the tree hash of the ratchet tree",
      () => context({ treeHash: filled() }),
    ],
    [
      "with a confirmation tag of another epoch",
      "12.4.3.1: the confirmation tag in the GroupInfo",
      () => ({ info: saysOf(() => ({ confirmationTag: filled() })) }),
    ],
    [
      "with another confirmed transcript hash",
      "12.4.3.1: the confirmation tag in the GroupInfo",
      () => context({ confirmedTranscriptHash: filled() }),
    ],
    ["with another epoch", "12.4.3.1: the confirmation tag in the GroupInfo", () => context({ epoch: 99n })],
    [
      "without a leaf for the new member",
      "12.4.3.1: a leaf must be identical",
      () => ({ info: async (info) => signed({ ...info, ...(await otherLeaf(info)) }, signer) }),
    ],
    [
      "signed by nobody",
      "12.4.3: new members must verify",
      () => ({ info: (info) => ({ ...info, signature: filled(64) }) }),
    ],
    [
      "signed by a blank leaf",
      "12.4.3.1: the signer of a GroupInfo must be a member",
      () => ({ info: saysOf(() => ({ signer: 3 })) }),
    ],
    [
      "signed by the new member itself, with a path secret",
      "12.4.3.1: the signer must be another member",
      () => ({
        ...secrets({ pathSecret: { pathSecret: filled() } }),
        info: saysOf(
          () => ({ signer: 2 }),
          () => newMember.signer,
        ),
      }),
    ],
    [
      "with a path secret for nodes that no path has set",
      "12.4.3.1: the nodes that the path secret is for",
      () => secrets({ pathSecret: { pathSecret: filled() } }),
    ],
    [
      "to a group with an extension that its members don't support",
      "13.4: the capabilities must indicate support",
      () => context({ extensions: [unknown] }),
    ],
    ["without the tree", "missing", () => ({ info: saysOf(() => ({ extensions: [] })) })],
    [
      "for another key package",
      "not-invited",
      () => ({
        welcome: {
          secrets: [
            { newMember: filled(), encryptedGroupSecrets: { kemOutput: filled(), ciphertext: filled() } },
          ],
        },
      }),
    ],
  ];
  it.each(wrong)("%s is refused by %s", async (_, rule, forgery) => {
    const before = await newMember.client.saveKeyPackages();
    const message = await forgeWelcome(newMember, plain, forgery());
    expect(saying(await failure(newMember.client.join(message)))).toMatch(named(rule));
    // The key package can still be used. The tests themselves make others.
    expect((await newMember.client.saveKeyPackages()).length).toBeGreaterThanOrEqual(before.length);
  });

  it("to a group with the ID of a group that the new member is in is refused by group-exists", async () => {
    const guest = await party("guest", { suite: SUITE });
    const { groups } = await gather([await party("host", { suite: SUITE })]);
    const [host] = groups as [Group];
    const { welcome } = await host.add(await guest.client.createKeyPackage());
    // Held, as a client forgets groups that nobody holds.
    const same = await guest.client.createGroup({ groupId: host.groupId });
    expect((await failure(guest.client.join(welcome as Uint8Array))).code).toBe("group-exists");
    await same.close();
    await guest.client.join(welcome as Uint8Array);
  });

  it("with a path secret of a node that isn't the common ancestor's is refused by 12.4.3.1: the path secret's", async () => {
    const guest = await party("guest", { suite: SUITE });
    const { groups } = await gather(
      await Promise.all(["a", "b", "c"].map((n) => party(n, { suite: SUITE }))),
    );
    const made = await (groups[0] as Group).commit({
      add: [await guest.client.createKeyPackage()],
      forcePath: true,
    });
    const message = await forgeWelcome(
      guest,
      made.welcome as Uint8Array,
      secrets({ pathSecret: { pathSecret: filled() } }),
    );
    expect(saying(await failure(guest.client.join(message)))).toMatch(
      /^12\.4\.3\.1: the path secret's private keys/,
    );
    const short = secrets({ pathSecret: { pathSecret: filled(31) } });
    const truncated = await forgeWelcome(guest, made.welcome as Uint8Array, short);
    expect(saying(await failure(guest.client.join(truncated)))).toMatch(/^7\.4: a path secret/);
    await guest.client.join(made.welcome as Uint8Array);
  });

  it("that resumes an unknown group is refused by missing", async () => {
    const guest = await party("guest", { suite: SUITE });
    const { groups } = await gather([await party("host", { suite: SUITE })]);
    const { welcome } = await (groups[0] as Group).add(await guest.client.createKeyPackage());
    const [id, psk] = [resumption(3), filled()];
    const message = await forgeWelcome(guest, welcome as Uint8Array, { psks: [{ id, psk }] });
    // Somebody who has the PSK, but not the group.
    const previous = { groupId: alice.groupId, resumptionPsk: () => psk, predecessor: undefined };
    const error = await failure(guest.client.join(message, { previous: previous as unknown as Group }));
    expect(error.message).toMatch(/^the group that this one resumes isn't known here/);
    expect((await failure(guest.client.join(message))).code).toBe("missing");
  });

  it("is accepted if valid, and unknown extensions of its GroupInfo are ignored", async () => {
    const message = await forgeWelcome(newMember, plain, {
      info: saysOf(({ extensions }) => ({ extensions: [unknown, ...extensions] })),
    });
    const joined = await newMember.client.join(message);
    await alice.mergePendingCommit();
    expect(joined.epochAuthenticator).toEqual(alice.epochAuthenticator);
    expect(joined.extensions).toEqual([]);
  });
});
