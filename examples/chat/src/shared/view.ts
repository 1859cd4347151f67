// What the worker tells the page, and what the page asks of it: plain data, which can be posted.
import type { Drawing } from "../tree/layout.js";

/** A device of a person, which MLS calls a client. */
export interface DeviceView {
  readonly name: string;
  /** Its signature key, in hexadecimal. */
  readonly key: string;
  /** Whether it is this one. */
  readonly isMe: boolean;
  /** 60 digits, which the other one's device shows too. `undefined` for this one. */
  readonly safetyNumber: string | undefined;
  /** Whether the number was compared. */
  readonly verified: boolean;
  /** Another device of this name was compared, and this one wasn't. */
  readonly isNew: boolean;
}

/** A line of a conversation. */
export type Item =
  | {
      readonly kind: "message";
      readonly id: string;
      readonly time: number;
      readonly name: string;
      readonly mine: boolean;
      readonly text: string;
      /** It waits until it can be sent. */
      readonly waits: boolean;
    }
  | { readonly kind: "notice"; readonly id: string; readonly time: number; readonly text: string };

/** A line of the log in plain words. */
export interface LogLine {
  readonly id: string;
  readonly time: number;
  readonly kind: "commit" | "message" | "welcome" | "service" | "problem";
  readonly text: string;
}

/** What was sent or received. */
export interface WireLine {
  readonly id: string;
  readonly time: number;
  readonly what: string;
  readonly isOut: boolean;
  readonly bytes: number;
}

/** What MLS does in a group. */
export interface Inside {
  readonly epoch: string;
  readonly suite: string;
  /** 60 digits, which all members have in this epoch. */
  readonly groupNumber: string;
  /** Who started the epoch, and how. */
  readonly began: string;
  readonly drawing: Drawing;
  /** Newest first. */
  readonly log: readonly LogLine[];
  /** Newest first. */
  readonly wire: readonly WireLine[];
}

export type ConversationState = "starting" | "catching-up" | "active" | "leaving" | "left" | "removed";

export interface ConversationView {
  readonly id: string;
  readonly title: string;
  readonly members: readonly DeviceView[];
  readonly state: ConversationState;
  /** What was said or happened last. */
  readonly lastText: string;
  readonly lastTime: number;
  readonly unread: number;
}

/** The conversation that the page shows. */
export interface OpenView {
  readonly id: string;
  readonly items: readonly Item[];
  readonly hasEarlier: boolean;
  /** Not after this client has left. */
  readonly inside: Inside | undefined;
}

/** An invitation that waits for an answer. */
export interface InvitationView {
  readonly id: string;
  readonly title: string;
  readonly by: DeviceView;
  readonly members: readonly DeviceView[];
  readonly time: number;
}

/** Another device that says it is this person's. */
export interface KnockView {
  readonly id: string;
  readonly device: string;
}

/** `offline`: as its owner wants it. `unreachable`: the service doesn't answer. `connecting`: others can't invite yet. */
export type ConnectionState = "connecting" | "online" | "offline" | "unreachable";

/** All that the page shows of a person. */
export interface View {
  readonly name: string;
  readonly device: string;
  readonly connection: ConnectionState;
  readonly conversations: readonly ConversationView[];
  readonly invitations: readonly InvitationView[];
  readonly knocks: readonly KnockView[];
  readonly open: OpenView | undefined;
}

/** Whom a worker is for. */
export interface Account {
  /** What others see, and invite. */
  readonly name: string;
  /** Tells the devices of one person apart. */
  readonly device: string;
  /** The service's ID: where they have this name. */
  readonly place: string;
}

/** What the page asks of the worker. Each call rejects with a {@link Problem} if it can't be done. */
export interface Actions {
  enter(account: Account): Promise<void>;
  /** @returns the conversation's ID */
  start(title: string, names: readonly string[]): Promise<string>;
  open(id: string | undefined): Promise<void>;
  earlier(): Promise<void>;
  send(id: string, text: string): Promise<void>;
  invite(id: string, names: readonly string[]): Promise<void>;
  /** @returns the conversation's ID */
  accept(id: string): Promise<string>;
  decline(id: string): Promise<void>;
  /** Lets another device in, or refuses it. */
  admit(knock: string, isMine: boolean): Promise<void>;
  remove(id: string, name: string): Promise<void>;
  leave(id: string): Promise<void>;
  forget(id: string): Promise<void>;
  renewKeys(id: string): Promise<void>;
  goOnline(wanted: boolean): Promise<void>;
  verify(device: Pick<DeviceView, "name" | "key">, verified: boolean): Promise<void>;
}

/** Why something wasn't done, and what one can do. */
export interface Problem {
  readonly what: string;
  readonly advice: string;
}
