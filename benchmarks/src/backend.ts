// RFC 9420: what a benchmark asks of an implementation of it: a client in one group, that speaks in bytes.
import type { CipherSuiteProvider } from "@copse/core";
import type { Counter } from "./counting.js";

export interface CommitOptions {
  /** KeyPackages. */
  readonly add?: readonly Uint8Array[];
  /** Leaf indices. */
  readonly remove?: readonly number[];
  /** A path even where none is needed. Without proposals there is always one. */
  readonly forcePath?: boolean;
  /** Whether a Welcome carries the ratchet tree; it does if this is left out. */
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
  /** Joins by a Welcome, which carries the ratchet tree unless that is given. */
  join(welcome: Uint8Array, ratchetTree?: Uint8Array): Promise<void>;
  /** Joins by an external commit, and gives nobody that commit. Not offered by all. */
  joinByExternalCommit?(groupInfo: Uint8Array): Promise<void>;
  encrypt(data: Uint8Array): Promise<Uint8Array>;
  receive(message: Uint8Array): Promise<void>;
  exportSecret(label: string, context: Uint8Array, length: number): Promise<Uint8Array>;
  /** The group's state as bytes; not offered by all, and refused where keys can't be exported. */
  save?(): Promise<Uint8Array>;
  /** Restores the saved group, and drops it. */
  restore?(saved: Uint8Array): Promise<void>;
  epochAuthenticator(): Uint8Array;
  /** The encoded tree. */
  ratchetTree(): Uint8Array;
  ownLeafIndex(): number;
}

export interface Backend {
  readonly name: string;
  /** Ids of the cipher suites that it serves (§17.1). */
  suites(): Promise<readonly number[]>;
  createMember(suite: number, name: string): Promise<Member>;
  /** The cryptography of a suite, without a counter; a peer shows none. */
  provider?(suite: number): Promise<CipherSuiteProvider>;
  /** Whether it removes a member as §12.4 has it. */
  readonly removes: boolean;
  /** Counts what the members' cryptography is asked while it is started. */
  readonly counter?: Counter;
}
