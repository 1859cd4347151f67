// RFC 9420 §12: vectors for Welcomes, for clients that only receive, and for the structures on the wire.

import type { Group } from "../../packages/core/src/client/group.js";
import { decode, encode } from "../../packages/core/src/codec/codec.js";
import { requiredCapabilities } from "../../packages/core/src/group/extensions/requirements.js";
import type { CommitOptions, ProposalRequest } from "../../packages/core/src/group/proposals/options.js";
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
import { type Round, Scene, type Start } from "./scene.js";
import { type Maker, toHex } from "./source.js";
import { Grove } from "./trees.js";

export async function welcome(maker: Maker) {
  const { vector, members } = await Scene.open(maker, { members: 1 });
  const creator = members[0] as Group;
  return {
    cipher_suite: maker.id,
    init_priv: vector.init_priv,
    signer_pub: toHex(creator.member(creator.ownLeafIndex)?.signatureKey as Uint8Array),
    key_package: vector.key_package,
    welcome: vector.welcome,
  };
}

/** A client that joins and does nothing else. */
export async function passiveWelcome(maker: Maker, start: Start) {
  return (await Scene.open(maker, start)).vector;
}

/** An extension of the GroupContext that every client takes. */
const EXTENSIONS = [requiredCapabilities({ credentialTypes: [1] })];

/** The proposals of a commit that come by reference, each from another member than the committer. */
type Requests = (scene: Scene) => readonly (readonly [from: Group, request: ProposalRequest])[];
const byReference =
  (requests: Requests) =>
  async (scene: Scene): Promise<void> =>
    scene.round({ by: scene.members[0] as Group, proposals: requests(scene) });
const byValue =
  (commit: (scene: Scene) => CommitOptions | Promise<CommitOptions>) =>
  async (scene: Scene): Promise<void> =>
    scene.round({ by: scene.members[1] as Group, commit: await commit(scene) });
const at = (scene: Scene, i: number) => scene.members[i] as Group;
const leafOf = (scene: Scene, i: number) => at(scene, i).ownLeafIndex;

/** What a commit can be, by name. Members 0 and 2 send PublicMessages, 1 and 3 PrivateMessages. */
const COMMITS = {
  empty: byValue(() => ({ forcePath: true })),
  "add without a path": byValue(async (scene) => ({ add: await scene.keyPackages(1) })),
  "add with a path": byValue(async (scene) => ({ add: await scene.keyPackages(2), forcePath: true })),
  remove: byValue((scene) => ({ remove: [leafOf(scene, 3)] })),
  psk: byValue((scene) => ({ psks: [{ external: scene.pskId }] })),
  "psk of an epoch": byValue((scene) => ({ psks: [{ resumption: scene.passive.epoch }] })),
  "group context extensions": byValue(() => ({ extensions: EXTENSIONS })),
  "all by value": byValue(async (scene) => ({
    add: await scene.keyPackages(1),
    remove: [leafOf(scene, 2)],
    psks: [{ external: scene.pskId }],
    extensions: EXTENSIONS,
  })),
  "update by reference": byReference((scene) => [[at(scene, 1), { update: true }]]),
  "remove by reference": byReference((scene) => [[at(scene, 1), { remove: leafOf(scene, 2) }]]),
  "psk by reference": byReference((scene) => [[at(scene, 2), { psk: { external: scene.pskId } }]]),
  "all by reference": async (scene: Scene): Promise<void> => {
    const [keyPackage] = await scene.keyPackages(1);
    await scene.round({
      by: at(scene, 0),
      proposals: [
        [at(scene, 1), { add: keyPackage as Uint8Array }],
        [at(scene, 2), { update: true }],
        [at(scene, 1), { remove: leafOf(scene, 3) }],
        [at(scene, 3), { psk: { external: scene.pskId } }],
        [at(scene, 2), { extensions: EXTENSIONS }],
      ],
    });
  },
  "a newcomer's own add": (scene: Scene) => scene.round({ by: at(scene, 0), newcomers: 1 }),
  "external commit": (scene: Scene) => scene.comeIn({ psk: true }),
  "external commit of a member": (scene: Scene) => scene.comeIn({ former: at(scene, 2) }),
};

