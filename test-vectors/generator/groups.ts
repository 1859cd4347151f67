// RFC 9420 §12: vectors for Welcomes, for passive clients (which only receive), and for the wire format.

import type { Group } from "../../packages/core/src/client/group.js";
import { decode, encode } from "../../packages/core/src/codec/codec.js";
import { requiredCapabilities } from "../../packages/core/src/group/extensions/requirements.js";
import type { CommitOptions, ProposalRequest } from "../../packages/core/src/group/proposals/requests.js";
import { Commit } from "../../packages/core/src/wire/commit.js";
import { ContentType, SenderType, WireFormat } from "../../packages/core/src/wire/framed-content.js";
import { MlsMessage } from "../../packages/core/src/wire/mls-message.js";
import {
  Add,
  ExternalInit,
  GroupContextExtensions,
  PreSharedKey,
  ReInit,
  Remove,
  Update,
} from "../../packages/core/src/wire/proposal.js";
import { PSKType } from "../../packages/core/src/wire/psk.js";
import { RatchetTreeNodes } from "../../packages/core/src/wire/ratchet-tree.js";
import { GroupSecrets } from "../../packages/core/src/wire/welcome.js";
import { toHex, type VectorContext } from "./source.js";
import { type Round, type Start, TestGroup } from "./test-group.js";
import { TestTree } from "./trees.js";

export async function welcome(context: VectorContext) {
  const { vector, members } = await TestGroup.open(context, { members: 1 });
  const creator = members[0] as Group;
  return {
    cipher_suite: context.id,
    init_priv: vector.init_priv,
    signer_pub: toHex(creator.member(creator.ownLeafIndex)?.signatureKey as Uint8Array),
    key_package: vector.key_package,
    welcome: vector.welcome,
  };
}

/** A passive client joins a group. */
export async function passiveWelcome(context: VectorContext, start: Start) {
  return (await TestGroup.open(context, start)).vector;
}

/** GroupContext extensions that every client supports. */
const EXTENSIONS = [requiredCapabilities({ credentialTypes: [1] })];

/** The proposals of a commit by reference, each with the member who sends it, who isn't the committer. */
type Requests = (group: TestGroup) => readonly (readonly [from: Group, request: ProposalRequest])[];
const byReference =
  (requests: Requests) =>
  async (group: TestGroup): Promise<void> =>
    group.round({ by: group.members[0] as Group, proposals: requests(group) });
const byValue =
  (commit: (group: TestGroup) => CommitOptions | Promise<CommitOptions>) =>
  async (group: TestGroup): Promise<void> =>
    group.round({ by: group.members[1] as Group, commit: await commit(group) });
const at = (group: TestGroup, i: number) => group.members[i] as Group;
const leafOf = (group: TestGroup, i: number) => at(group, i).ownLeafIndex;

/** The kinds of commits, by name. Members 0 and 2 send PublicMessages, members 1 and 3 PrivateMessages. */
const COMMITS = {
  empty: byValue(() => ({ forcePath: true })),
  "add without a path": byValue(async (group) => ({ add: await group.keyPackages(1) })),
  "add with a path": byValue(async (group) => ({ add: await group.keyPackages(2), forcePath: true })),
  remove: byValue((group) => ({ remove: [leafOf(group, 3)] })),
  psk: byValue((group) => ({ psks: [{ external: group.pskId }] })),
  "psk of an epoch": byValue((group) => ({ psks: [{ resumption: group.passive.epoch }] })),
  "group context extensions": byValue(() => ({ extensions: EXTENSIONS })),
  "all by value": byValue(async (group) => ({
    add: await group.keyPackages(1),
    remove: [leafOf(group, 2)],
    psks: [{ external: group.pskId }],
    extensions: EXTENSIONS,
  })),
  "update by reference": byReference((group) => [[at(group, 1), { update: true }]]),
  "remove by reference": byReference((group) => [[at(group, 1), { remove: leafOf(group, 2) }]]),
  "psk by reference": byReference((group) => [[at(group, 2), { psk: { external: group.pskId } }]]),
  "all by reference": async (group: TestGroup): Promise<void> => {
    const [keyPackage] = await group.keyPackages(1);
    await group.round({
      by: at(group, 0),
      proposals: [
        [at(group, 1), { add: keyPackage as Uint8Array }],
        [at(group, 2), { update: true }],
        [at(group, 1), { remove: leafOf(group, 3) }],
        [at(group, 3), { psk: { external: group.pskId } }],
        [at(group, 2), { extensions: EXTENSIONS }],
      ],
    });
  },
  "add by a new member": (group: TestGroup) => group.round({ by: at(group, 0), newMemberProposals: 1 }),
  "external commit": (group: TestGroup) => group.joinExternally({ psk: true }),
  "external commit of a member": (group: TestGroup) => group.joinExternally({ former: at(group, 2) }),
};

export type CommitKind = keyof typeof COMMITS;
export const COMMIT_KINDS = Object.keys(COMMITS) as CommitKind[];

/** A passive client joins and receives a commit of this kind, then an empty commit with a path. */
export async function passiveCommit(context: VectorContext, kind: CommitKind) {
  const group = await TestGroup.open(context, { members: 4 });
  await COMMITS[kind](group);
  await group.round({ by: group.members.at(-1) as Group, commit: { forcePath: true } });
  return group.vector;
}

