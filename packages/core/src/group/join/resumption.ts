// RFC 9420 §11.2, §11.3, §12.4.3.1: groups that resume another one, by reinitialization or as a subgroup.
import { equalBytes, mapKey } from "../../bytes.js";
import { encode } from "../../codec/index.js";
import { ensure, MlsError } from "../../errors.js";
import type { RatchetTree } from "../../tree/index.js";
import {
  Credential,
  isCustomPsk,
  type LeafNode,
  type PreSharedKeyID,
  PSKType,
  type ReInit,
  ResumptionPSKUsage,
  sameExtensions,
} from "../../wire/index.js";
import { sameClient } from "../authentication.js";
import type { GroupConfig } from "../config.js";
import type { Epoch } from "../epoch.js";
import type { ResumptionUsage } from "../proposals/index.js";
import type { GroupState, ResumedGroup } from "../state.js";

/** A PreSharedKeyID of a resumption PSK with usage `reinit` or `branch`. */
export type ResumptionPskId = Extract<PreSharedKeyID, { readonly usage: ResumptionUsage }>;

function isResumption(id: PreSharedKeyID): id is ResumptionPskId {
  return !isCustomPsk(id) && id.pskType === PSKType.resumption && id.usage !== ResumptionPSKUsage.application;
}

/**
 * Calls `check` for each member of `from`, with whether its client is a member of `to` too (§5.3.1), as the application
 * decides; by default, whether a leaf there has an equal credential. One to one: two devices of one user need two leaves.
 */
function checkMembership(
  config: GroupConfig,
  from: RatchetTree,
  to: RatchetTree,
  check: (found: boolean) => void,
): void {
  const isAsked = config.authentication.sameClient !== undefined;
  // By credential, so that no pairs are compared; in one list if the application compares them.
  const keyOf = ({ credential }: LeafNode) => (isAsked ? "" : mapKey(encode(Credential, credential)));
  const left = new Map<string, LeafNode[]>();
  for (const { leafNode } of to.members()) {
    const key = keyOf(leafNode);
    left.set(key, left.get(key) ?? []);
    left.get(key)?.push(leafNode);
  }
  for (const { leafNode } of from.members()) {
    const others = left.get(keyOf(leafNode)) ?? [];
    const at = others.findIndex((other) => !isAsked || sameClient(config, leafNode, other) === true);
    check(at >= 0);
    others.splice(at, 1);
  }
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
    equalBytes(id.pskGroupId, before.groupId),
    "11.3: the resumption PSK must be one of the group that is resumed",
  );
  ensure(
    groupContext.epoch === 1n,
    "12.4.3.1: with a resumption PSK for reinit or branch, the epoch must be 1",
  );
  if (id.usage === ResumptionPSKUsage.branch) {
    ensure(
      groupContext.version === before.version && groupContext.cipherSuite === before.cipherSuite,
      "11.3: the version and cipher suite of a subgroup must be those of the group",
    );
    checkMembership(config, tree, treeIn(old, id.pskEpoch), (found) =>
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

/**
 * The members in the epoch that a subgroup branched from: later changes don't matter.
 * @throws MlsError `missing` if the epoch isn't kept
 */
function treeIn({ current, past }: GroupState, epoch: bigint): RatchetTree {
  if (epoch === current.groupContext.epoch) return current.tree;
  const found = past.find((one) => one.epoch === epoch);
  if (found === undefined) {
    throw new MlsError(
      "missing",
      `the group's epoch ${epoch}, which this one branches from, isn't kept here`,
    );
  }
  return found.tree;
}

/** What the application is told about a group that another one resumes. */
export function resumedGroup({ usage, pskGroupId, pskEpoch }: ResumptionPskId): ResumedGroup {
  const by = usage === ResumptionPSKUsage.branch ? "branch" : "reinit";
  return { by, groupId: pskGroupId.slice(), epoch: pskEpoch };
}

/** The PSK of a Welcome that tells which group the new one resumes, if it has one. @throws ValidationError for two */
export function resumptionIn(psks: readonly PreSharedKeyID[]): ResumptionPskId | undefined {
  const [id, ...others] = psks.filter(isResumption);
  ensure(
    others.length === 0,
    "12.4.3.1: a resumption PSK with usage reinit or branch must be the only such PSK",
  );
  return id;
}

/** The groups that a new one may resume. */
export interface Predecessors {
  /** The group with an ID, if it is known here. */
  readonly find: (groupId: Uint8Array) => GroupState | undefined;
  /** The ID of the group that the new one must resume, if the application expects one. */
  readonly expected: Uint8Array | undefined;
  /** The ID of a group that ended by a ReInit to this group ID. */
  readonly endedFor: (groupId: Uint8Array) => Uint8Array | undefined;
}

/**
 * §12.4.3.1: checks which group a new one resumes.
 * @param id the PSK of its Welcome that says so: {@link resumptionIn}
 * @throws ValidationError; MlsError `missing` if the resumed group isn't known here
 */
export function checkPredecessor(
  config: GroupConfig,
  id: ResumptionPskId | undefined,
  { find, expected, endedFor }: Predecessors,
  next: Pick<Epoch, "groupContext" | "tree">,
): ResumedGroup | undefined {
  ensure(
    expected === undefined || (id !== undefined && equalBytes(id.pskGroupId, expected)),
    "11.3: a group that resumes another one must have a resumption PSK of that one",
    "the Welcome doesn't resume options.previous",
  );
  const ended = endedFor(next.groupContext.groupId);
  ensure(
    ended === undefined || (id?.usage === ResumptionPSKUsage.reinit && equalBytes(id.pskGroupId, ended)),
    "11.2: the group that a ReInit names must have a resumption PSK of the group that the ReInit ended",
  );
  if (id === undefined) return undefined;
  const old = find(id.pskGroupId);
  if (old === undefined) throw new MlsError("missing", "the group that this one resumes isn't known here");
  checkResumption(config, id, old, next);
  return resumedGroup(id);
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
