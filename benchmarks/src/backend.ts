// What a benchmark asks of an implementation of RFC 9420: a client in one group, that speaks in bytes.
export interface Member {
  keyPackage(): Promise<Uint8Array>;
  createGroup(): Promise<void>;
  /** Commits to adding these KeyPackages (none: an empty commit) and merges, so that the next epoch is current. */
  commit(
    keyPackages: readonly Uint8Array[],
  ): Promise<{ commit: Uint8Array; welcome?: Uint8Array | undefined }>;
  /** Joins by a Welcome that carries the ratchet tree. */
  join(welcome: Uint8Array): Promise<void>;
  encrypt(data: Uint8Array): Promise<Uint8Array>;
  receive(message: Uint8Array): Promise<void>;
  epochAuthenticator(): Uint8Array;
}

export interface Backend {
  readonly name: string;
  /** Ids of the cipher suites that it serves (§17.1). */
  suites(): Promise<readonly number[]>;
  createMember(suite: number, name: string): Promise<Member>;
}
