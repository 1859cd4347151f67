// What Discord's voice gateway and its clients exchange about MLS (DAVE version 1), without opcodes and numbers.

/** A client of the gateway, in at most one group. The numbers are the protocol's opcodes. */
export interface VoiceClient {
  readonly kind: string;
  /** A decimal uint64: 8 bytes of it, big-endian, are the identity of the basic credential. */
  readonly userId: string;
  /** 25: an ExternalSender, raw. Starts a group with this client alone, which others may be added to. */
  externalSender(sender: Uint8Array): Promise<void>;
  /** 24 with the first epoch: leaves its group, and starts one with this client alone. */
  startAnew(): Promise<void>;
  /** 26: a key package, raw. */
  keyPackage(): Promise<Uint8Array>;
  /**
   * 27: an operation (0: append, 1: revoke), and a vector of proposals in PublicMessages, or of ProposalRefs.
   * @param users who may be added
   * @returns 28: a commit in a PublicMessage, followed by a raw Welcome if it adds somebody; or nothing to commit
   */
  proposals(
    operation: 0 | 1,
    proposals: Uint8Array,
    users: readonly string[],
  ): Promise<Uint8Array | undefined>;
  /** 29: a commit of this or another member. @returns whether it could be processed; if not, all starts anew */
  commit(transition: number, commit: Uint8Array): Promise<boolean>;
  /** 30: a Welcome, raw. @returns whether it could be processed; if not, all starts anew */
  welcome(transition: number, welcome: Uint8Array): Promise<boolean>;
  /** An Opus frame. */
  encrypt(frame: Uint8Array): Promise<Uint8Array>;
  decrypt(from: string, frame: Uint8Array): Promise<Uint8Array>;
  readonly epoch: bigint;
  readonly leafIndex: number;
  readonly epochAuthenticator: Uint8Array;
  /** In the order of their leaves. */
  readonly users: readonly string[];
}
