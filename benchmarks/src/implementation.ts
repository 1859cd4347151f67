// RFC 9420: what a benchmark needs of an MLS implementation: clients in one group each, with bytes as their interface.
import type { CipherSuiteProvider } from "@copse/core";
import type { Counter } from "./counting.js";
import type { Tree } from "./samples.js";

export interface CommitOptions {
  /** KeyPackages. */
  readonly add?: readonly Uint8Array[];
  /** Leaf indices. */
  readonly remove?: readonly number[];
  /** Adds a path where the commit needs none. A commit without proposals always has one. */
  readonly forcePath?: boolean;
  /** Whether the Welcome contains the ratchet tree (default: true). */
  readonly ratchetTreeInWelcome?: boolean;
}

export interface Committed {
  readonly commit: Uint8Array;
  readonly welcome?: Uint8Array | undefined;
}

export interface Member {
  keyPackage(): Promise<Uint8Array>;
  createGroup(): Promise<void>;
  /** Commits and merges, so that the next epoch is current. */
  commit(options?: CommitOptions): Promise<Committed>;
  /** Joins with a Welcome. Without `ratchetTree` the Welcome must contain the tree. */
  join(welcome: Uint8Array, ratchetTree?: Uint8Array): Promise<void>;
  /** Joins by an external commit, and drops that commit. Optional. */
  joinByExternalCommit?(groupInfo: Uint8Array): Promise<void>;
  encrypt(data: Uint8Array): Promise<Uint8Array>;
  receive(message: Uint8Array): Promise<void>;
  exportSecret(label: string, context: Uint8Array, length: number): Promise<Uint8Array>;
  /** The group's state as bytes. Optional; rejects if keys can't be exported. */
  save?(): Promise<Uint8Array>;
  /** Restores the saved group, and drops it. */
  restore?(saved: Uint8Array): Promise<void>;
  epochAuthenticator(): Uint8Array;
  /** The encoded tree. */
  ratchetTree(): Uint8Array;
  ownLeafIndex(): number;
}

/** What is measured: Copse with one provider, or another implementation. */
export interface Implementation {
  readonly name: string;
  /** The module that it is loaded from, if it isn't one of ours. */
  readonly module?: string;
  /** Ids of the cipher suites that it serves (§17.1). */
  suites(): Promise<readonly number[]>;
  createMember(suite: number, name: string): Promise<Member>;
  /** The cryptography of a suite, without a counter. ts-mls has none to show. */
  provider?(suite: number): Promise<CipherSuiteProvider>;
  /** Whether its commit of a Remove follows §12.4. */
  readonly removes: boolean;
  /** Whether it makes no commits of its own: it joins a group that Copse made, and is measured as far as that goes. */
  readonly hosted?: boolean;
  /** Counts the calls to the members' cryptography while started. */
  readonly counter?: Counter;
}

/** Who makes the group of one that makes none, and the two who are measured. */
const SMALLEST_HOSTED = 3;

/** Why it can't be measured in such a group; `undefined` if it can. */
export function whyNotIn(
  { name, hosted }: Pick<Implementation, "name" | "hosted">,
  members: number,
  tree: Tree,
): string | undefined {
  if (hosted !== true) return undefined;
  if (tree === "lived-in") return `${name} makes no commits: it is measured in fresh trees only`;
  return members < SMALLEST_HOSTED
    ? `${name} makes no groups of others: it is measured from ${SMALLEST_HOSTED} members on`
    : undefined;
}
