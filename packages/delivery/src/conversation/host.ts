// What all conversations of a messenger share.
import type { AbortSignalLike, CipherSuiteProvider, Member } from "@copse/core";
import type { StoredClient } from "@copse/core/storage";
import type { People } from "../messenger/people.js";
import type { Conversation, MessengerEvent, MessengerLimits, Problem } from "../messenger/types.js";
import type { DeliveryService } from "../service.js";
import type { Settling } from "./settling.js";

export interface Host {
  readonly client: StoredClient;
  readonly provider: CipherSuiteProvider;
  readonly service: DeliveryService;
  readonly people: People;
  /** Whose client this is. */
  readonly user: string;
  readonly limits: MessengerLimits;
  /** How branches are settled, where the service doesn't order commits. */
  readonly settling: Settling | undefined;
  /** The largest message, in bytes. */
  readonly maxMessage: number;
  /** Is aborted when the messenger is closed. */
  readonly signal: AbortSignalLike;
  /** Begins or ends a conversation that may have been here before: one after the other. */
  turn<T>(conversationId: string, work: () => Promise<T>): Promise<T>;
  /** In milliseconds since 1970. */
  now(): number;
  /** 32 hexadecimal digits, random. */
  newId(): string;
  tell(event: MessengerEvent): void;
  report(problem: Problem, conversation?: Conversation): void;
  /** Notes whether the service could be reached. @param cause why not */
  reached(connected: boolean, cause?: unknown): void;
  /** Tells what a call of the service failed with. @param retry whether it is made again */
  failed(message: string, cause: unknown, retry: boolean, conversation?: Conversation): void;
  /** Says whether a GroupInfo is valid, and of which epoch. */
  judge(groupInfo: Uint8Array): Promise<JudgedGroupInfo | undefined>;
  /** Looks whether all is done that `settled` waits for. */
  settles(): void;
  /** Looks whether key packages are to be published. */
  replenish(): void;
  /** A conversation is over, and may be begun again by a Welcome that waits. */
  over(conversationId: string): void;
  /** Whether the messenger has it: not one that was deleted, or whose group was joined again. */
  has(conversation: Conversation): boolean;
  /** A conversation was deleted. */
  forget(conversationId: string): void;
}

/** A GroupInfo that is valid: signed by a member of its tree, whose members the authentication service knows. */
export interface JudgedGroupInfo {
  readonly groupId: Uint8Array;
  readonly epoch: bigint;
  readonly confirmedTranscriptHash: Uint8Array;
  readonly epochContext: Uint8Array;
  readonly treeHash: Uint8Array;
  readonly members: readonly Member[];
  /** Who has signed it. */
  readonly signer: Member;
}
