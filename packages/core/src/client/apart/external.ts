// RFC 9420 §12.1.8, §12.4.3.2: joining a group from outside: by a commit or a proposal of the new member, without a Welcome
// that a member made.
import { type Bytes, EMPTY, needBytes } from "../../bytes.js";
import { buildExternalCommit } from "../../group/commit/index.js";
import {
  type ClientConfig,
  type GroupState,
  joiningState,
  type Member,
  needSigner,
} from "../../group/index.js";
import { newMemberProposal, type PskChoice } from "../../group/proposals/index.js";
import type { WriteOptions } from "../../operation/index.js";
import { checkOptions, type OptionShape } from "../../option-shapes.js";
import type { Signer } from "../../provider/index.js";
import { type CustomProposal, MAX_ID_SIZE, readGroupInfo } from "../../wire/index.js";
import type { Client } from "../client.js";
import type { Group } from "../group.js";
import { BYTES_LIST, CUSTOM, listOf, type MessageOptions, PSKS, SENT } from "../group-options.js";
import type { StagedCommit } from "../staged-commit.js";
import { needClient } from "./arguments.js";

/** The options of {@link joinByExternalCommit}. */
export interface ExternalJoinOptions extends WriteOptions<ExternalJoin> {
  /** The encoded tree. Needed if the GroupInfo doesn't carry it. */
  readonly ratchetTree?: Uint8Array | undefined;
  /**
   * Whether to replace a former leaf of this client, which lost its state: `true` for the leaf with a signature key
   * of this client's signers, or a function that finds the leaf if that key is lost too. The members' authentication services
   * must accept the new credential as a successor (§5.3.1). `"if-member"`: as `true`, but if there is no such leaf, the
   * client joins anew. Default: false.
   */
  readonly resync?: boolean | "if-member" | ((member: Member) => boolean) | undefined;
  /** As in {@link GroupOptions}. */
  readonly signer?: Signer | undefined;
  /** As in {@link JoinOptions}, but the other group goes on until the commit is merged. */
  readonly replace?: boolean | undefined;
  /** Pre-shared keys to inject (§8.4). */
  readonly psks?: readonly PskChoice[];
  /** Proposals of registered types, included by value. */
  readonly custom?: readonly CustomProposal[];
  /** Members' proposals of registered types, included by reference: encoded MLSMessages. */
  readonly proposals?: readonly Uint8Array[];
  /** Bytes that the commit authenticates but doesn't encrypt. */
  readonly authenticatedData?: Uint8Array;
}

type FindState = (groupId: Uint8Array) => Promise<GroupState | undefined>;

/** What {@link joinByExternalCommit} returns. */
export interface ExternalJoin {
  /** With the commit staged. */
  readonly group: Group;
  /** An encoded MLSMessage for the members: that of `staged`. */
  readonly commit: Bytes;
  readonly staged: StagedCommit;
}

const EXTERNAL_JOIN: OptionShape<ExternalJoinOptions> = {
  ...SENT,
  ratchetTree: "bytes",
  resync: ["boolean", "function", '"if-member"'],
  signer: "object",
  replace: "boolean",
  psks: PSKS,
  custom: listOf(CUSTOM),
  proposals: BYTES_LIST,
};

/**
 * Joins a group by an external commit (§12.4.3.2): no member needs to be online. The returned group has the commit
 * staged, as a member's group has its own one: until the commit is merged, the group shows the epoch that the commit
 * starts, and refuses to be used with `pending`. When the delivery service has accepted the commit, call
 * {@link StagedCommit.merge}, or pass the commit to {@link Group.receive} when it comes back. If another commit was
 * accepted, call {@link StagedCommit.discard}, and join again by a newer GroupInfo.
 * @param groupInfo an encoded MLSMessage, from {@link Group.groupInfo}, or a raw GroupInfo
 * @param options `replace`: whether the group replaces an open one with the same ID, which is closed by the merge. A
 *   restored group doesn't know it: close the other one before the merge.
 * @returns the group, the commit for its members as an encoded MLSMessage, and the same as it is staged
 * @throws MlsError `missing` without `external_pub`, the tree or a PSK; `usage` if `resync` matches no member;
 *   `authentication`, `forbidden`, `limit`; ValidationError, CryptoError, DecodeError
 * @example
 * const { group, commit, staged } = await joinByExternalCommit(bob, await aliceGroup.groupInfo());
 * await server.send(commit, await staged.groupInfo());
 * await staged.merge();
 */
export async function joinByExternalCommit(
  client: Client,
  groupInfo: Uint8Array,
  options: ExternalJoinOptions = {},
): Promise<ExternalJoin> {
  const chosen = checkOptions(options, EXTERNAL_JOIN);
  needClient(client);
  const read = ({ maxJoinSize }: ClientConfig["policy"]) => {
    const info = readGroupInfo(groupInfo, maxJoinSize);
    return async (config: ClientConfig, signer: () => Promise<Signer>, find: FindState) => {
      const commit = await buildExternalCommit(config, info, {
        former: await find(info.groupContext.groupId),
        signer: await signer(),
        description: config.describeLeaf(),
        ratchetTree: chosen.ratchetTree,
        isOwn: ({ signatureKey }) => config.signerFor(signatureKey) !== undefined,
        resync: chosen.resync,
        psks: chosen.psks ?? [],
        custom: chosen.custom ?? [],
        proposals: chosen.proposals ?? [],
        authenticatedData: chosen.authenticatedData,
      });
      return joiningState(commit);
    };
  };
  const answer = (group: Group): ExternalJoin => {
    const [staged] = group.staged as [StagedCommit];
    return { group, commit: staged.commit, staged };
  };
  return client.joinBy(read, answer, chosen);
}

/**
 * Proposes to add this client to a group (§12.1.8), with a new key package. After a member commits the proposal,
 * this client joins by the Welcome.
 * @param group its ID and present epoch, for example from the delivery service
 * @returns an encoded MLSMessage
 * @throws MlsError `forbidden`
 * @example
 * const proposal = await proposeJoin(bob, { groupId: group.groupId, epoch: group.epoch });
 */
export async function proposeJoin(
  client: Client,
  group: { readonly groupId: Uint8Array; readonly epoch: bigint },
  options: MessageOptions & WriteOptions<Bytes> = {},
): Promise<Bytes> {
  const { authenticatedData = EMPTY } = checkOptions(options, SENT);
  needClient(client);
  // Without a shape: a group has more than these.
  const { epoch, groupId: id } = Object(group) as typeof group;
  const groupId = needBytes(id, "the group ID", MAX_ID_SIZE).slice();
  return client.adopt(async (config) => {
    const own = await client.newKeyPackage(config);
    const signer = needSigner(config, config.identity);
    const { keyPackage } = own;
    const proposal = { keyPackage, signer, authenticatedData };
    const message = await newMemberProposal(config, { groupId, epoch }, proposal);
    return [own, () => message];
  }, options);
}
