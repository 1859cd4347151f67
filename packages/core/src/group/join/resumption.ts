// RFC 9420 §11.2, §11.3, §12.4.3.1: groups that follow another one, by reinitialization or as a subgroup.
import { equalBytes } from "../../bytes.js";
import { encode } from "../../codec/index.js";
import { ensure, MlsError } from "../../errors.js";
import type { RatchetTree } from "../../tree/index.js";
import {
  Credential,
  Extension,
  type GroupContext,
  isCustomPsk,
  type LeafNode,
  type PreSharedKeyID,
  PSKType,
  ResumptionPSKUsage,
} from "../../wire/index.js";
import type { GroupConfig } from "../config.js";
import type { ResumptionUsage } from "../proposals/index.js";
import type { GroupState } from "../state.js";

/** The name of a resumption PSK with usage `reinit` or `branch`. */
export type ResumptionPskId = Extract<PreSharedKeyID, { readonly usage: ResumptionUsage }>;

/** Whether a PSK's name is one of those. */
export function isResumption(id: PreSharedKeyID): id is ResumptionPskId {
  return !isCustomPsk(id) && id.pskType === PSKType.resumption && id.usage !== ResumptionPSKUsage.application;
}

/** What a group must have in common with the one that it follows. */
export interface Successor {
  readonly groupContext: GroupContext;
  readonly tree: RatchetTree;
}

/** Whether the application takes two credentials for those of one client (§5.3.1): by default, if they are the same. */
function sameClient({ authentication }: GroupConfig, a: LeafNode, b: LeafNode): boolean {
  return (
    authentication.sameClient?.(a.credential, b.credential) ??
    equalBytes(encode(Credential, a.credential), encode(Credential, b.credential))
  );
}

function checkAllIn(
  config: GroupConfig,
  from: RatchetTree,
  to: RatchetTree,
  check: (found: boolean) => void,
): void {
  const others = [...to.members()];
  // Credentials are mostly compared as bytes; only what isn't found so is compared one by one.
  const known = new Set(others.map(({ leafNode }) => nameOf(leafNode)));
  for (const { leafNode } of from.members()) {
    check(
      (config.authentication.sameClient === undefined && known.has(nameOf(leafNode))) ||
        others.some((other) => sameClient(config, leafNode, other.leafNode)),
    );
  }
}

function nameOf({ credential }: LeafNode): string {
  return String.fromCharCode(...encode(Credential, credential));
}

function sameExtensions(a: readonly Extension[], b: readonly Extension[]): boolean {
  return (
    a.length === b.length &&
    a.every((extension, i) => equalBytes(encode(Extension, extension), encode(Extension, b[i] as Extension)))
  );
}

/**
 * Checks a group whose first commit has a PSK of this name against the group that the name refers to.
 * @throws ValidationError
 */
export function checkResumption(
  config: GroupConfig,
  id: ResumptionPskId,
  old: GroupState,
  { groupContext, tree }: Successor,
): void {
  const before = old.current.groupContext;
  ensure(
    groupContext.epoch === 1n,
    "12.4.3.1: with a resumption PSK for reinit or branch, the epoch must be 1",
  );
  if (id.usage === ResumptionPSKUsage.branch) {
    ensure(
      groupContext.version === before.version && groupContext.cipherSuite === before.cipherSuite,
      "11.3: the version and cipher suite of a subgroup must be those of the group",
    );
    checkAllIn(config, tree, old.current.tree, (found) =>
      ensure(found, "11.3: each member of a subgroup must be a member of the group"),
    );
    return;
  }
  const { reinit } = old;
  ensure(
    reinit !== undefined && id.pskEpoch === before.epoch,
    "12.4.3.1: the last commit to the referenced group must contain a ReInit",
  );
  ensure(
    equalBytes(groupContext.groupId, reinit.groupId) &&
      groupContext.version === reinit.version &&
      groupContext.cipherSuite === reinit.cipherSuite &&
      sameExtensions(groupContext.extensions, reinit.extensions),
    "11.2: the group ID, version, cipher suite and extensions must be those of the ReInit",
  );
  checkAllIn(config, old.current.tree, tree, (found) =>
    ensure(found, "12.4.3.1: all members of the old group must be members of the new one"),
  );
}

/** The name of the resumption PSK that ties a new group to an old one. */
export function resumptionPskId(
  { provider }: GroupConfig,
  usage: ResumptionUsage,
  old: GroupState,
): ResumptionPskId {
  const { groupContext } = old.current;
  if (usage === ResumptionPSKUsage.reinit && old.reinit === undefined) {
    throw new MlsError("usage", "the group wasn't reinitialized: commit a ReInit first");
  }
  return {
    pskType: PSKType.resumption,
    usage,
    pskGroupId: groupContext.groupId,
    pskEpoch: groupContext.epoch,
    pskNonce: provider.random(provider.suite.hash.Nh),
  };
}
