// RFC 9420 §10 to §15: what a page knows of a group in the worker, and what it must learn after a call.
import { Group, type Member, MlsError } from "@copse/core";
import { packError } from "./errors.js";
import { type Packed, pack } from "./pack.js";
import type { GroupChange, GroupSnapshot } from "./protocol.js";
import { GROUP_GETTERS } from "./surface.js";

/** For `pack`: what goes to a page. The worker replaces its groups first, and sends no functions. */
export const VALUES_ONLY = {
  group(value: object): undefined {
    if (value instanceof Group)
      throw new MlsError("usage", "expected a value that can be cloned, got a Group: it stays in its worker");
  },
  signal(): never {
    throw new MlsError("usage", "expected a value that can be cloned, got a signal: it stays in its worker");
  },
  callback(): never {
    throw new MlsError(
      "usage",
      "expected a value that can be cloned, got a function: it stays in its worker",
    );
  },
};

/** A group of which a page has a snapshot. */
export interface KnownGroup {
  readonly group: Group;
  snapshot: GroupSnapshot;
  /** The list that the snapshot was made from: the group makes a new array when its proposals change. */
  proposals: Group["proposals"];
}

export function knownGroup(group: Group): KnownGroup {
  return { group, snapshot: snapshotOf(group), proposals: group.proposals };
}

function snapshotOf(group: Group): GroupSnapshot {
  const seen = (name: (typeof GROUP_GETTERS)[number]): unknown => {
    try {
      return group[name];
    } catch (error) {
      // A secret of an epoch that this client has left.
      return { refused: packError(error) };
    }
  };
  // GROUP_GETTERS has the keys of GroupSnapshot.
  return Object.fromEntries(GROUP_GETTERS.map((name) => [name, seen(name)])) as unknown as GroupSnapshot;
}

/**
 * What has changed in a group since the page's snapshot, which is renewed.
 * @param result what the call has returned
 * @returns an encoded `GroupChange`; `undefined` if nothing has changed
 */
export function changeOf(known: KnownGroup, result: unknown): Packed | undefined {
  const { group, snapshot: last, proposals } = known;
  const leaves = isCommit(result) ? leavesOf(result) : [];
  const same =
    leaves.length === 0 &&
    group.epoch === last.epoch &&
    group.active === last.active &&
    group.hasPendingCommit === last.hasPendingCommit &&
    group.proposals === proposals;
  if (same) return undefined;
  known.snapshot = snapshotOf(group);
  known.proposals = group.proposals;
  const members = leaves.map((leafIndex) => [leafIndex, group.member(leafIndex)] as const);
  return pack({ snapshot: known.snapshot, members } satisfies GroupChange, VALUES_ONLY);
}

/** The part of a processed commit that tells which members changed. */
interface Commit {
  readonly kind: "commit";
  readonly committer: Member;
  readonly added: readonly Member[];
  readonly removed: readonly Member[];
  readonly updated: readonly Member[];
}

function isCommit(result: unknown): result is Commit {
  return (result as Partial<Commit> | undefined)?.kind === "commit";
}

/** The leaves that a commit has changed, each once. */
function leavesOf({ committer, added, removed, updated }: Commit): number[] {
  return [...new Set([committer, ...added, ...removed, ...updated].map(({ leafIndex }) => leafIndex))];
}
