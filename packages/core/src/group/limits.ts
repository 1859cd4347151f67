// RFC 9420 §16: how large messages and groups may be. What decides about a commit is a function of the group alone, for
// its sender and all receivers (docs/decisions/limits.md). Checked before anything is decoded.
import { MlsError } from "../errors.js";
import { checkMessageSize } from "../framing/index.js";
import type { CipherSuite } from "../provider/index.js";
import type { RatchetTree } from "../tree/index.js";
import { ContentType, peekMessage, SenderType, type TreePeek } from "../wire/index.js";
import type { GroupConfig } from "./config.js";
import type { PublicEpoch } from "./epoch.js";
import type { Policy } from "./policy.js";

const KiB = 1024;

/** A commit has room for so many Adds, with credentials of ordinary size. */
const ADDS = 1000;
/** What a key package has besides keys and signatures, in bytes. */
const KEY_PACKAGE_REST = 512;
/** The largest proposal that is sent by itself, in bytes. */
export const MAX_PROPOSAL_SIZE = 256 * KiB;
/**
 * The largest commit of a group's only member, in bytes: it makes the group, and no other member receives it. Also for
 * commits of other epochs, which are compared only.
 */
const MAX_FIRST_COMMIT_SIZE = 64 * KiB * KiB;

/** The size of a key package with a credential of ordinary size, in bytes. */
export function keyPackageSize({ kem, signature }: CipherSuite): number {
  // Two keys of the KEM, a signature key, and two signatures, as long as two such keys in any scheme.
  return KEY_PACKAGE_REST + 2 * kem.Npk + 5 * signature.Npk;
}

/** The largest commit in a group, in bytes: room for some Adds, and for a path that is encrypted to every leaf. */
function maxCommitSize(suite: CipherSuite, { width }: RatchetTree): number {
  const { kem, hash, aead } = suite;
  const encryptedPathSecret = kem.Nenc + hash.Nh + aead.Nt + 8;
  return ADDS * keyPackageSize(suite) + width * encryptedPathSecret;
}

/** A message, as far as it is known before it is decoded. */
export interface MessageKind {
  readonly contentType: number;
  /** `undefined` for a member, in a PrivateMessage. */
  readonly senderType?: number | undefined;
  readonly epoch: bigint;
}

/** The largest MLSMessage of a kind that is sent or received in an epoch, in bytes. */
export function maxMessageSize(
  { provider, policy }: GroupConfig,
  { groupContext, tree }: Pick<PublicEpoch, "groupContext" | "tree">,
  { contentType, senderType = SenderType.member, epoch }: MessageKind,
): number {
  if (contentType === ContentType.application) return policy.maxApplicationSize;
  if (contentType === ContentType.proposal) return MAX_PROPOSAL_SIZE;
  const isFirst = tree.memberCount === 1 && senderType === SenderType.member;
  if (isFirst || epoch !== groupContext.epoch) return MAX_FIRST_COMMIT_SIZE;
  return maxCommitSize(provider.suite, tree);
}

/**
 * Checks the size of a received message before it is decoded.
 * @throws MlsError `limit`, `usage` for a message of another wire format; DecodeError
 */
export function checkReceived(
  config: GroupConfig,
  current: Pick<PublicEpoch, "groupContext" | "tree">,
  bytes: Uint8Array,
): void {
  const { contentType, senderType, epoch } = peekMessage(bytes);
  if (contentType === undefined || epoch === undefined) {
    throw new MlsError("usage", "expected a PublicMessage or a PrivateMessage; join() takes a Welcome");
  }
  checkMessageSize(maxMessageSize(config, current, { contentType, senderType, epoch }), bytes.length);
}

/** @throws MlsError `limit` if a group is larger than this client takes part in */
export function checkMemberCount({ maxMembers }: Policy, members: number): void {
  if (members > maxMembers) {
    throw new MlsError("limit", `expected at most ${maxMembers} members, got ${members}`);
  }
}

/** Checks a commit of this client's own: a group that others made larger may stay so. @throws MlsError `limit` */
export function checkGrowth(policy: Policy, before: number, after: number): void {
  if (after > before) checkMemberCount(policy, after);
}

/**
 * How many times as many leaves as members a tree may have at least: blank ones are left over when members leave, and
 * cost a hash each.
 */
const LEAVES_PER_MEMBER = 8;

/** Checks the size of a tree before it is decoded. @throws MlsError `limit` */
export function checkTreeSize(policy: Policy, { nodes, members }: TreePeek): void {
  checkMemberCount(policy, members);
  const max = 2 * LEAVES_PER_MEMBER * policy.maxMembers;
  if (nodes > max) throw new MlsError("limit", `expected a tree of at most ${max} nodes, got ${nodes}`);
}
