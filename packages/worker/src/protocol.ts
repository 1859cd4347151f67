// RFC 9420 doesn't cover this: the messages between a page and a worker.
import type { Client, Group, Member } from "@copse/core";
import { Credential, opaque, struct, uint32, vector } from "@copse/core/extension";
import type { PackedError } from "./errors.js";
import type { Outcome } from "./pending.js";
import type { CLIENT_GETTERS, GROUP_GETTERS } from "./surface.js";

export type ClientSnapshot = Pick<Client, (typeof CLIENT_GETTERS)[number]>;
export type GroupSnapshot = Pick<Group, (typeof GROUP_GETTERS)[number]>;

/** The members of a group, encoded as one byte array that is transferred and not copied. */
export const MemberList = /* @__PURE__ */ vector(
  /* @__PURE__ */ struct({ leafIndex: uint32, credential: Credential, signatureKey: opaque }),
);

/** A group that the page doesn't know yet. */
export interface NewGroupMessage {
  readonly id: string;
  readonly snapshot: GroupSnapshot;
  /** An encoded {@link MemberList} */
  readonly members: Uint8Array;
}

/** What has changed in a group since the last answer. */
export interface GroupChange {
  readonly snapshot: GroupSnapshot;
  /** The leaves that changed: the member who is there now, or `undefined` for a blank leaf. */
  readonly members: readonly (readonly [leafIndex: number, member: Member | undefined])[];
}

/** A call of a function that the page gave, such as `validate`. */
export interface CallbackRequest {
  readonly id: number;
  readonly callback: number;
  readonly args: readonly unknown[];
}

/** The answer to a {@link CallbackRequest}. */
export interface CallbackAnswer {
  readonly id: number;
  readonly outcome: Outcome;
}

export type ToWorker =
  | { readonly copse: "start"; readonly options: unknown }
  | {
      readonly copse: "call";
      readonly id: number;
      /** `undefined` for a method of the client. */
      readonly group: string | undefined;
      readonly method: string;
      readonly args: unknown;
    }
  | { readonly copse: "callback-answers"; readonly answers: readonly CallbackAnswer[] }
  /** The page no longer has a reference to this group. */
  | { readonly copse: "release"; readonly group: string }
  | { readonly copse: "close" };

export type ToPage =
  /** The worker listens from now on. Messages that were sent before may be lost. */
  | { readonly copse: "ready" }
  /** The name of the lock that the worker holds until it ends. */
  | { readonly copse: "lock"; readonly name: string }
  | { readonly copse: "started"; readonly client: ClientSnapshot }
  | { readonly copse: "failed"; readonly error: PackedError }
  | {
      readonly copse: "answer";
      readonly id: number;
      readonly outcome: Outcome;
      readonly change?: GroupChange | undefined;
    }
  | { readonly copse: "callbacks"; readonly requests: readonly CallbackRequest[] }
  | { readonly copse: "closed" };

/** Whether a message is one of this protocol, to side `T`. An application may send its own by the same port. */
export function isProtocolMessage<T extends ToPage | ToWorker>(message: unknown): message is T {
  return typeof message === "object" && message !== null && "copse" in message;
}
