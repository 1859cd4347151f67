// RFC 9420 §10 to §15: what of Client and Group is there across threads. All that a page can call is listed here, once.
import type { Client, CommitMessages, Group } from "@copse/core";

type MethodOf<T> = { [K in keyof T]: T[K] extends (...args: never[]) => unknown ? K : never }[keyof T];
type GetterOf<T> = Exclude<keyof T, MethodOf<T>>;
type ResultOf<F> = F extends (...args: never[]) => infer R ? Awaited<R> : never;

/**
 * How an answer is sent. `bytes`: an array that is the caller's own, and moves. `messages`: an object of such.
 * `group`: a group, which stays in the worker. `groups`: an object with a group and bytes. `value`: a copy.
 */
export type Kind = "bytes" | "messages" | "group" | "groups" | "value";

type KindOf<R> = [R] extends [Uint8Array]
  ? "bytes"
  : [R] extends [Group]
    ? "group"
    : [R] extends [{ readonly group: Group }]
      ? "groups"
      : [R] extends [CommitMessages]
        ? "messages"
        : "value";

type Kinds<T, M extends keyof T> = { readonly [K in M]: KindOf<ResultOf<T[K]>> };

export const CLIENT_METHODS = {
  addSigner: "value",
  createKeyPackage: "bytes",
  createGroup: "group",
  join: "group",
  joinByExternalCommit: "groups",
  restore: "group",
  proposeJoin: "bytes",
  branch: "groups",
  reinitialize: "groups",
  saveKeyPackages: "bytes",
  loadKeyPackages: "value",
} as const satisfies Kinds<Client, MethodOf<Client>>;

/** `withEpoch` is for extensions, whose code runs in the worker; `member` is answered by the page's snapshot. */
type NotCalled = "withEpoch" | "member" | "commitResumption" | "resumptionPsk";

export const GROUP_METHODS = {
  leafNode: "value",
  encrypt: "bytes",
  propose: "bytes",
  commit: "messages",
  add: "messages",
  remove: "messages",
  update: "messages",
  mergePendingCommit: "value",
  clearPendingCommit: "value",
  receive: "value",
  exportSecret: "bytes",
  groupInfo: "bytes",
  save: "bytes",
  saveChanges: "bytes",
  close: "value",
} as const satisfies Kinds<Group, Exclude<MethodOf<Group>, NotCalled>>;

export const CLIENT_GETTERS = [
  "cipherSuite",
  "credential",
  "signatureKey",
] as const satisfies readonly GetterOf<Client>[];

/** The getters of a snapshot, which each answer renews. */
export const GROUP_GETTERS = [
  "groupId",
  "epoch",
  "cipherSuite",
  "ownLeafIndex",
  "extensions",
  "active",
  "hasPendingCommit",
  "proposals",
  "epochAuthenticator",
  "treeHash",
  "confirmedTranscriptHash",
] as const satisfies readonly GetterOf<Group>[];

/** Too large for each answer: `members` comes once, and then as changes; the tree is asked for. */
type Large = "members" | "ratchetTree";

/** @ignore Fails to compile if a getter is forgotten. */
export type AllGetters = [
  Complete<GetterOf<Client>, (typeof CLIENT_GETTERS)[number]>,
  Complete<Exclude<GetterOf<Group>, "predecessor">, (typeof GROUP_GETTERS)[number] | Large>,
];
type Complete<All extends Listed, Listed> = All;

export type ClientMethod = keyof typeof CLIENT_METHODS;
export type GroupMethod = keyof typeof GROUP_METHODS;

/** Arguments with a worker's groups in the place of groups, and without functions that must answer at once. */
type Sent<T> = T extends Group
  ? WorkerGroup
  : T extends Uint8Array
    ? T
    : T extends (...args: never[]) => infer R
      ? [Extract<R, Promise<unknown>>] extends [never]
        ? never
        : T
      : T extends object
        ? { [K in keyof T]: Sent<T[K]> }
        : T;

type Answer<R> = R extends Group
  ? WorkerGroup
  : R extends { readonly group: Group }
    ? Omit<R, "group"> & { readonly group: WorkerGroup }
    : R;

/** A method, called in a worker. */
type Remote<F> = F extends (...args: infer A extends readonly unknown[]) => infer R
  ? (...args: { [K in keyof A]: Sent<A[K]> }) => Promise<Answer<Awaited<R>>>
  : never;

/**
 * A `Group` in a worker. Its getters are those of the last answer to a call of this group; whoever needs what a
 * call has changed awaits it. Extensions of the protocol that take a `Group` run in the worker.
 */
export type WorkerGroup = { readonly [K in GroupMethod]: Remote<Group[K]> } & {
  readonly [K in (typeof GROUP_GETTERS)[number]]: Group[K];
} & Pick<Group, "members" | "member"> & {
    /** The encoded ratchet tree (§12.4.3.3): asked for, since it is large. */
    readonly ratchetTree: Promise<Uint8Array>;
  };

/** A `Client` in a worker. */
export type WorkerClient = { readonly [K in ClientMethod]: Remote<Client[K]> } & Pick<
  Client,
  (typeof CLIENT_GETTERS)[number]
> & {
    /**
     * Waits for the answers that are still to come, overwrites the secrets of all groups in the worker, and parts
     * from it; the worker itself is then the application's to end. What isn't saved is lost.
     */
    close(): Promise<void>;
    /** Resolves when there is no more client: to the error if its worker died, to `undefined` if it was closed. */
    readonly ended: Promise<Error | undefined>;
  };
