// RFC 9420 §10 to §15: what a page knows of a group in the worker, and what it must learn after a call.
import { type Client, Group, type Member, MlsError, type StagedCommit } from "@copse/core";
import { Credential, encode, equalBytes } from "@copse/core/extension";
import { packError } from "./errors.js";
import { type Packed, pack } from "./pack.js";
import {
  type ClientSnapshot,
  type GroupChange,
  type GroupSnapshot,
  MemberList,
  type NewGroupMessage,
  type StagedMessage,
  type StagedSnapshot,
} from "./protocol.js";
import { CLIENT_GETTERS, GROUP_GETTERS, STAGED_GETTERS } from "./surface.js";

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

/** How many staged commits of a group a page can use: those of its epoch that it got last. */
const MAX_STAGED = 64;

/** A group of which a page has a snapshot. */
export class KnownGroup {
  readonly group: Group;
  snapshot: GroupSnapshot;
  /** The list that the snapshot was made from: the group makes a new array when its proposals change. */
  proposals: Group["proposals"];
  /** How many times the page was sent the group. */
  sent = 0;
  /** The staged commits that the page knows, by number. */
  private readonly staged = new Map<number, StagedCommit>();
  private next = 0;

  constructor(group: Group) {
    this.group = group;
    this.snapshot = snapshotOf(group);
    this.proposals = group.proposals;
  }

  /** All that a page gets of the group, under this name. */
  whole(id: string): NewGroupMessage {
    this.sent++;
    this.snapshot = snapshotOf(this.group);
    this.proposals = this.group.proposals;
    return { id, snapshot: this.snapshot, members: encode(MemberList, this.group.members) };
  }

  /** What the page gets of a staged commit. The same one keeps its number. */
  describe(commit: StagedCommit): StagedMessage {
    const [known] = [...this.staged].find(([, one]) => one === commit) ?? [];
    const id = known ?? this.next++;
    this.staged.set(id, commit);
    for (const [other, { epoch }] of this.staged) {
      if (epoch < this.group.epoch || this.staged.size > MAX_STAGED) this.staged.delete(other);
    }
    return { id, snapshot: gettersOf(commit, STAGED_GETTERS) as StagedSnapshot };
  }

  /** @throws MlsError `missing` */
  find(id: number): StagedCommit {
    const commit = this.staged.get(id);
    if (commit === undefined)
      throw new MlsError("missing", "this staged commit is of an epoch that is over, or was forgotten");
    return commit;
  }
}

/** What getters return, or what they throw: a secret of an epoch that this client has left. */
export function gettersOf<T extends object>(target: T, names: readonly (keyof T & string)[]): object {
  const seen = (name: keyof T & string): unknown => {
    try {
      return target[name];
    } catch (error) {
      return { refused: packError(error) };
    }
  };
  return Object.fromEntries(names.map((name) => [name, seen(name)]));
}

function snapshotOf(group: Group): GroupSnapshot {
  // GROUP_GETTERS has the keys of GroupSnapshot.
  return gettersOf(group, GROUP_GETTERS) as GroupSnapshot;
}

/**
 * What has changed in a group since the page's snapshot, which is renewed.
 * @param result what the call has returned
 * @returns an encoded `GroupChange`; `undefined` if nothing has changed
 */
export function changeOf(known: KnownGroup, result: unknown): Packed | undefined {
  const { group, snapshot: last, proposals } = known;
  const leaves = isCommit(result) ? leavesOf(result) : [];
  const isSameTree = equalBytes(group.treeHash, last.treeHash);
  const same =
    leaves.length === 0 &&
    isSameTree &&
    group.epoch === last.epoch &&
    group.active === last.active &&
    group.hasPendingCommit === last.hasPendingCommit &&
    group.proposals === proposals;
  if (same) return undefined;
  known.snapshot = snapshotOf(group);
  known.proposals = group.proposals;
  // A group that another opener has moved on is loaded again in the course of a call: then a commit doesn't tell all.
  const isTold = isSameTree || (leaves.length > 0 && group.epoch === last.epoch + 1n);
  const members = isTold ? leaves.map((leafIndex) => [leafIndex, group.member(leafIndex)] as const) : [];
  const all = isTold ? undefined : encode(MemberList, group.members);
  const { proposals: listed, ...snapshot } = known.snapshot;
  // A group copies each proposal once.
  const before = new Map(proposals.map(({ proposal }, at) => [proposal, at]));
  const sent = listed.map((one) => {
    const at = before.get(one.proposal);
    return at === undefined ? one : { at, willCommit: one.willCommit };
  });
  return pack({ snapshot, proposals: sent, members, all } satisfies GroupChange, VALUES_ONLY, 1);
}

/** What the page knows of a client, whose identity a group may change. */
export class KnownClient {
  private readonly client: Client;
  private encoded: readonly Uint8Array[];

  constructor(client: Client) {
    this.client = client;
    this.encoded = this.encode();
  }

  get snapshot(): ClientSnapshot {
    return gettersOf(this.client, CLIENT_GETTERS) as ClientSnapshot;
  }

  /** The snapshot, if it has changed since the last one that the page got. */
  change(): Packed | undefined {
    const [before, now] = [this.encoded, this.encode()];
    if (now.every((part, i) => part.join() === before[i]?.join())) return undefined;
    this.encoded = now;
    return pack(this.snapshot, VALUES_ONLY);
  }

  private encode(): readonly Uint8Array[] {
    const { credential, signatureKey } = this.client;
    return [encode(Credential, credential), signatureKey];
  }
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
