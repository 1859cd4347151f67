// What clients tell while they live, and what is found in their storages at the end.

/** A message is named by who sent it and the how-manieth it was in that group: `bob#17`. */
export type MessageName = string;

export const nameOf = (sender: string, n: number): MessageName => `${sender}#${n}`;

/** The name in a message, which padding may follow. */
export const nameIn = (text: string): MessageName => text.split(" ", 1)[0] as string;

export function readName(name: MessageName): { readonly sender: string; readonly n: number } {
  const at = name.lastIndexOf("#");
  return { sender: name.slice(0, at), n: Number(name.slice(at + 1)) };
}

/** A client is in a new epoch, or in this one when it was opened. */
export interface EpochEvent {
  readonly kind: "epoch";
  readonly client: string;
  readonly group: string;
  readonly epoch: number;
  /** Hexadecimal: members with the same one are in the same epoch. */
  readonly authenticator: string;
  /** The users, sorted. */
  readonly members: readonly string[];
}

/** A message stands in the log, says its sender. */
export interface AcknowledgedEvent {
  readonly kind: "acknowledged";
  readonly client: string;
  readonly group: string;
  readonly message: MessageName;
  /** What the service calls it. */
  readonly id: string;
  /** In which it was encrypted when it first stood there. */
  readonly epoch: number;
}

/** A client has found something wrong: a commit that it must refuse, or that it isn't where the others are. */
export interface ProblemEvent {
  readonly kind: "problem";
  readonly client: string;
  readonly group: string;
  readonly code: string;
  readonly text: string;
}

/** Two messages of one generation of a sender's ratchet. */
export interface TwiceEvent {
  readonly kind: "twice";
  readonly client: string;
  readonly group: string;
  readonly epoch: number;
  readonly leafIndex: number;
  readonly generation: number;
}

/** A dishonest member has forged a commit at this leaf. What it then sends may use a generation again. */
export interface ForgedEvent {
  readonly kind: "forged";
  readonly client: string;
  readonly group: string;
  readonly epoch: number;
  readonly leafIndex: number;
  readonly what: string;
}

export type ClientEvent = EpochEvent | AcknowledgedEvent | ProblemEvent | TwiceEvent | ForgedEvent;

/** An entry of a client's history: a message, or who came and went with a commit. */
export type FinalEntry =
  | { readonly message: MessageName; readonly sender: string; readonly epoch: number }
  /** `epoch` is the one that the commit started. `removesIt`: it removed this client. */
  | { readonly epoch: number; readonly rejoined: readonly string[]; readonly removesIt?: boolean };

/** What is in a client's storage in the end, of one group. */
export interface FinalView {
  readonly client: string;
  readonly group: string;
  readonly isMember: boolean;
  readonly epoch: number;
  readonly authenticator: string;
  readonly members: readonly string[];
  readonly history: readonly FinalEntry[];
  /** How many messages are still in the outbox. */
  readonly waiting: number;
}
