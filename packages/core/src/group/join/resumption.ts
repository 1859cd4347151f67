// RFC 9420 §11.2, §11.3, §12.4.3.1: groups that resume another one, by reinitialization or as a subgroup.
import { equalBytes } from "../../bytes.js";
import { encode } from "../../codec/index.js";
import { ensure, MlsError } from "../../errors.js";
import type { RatchetTree } from "../../tree/index.js";
import {
  Credential,
  Extension,
  isCustomPsk,
  type LeafNode,
  type PreSharedKeyID,
  PSKType,
  type ReInit,
  ResumptionPSKUsage,
} from "../../wire/index.js";
import { sameClient } from "../authentication.js";
import type { GroupConfig } from "../config.js";
import type { Epoch } from "../epoch.js";
import { sameCredential } from "../member.js";
import type { ResumptionUsage } from "../proposals/index.js";
import type { GroupState } from "../state.js";

/** A PreSharedKeyID of a resumption PSK with usage `reinit` or `branch`. */
export type ResumptionPskId = Extract<PreSharedKeyID, { readonly usage: ResumptionUsage }>;

export function isResumption(id: PreSharedKeyID): id is ResumptionPskId {
  return !isCustomPsk(id) && id.pskType === PSKType.resumption && id.usage !== ResumptionPSKUsage.application;
}

/** Whether two leaves belong to one client (§5.3.1): the application decides. Default: the credentials are equal. */
function isSameClient(config: GroupConfig, a: LeafNode, b: LeafNode): boolean {
  return sameClient(config, a, b) ?? sameCredential(a, b);
}

/** Calls `check` for each member of `from`, with whether its client is a member of `to` too. */
function checkMembership(
  config: GroupConfig,
  from: RatchetTree,
  to: RatchetTree,
  check: (found: boolean) => void,
): void {
  const others = [...to.members()];
  // A set of the credentials, so that most members are found without a search.
  const known = new Set(others.map(({ leafNode }) => credentialKey(leafNode)));
  for (const { leafNode } of from.members()) {
    check(
      (config.authentication.sameClient === undefined && known.has(credentialKey(leafNode))) ||
        others.some((other) => isSameClient(config, leafNode, other.leafNode)),
    );
  }
}

function credentialKey({ credential }: LeafNode): string {
  return String.fromCharCode(...encode(Credential, credential));
}

function sameExtensions(a: readonly Extension[], b: readonly Extension[]): boolean {
  return (
    a.length === b.length &&
    a.every((extension, i) => equalBytes(encode(Extension, extension), encode(Extension, b[i] as Extension)))
  );
}

/**
 * Checks a group against the group that it resumes.
 * @param id of the resumption PSK in the new group's first commit
 * @throws ValidationError
 */
export function checkResumption(
  config: GroupConfig,
  id: ResumptionPskId,
  old: GroupState,
  { groupContext, tree }: Pick<Epoch, "groupContext" | "tree">,
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
    checkMembership(config, tree, old.current.tree, (found) =>
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
  checkMembership(config, old.current.tree, tree, (found) =>
    ensure(found, "12.4.3.1: all members of the old group must be members of the new one"),
  );
}

/** The ReInit that ended a group. @throws MlsError `usage` if there was none */
export function needReinit({ reinit }: GroupState): ReInit {
  if (reinit !== undefined) return reinit;
  throw new MlsError("usage", "the group wasn't reinitialized: commit a ReInit first");
}

/** The ID of the resumption PSK for the first commit of a group that resumes `old`. @throws MlsError `usage` */
export function resumptionPskId(
  { provider }: GroupConfig,
  usage: ResumptionUsage,
  old: GroupState,
): ResumptionPskId {
  const { groupContext } = old.current;
  if (usage === ResumptionPSKUsage.reinit) needReinit(old);
  return {
    pskType: PSKType.resumption,
    usage,
    pskGroupId: groupContext.groupId,
    pskEpoch: groupContext.epoch,
    pskNonce: provider.random(provider.suite.hash.Nh),
  };
}