/** A passive client joins a group whose commits are random. */
export async function passiveRandom(context: VectorContext, epochs: number) {
  const { source } = context;
  const start = {
    psk: source.below(2) === 0,
    path: source.below(2) === 0,
    treeInWelcome: source.below(2) === 0,
  };
  const group = await TestGroup.open(context, { members: 3, ...start });
  for (let i = 0; i < epochs; i++) {
    if (source.below(8) === 0) {
      const isFormer = group.members.length > 2 && source.below(3) === 0;
      await group.joinExternally({
        psk: source.below(2) === 0,
        ...(isFormer && { former: source.pick(group.members.slice(1)) }),
      });
    } else await group.round(await randomRound(group));
  }
  return group.vector;
}

/** A commit with up to four random proposals, by value and by reference, each about a different member. */
async function randomRound(group: TestGroup): Promise<Round> {
  const { source } = group.context;
  const by = source.pick(group.members);
  let free = group.members.filter((member) => member !== by);
  const take = (): Group => {
    const taken = source.pick(free);
    free = free.filter((member) => member !== taken);
    return taken;
  };
  const proposals: [Group, ProposalRequest][] = [];
  const commit = { add: [] as Uint8Array[], remove: [] as number[], forcePath: source.below(2) === 0 };
  for (let count = source.below(5); count > 0; count--) {
    const isSmall = group.members.length < 5 + source.below(6);
    const kind = source.pick(isSmall ? (["add", "add", "update"] as const) : (["remove", "update"] as const));
    const isByValue = source.below(2) === 0;
    if (kind === "add") {
      const add = (await group.keyPackages(1))[0] as Uint8Array;
      if (isByValue) commit.add.push(add);
      else proposals.push([source.pick(group.members), { add }]);
    } else if (free.length > 1) {
      const one = take();
      if (kind === "update") proposals.push([one, { update: true }]);
      else if (isByValue) commit.remove.push(one.ownLeafIndex);
      else proposals.push([by, { remove: one.ownLeafIndex }]);
    }
  }
  if (source.below(3) === 0) proposals.push([by, { psk: { external: group.pskId } }]);
  return { by, proposals, commit };
}

/** Each structure of the wire format once. They needn't belong together. */
export async function messages(context: VectorContext) {
  const { id, source, suite } = context;
  const { Nh } = suite.suite.hash;
  const testTree = await TestTree.ofSize(context, 3);
  await testTree.addUnmerged();
  const { keyPackage } = await testTree.newMember();
  const group = await TestGroup.open(context, { members: 2, psk: true });
  const by = at(group, 0);
  const groupInfo = await by.groupInfo();
  const privateMessage = await by.encrypt(source.bytes(source.below(64)));
  const proposal = await by.propose({ psk: { external: group.pskId } });
  const { commit } = await by.commit({ add: await group.keyPackages(1), forcePath: true });
  const committed = decode(MlsMessage, commit);
  if (!("publicMessage" in committed)) throw new Error("expected a PublicMessage");
  const { content } = committed.publicMessage.content;
  if (!("commit" in content)) throw new Error("expected a commit in the PublicMessage");
  const psk = { pskType: PSKType.external, pskId: source.bytes(16), pskNonce: source.bytes(Nh) };
  const leafNode = await testTree.update(1);
  // §6 forbids application data in a PublicMessage, but the wire format can encode it.
  const application = {
    version: 1,
    wireFormat: WireFormat.publicMessage,
    publicMessage: {
      content: {
        groupId: by.groupId,
        epoch: by.epoch,
        sender: { senderType: SenderType.member, leafIndex: 0 },
        authenticatedData: source.bytes(source.below(64)),
        content: {
          contentType: ContentType.application,
          applicationData: source.bytes(source.below(64)),
        },
      },
      auth: { signature: source.bytes(64), confirmationTag: undefined },
      membershipTag: source.bytes(Nh),
    },
  } as const;
  return {
    mls_welcome: group.vector.welcome,
    mls_group_info: toHex(groupInfo),
    mls_key_package: group.vector.key_package,
    ratchet_tree: toHex(encode(RatchetTreeNodes, testTree.tree.toNodes())),
    group_secrets: toHex(
      encode(GroupSecrets, {
        joinerSecret: source.bytes(Nh),
        pathSecret: { pathSecret: source.bytes(Nh) },
        psks: [psk],
      }),
    ),
    add_proposal: toHex(encode(Add, { keyPackage })),
    update_proposal: toHex(encode(Update, { leafNode })),
    remove_proposal: toHex(encode(Remove, { removed: source.below(2 ** 32) })),
    pre_shared_key_proposal: toHex(encode(PreSharedKey, { psk })),
    re_init_proposal: toHex(
      encode(ReInit, {
        groupId: source.bytes(32),
        version: 1,
        cipherSuite: id,
        extensions: EXTENSIONS,
      }),
    ),
    external_init_proposal: toHex(encode(ExternalInit, { kemOutput: source.bytes(suite.suite.kem.Nenc) })),
    group_context_extensions_proposal: toHex(encode(GroupContextExtensions, { extensions: EXTENSIONS })),
    commit: toHex(encode(Commit, content.commit)),
    public_message_application: toHex(encode(MlsMessage, application)),
    public_message_proposal: toHex(proposal),
    public_message_commit: toHex(commit),
    private_message: toHex(privateMessage),
  };
}
