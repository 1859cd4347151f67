// RFC 9420 has nothing of this: the messages between a page and a worker.
import type { Client, Group, Member } from "@copse/core";
import { Credential, opaque, struct, uint32, vector } from "@copse/core/extension";
import type { PackedError } from "./errors.js";
import type { CLIENT_GETTERS, GROUP_GETTERS } from "./surface.js";

export type ClientSnapshot = Pick<Client, (typeof CLIENT_GETTERS)[number]>;
export type GroupSnapshot = Pick<Group, (typeof GROUP_GETTERS)[number]>;

/** The members of a group, as one array that moves from thread to thread. */
export const MemberList = /* @__PURE__ */ vector(
  /* @__PURE__ */ struct({ leafIndex: uint32, credential: Credential, signatureKey: opaque }),
);

/** A group as it comes to a page. */
export interface NewGroupMessage {
  readonly id: string;
  readonly snapshot: GroupSnapshot;
  /** An encoded {@link MemberList} */
  readonly members: Uint8Array;
}

/** What has changed in a group since the last answer. */
export interface GroupChange {
  readonly snapshot: GroupSnapshot;
  /** Leaves of which somebody came, went or changed, as they are now. */
  readonly members: readonly (readonly [leafIndex: number, member: Member | undefined])[];
}

export type Outcome = { readonly value: unknown } | { readonly error: PackedError };

export interface Ask {
  readonly id: number;
  readonly callback: number;
  readonly args: readonly unknown[];
}

export type ToWorker =
  | { readonly copse: "start"; readonly options: unknown }
  | {
      readonly copse: "call";
      readonly id: number;
      /** `undefined` for the client. */
      readonly group: string | undefined;
      readonly method: string;
      readonly args: unknown;
    }
  | {
      readonly copse: "answers";
      readonly answers: readonly { readonly id: number; readonly outcome: Outcome }[];
    }
  /** The page has let go of a group. */
  | { readonly copse: "release"; readonly group: string }
  | { readonly copse: "close" };

export type ToPage =
  /** The worker listens. What was sent before may have been lost. */
  | { readonly copse: "hello" }
  | { readonly copse: "alive"; readonly lifeline: string }
  | { readonly copse: "started"; readonly client: ClientSnapshot }
  | { readonly copse: "failed"; readonly error: PackedError }
  | {
      readonly copse: "answer";
      readonly id: number;
      readonly outcome: Outcome;
      readonly change?: GroupChange | undefined;
    }
  | { readonly copse: "ask"; readonly asks: readonly Ask[] }
  | { readonly copse: "closed" };

/** Whether it is a message of ours: an application may send its own by the same port. */
export function isOurs(message: unknown): boolean {
  return typeof message === "object" && message !== null && "copse" in message;
}