export type CommitKind = keyof typeof COMMITS;
export const COMMIT_KINDS = Object.keys(COMMITS) as CommitKind[];

/** A client that joins, receives a commit of one kind, and then one with a path that renews all. */
export async function passiveCommit(maker: Maker, kind: CommitKind) {
  const scene = await Scene.open(maker, { members: 4 });
  await COMMITS[kind](scene);
  await scene.round({ by: scene.members.at(-1) as Group, commit: { forcePath: true } });
  return scene.vector;
}

/** A client that joins a group in which everything happens by chance. */
export async function passiveRandom(maker: Maker, epochs: number) {
  const { source } = maker;
  const start = {
    psk: source.below(2) === 0,
    path: source.below(2) === 0,
    treeInWelcome: source.below(2) === 0,
  };
  const scene = await Scene.open(maker, { members: 3, ...start });
  for (let i = 0; i < epochs; i++) {
    if (source.below(8) === 0) {
      const isFormer = scene.members.length > 2 && source.below(3) === 0;
      await scene.comeIn({
        psk: source.below(2) === 0,
        ...(isFormer && { former: source.pick(scene.members.slice(1)) }),
      });
    } else await scene.round(await randomRound(scene));
  }
  return scene.vector;
}

/** A commit of up to four proposals, by value and by reference, no two of which concern the same member. */
async function randomRound(scene: Scene): Promise<Round> {
  const { source } = scene.maker;
  const by = source.pick(scene.members);
  let free = scene.members.filter((member) => member !== by);
  const take = (): Group => {
    const taken = source.pick(free);
    free = free.filter((member) => member !== taken);
    return taken;
  };
  const proposals: [Group, ProposalRequest][] = [];
  const commit = { add: [] as Uint8Array[], remove: [] as number[], forcePath: source.below(2) === 0 };
  for (let count = source.below(5); count > 0; count--) {
    const isSmall = scene.members.length < 5 + source.below(6);
    const kind = source.pick(isSmall ? (["add", "add", "update"] as const) : (["remove", "update"] as const));
    const isByValue = source.below(2) === 0;
    if (kind === "add") {
      const add = (await scene.keyPackages(1))[0] as Uint8Array;
      if (isByValue) commit.add.push(add);
      else proposals.push([source.pick(scene.members), { add }]);
    } else if (free.length > 1) {
      const one = take();
      if (kind === "update") proposals.push([one, { update: true }]);
      else if (isByValue) commit.remove.push(one.ownLeafIndex);
      else proposals.push([by, { remove: one.ownLeafIndex }]);
    }
  }
  if (source.below(3) === 0) proposals.push([by, { psk: { external: scene.pskId } }]);
  return { by, proposals, commit };
}

/** Every structure once, in an order and of contents that needn't make sense together. */
export async function messages(maker: Maker) {
  const { id, source, suite } = maker;
  const { Nh } = suite.suite.hash;
  const grove = await Grove.grown(maker, 3);
  await grove.addUnmerged();
  const { keyPackage } = await grove.newcomer();
  const scene = await Scene.open(maker, { members: 2, psk: true });
  const by = at(scene, 0);
  const groupInfo = await by.groupInfo();
  const privateMessage = await by.encrypt(source.bytes(source.below(64)));
  const proposal = await by.propose({ psk: { external: scene.pskId } });
  const { commit } = await by.commit({ add: await scene.keyPackages(1), forcePath: true });
  const committed = decode(MlsMessage, commit);
  if (!("publicMessage" in committed)) throw new Error("the commit is no PublicMessage");
  const { content } = committed.publicMessage.content;
  if (!("commit" in content)) throw new Error("the commit is none");
  const psk = { pskType: PSKType.external, pskId: source.bytes(16), pskNonce: source.bytes(Nh) };
  const leafNode = await grove.update(1);
  // §6: applications must not send these, but there is a form for them.
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
    mls_welcome: scene.vector.welcome,
    mls_group_info: toHex(groupInfo),
    mls_key_package: scene.vector.key_package,
    ratchet_tree: toHex(encode(RatchetTreeNodes, grove.tree.toNodes())),
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
