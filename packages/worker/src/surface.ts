// RFC 9420 §10 to §15: the methods and getters of Client and Group that a page can use. This file is their only list.
import type { AbortSignalLike, Client, Group, Outcome, StagedCommit, StagedWelcome } from "@copse/core";
import type { joinByExternalCommit, proposeJoin } from "@copse/core/external";
import type { importKeyPackage } from "@copse/core/import";
import type { branch, reinitialize } from "@copse/core/resumption";
import type { StoredClient } from "@copse/core/storage";

type MethodOf<T> = { [K in keyof T]: T[K] extends (...args: never[]) => unknown ? K : never }[keyof T];
type GetterOf<T> = Exclude<keyof T, MethodOf<T>>;
type ResultOf<F> = F extends (...args: never[]) => infer R ? Awaited<R> : never;

/**
 * How the result of a method is sent:
 * - `bytes`: a byte array that belongs to the caller. It is transferred.
 * - `staged`: a staged commit, which stays in the worker. The page gets its number and a snapshot.
 * - `stagedList`: a list of them.
 * - `welcome`: a staged Welcome, which stays in the worker. The page gets its name and a snapshot.
 * - `group`: a group, which stays in the worker. The page gets its ID and a snapshot.
 * - `found`: the same, or nothing.
 * - `groups`: an object with a group, byte arrays, and perhaps a staged commit.
 * - `settled`: what `Promise.allSettled` says. Errors are packed.
 * - `value`: a copy.
 */
export type Kind =
  | "bytes"
  | "staged"
  | "stagedList"
  | "welcome"
  | "group"
  | "found"
  | "groups"
  | "settled"
  | "value";

type KindOf<R> = [R] extends [Uint8Array]
  ? "bytes"
  : [R] extends [Group]
    ? "group"
    : [R] extends [Group | undefined]
      ? "found"
      : [R] extends [{ readonly group: Group }]
        ? "groups"
        : [R] extends [StagedCommit]
          ? "staged"
          : [R] extends [StagedWelcome]
            ? "welcome"
            : [R] extends [readonly Outcome<unknown>[]]
              ? "settled"
              : "value";

type Kinds<T, M extends keyof T> = { readonly [K in M]: KindOf<ResultOf<T[K]>> };

/** The methods of a client, and how their results are sent. */
export const CLIENT_METHODS = {
  addSigner: "value",
  createKeyPackage: "bytes",
  createGroup: "group",
  join: "group",
  readWelcome: "welcome",
  restore: "group",
  saveKeyPackages: "bytes",
  loadKeyPackages: "value",
  keyPackages: "value",
  deleteKeyPackage: "value",
  readKeyPackage: "value",
  sign: "bytes",
} as const satisfies Kinds<
  Client,
  Exclude<MethodOf<Client>, "adopt" | "forget" | "joinBy" | "newGroup" | "newKeyPackage">
>;

/** The further methods of a client with a storage. Code in the worker may watch it: the page learns of what changes by its calls. */
export const STORED_METHODS = {
  knownGroups: "value",
  group: "found",
  deleteGroup: "value",
  refresh: "value",
  sweep: "value",
  getEntry: "value",
  listEntries: "value",
  writeEntries: "value",
} as const satisfies Kinds<
  StoredClient,
  Exclude<MethodOf<StoredClient>, MethodOf<Client> | "begin" | "watch">
>;

/** Functions that take a client first: for a page they are methods of it. */
export interface ClientFunctions {
  readonly branch: typeof branch;
  readonly reinitialize: typeof reinitialize;
  readonly joinByExternalCommit: typeof joinByExternalCommit;
  readonly proposeJoin: typeof proposeJoin;
  readonly importKeyPackage: typeof importKeyPackage;
}

/** How their results are sent. */
export const CLIENT_FUNCTIONS = {
  branch: "groups",
  reinitialize: "groups",
  joinByExternalCommit: "groups",
  proposeJoin: "bytes",
  importKeyPackage: "bytes",
} as const satisfies Kinds<ClientFunctions, keyof ClientFunctions>;

/**
 * Methods that a page doesn't call. `member` answers from the page's snapshot; the others are for code in the worker.
 */
type NotCalled = "withEpoch" | "member" | "stagedCommit" | "resumptionPsk" | "retire" | "replace";

/** The methods of a group, and how their results are sent. */
export const GROUP_METHODS = {
  leafNode: "value",
  encrypt: "bytes",
  encryptAll: "value",
  propose: "bytes",
  dropProposals: "value",
  commit: "staged",
  add: "staged",
  remove: "staged",
  update: "staged",
  stage: "staged",
  mergePendingCommit: "value",
  clearPendingCommit: "value",
  receive: "value",
  receiveAll: "settled",
  exportSecret: "bytes",
  groupInfo: "bytes",
  save: "bytes",
  close: "value",
} as const satisfies Kinds<Group, Exclude<MethodOf<Group>, NotCalled>>;

/** The methods of a staged commit, and how their results are sent. */
export const STAGED_METHODS = {
  exportSecret: "bytes",
  groupInfo: "bytes",
  merge: "value",
  discard: "value",
} as const satisfies Kinds<StagedCommit, MethodOf<StagedCommit>>;

/** The getters of a staged commit. The page gets what they say when the commit is staged. */
export const STAGED_GETTERS = [
  "commit",
  "welcome",
  "ratchetTree",
  "own",
  "external",
  "committer",
  "epoch",
  "path",
  "proposals",
  "added",
  "removed",
  "updated",
  "custom",
  "reinit",
  "extensions",
  "active",
  "authenticatedData",
  "confirmedTranscriptHash",
  "epochAuthenticator",
] as const satisfies readonly GetterOf<StagedCommit>[];

/** The methods of a staged Welcome, and how their results are sent. */
export const WELCOME_METHODS = {
  join: "group",
  discard: "value",
  member: "value",
  leafNode: "value",
} as const satisfies Kinds<StagedWelcome, MethodOf<StagedWelcome>>;

/** The getters of a staged Welcome. They never change; the page gets what they say when it is read. */
export const WELCOME_GETTERS = [
  "groupId",
  "epoch",
  "cipherSuite",
  "ownLeafIndex",
  "committer",
  "keyPackage",
  "resumes",
  "extensions",
  "epochAuthenticator",
  "treeHash",
  "confirmedTranscriptHash",
] as const satisfies readonly GetterOf<StagedWelcome>[];

/** Getters that are sent on request, and how. */
export const GROUP_REQUESTS = { ratchetTree: "bytes", staged: "stagedList" } as const satisfies Partial<
  Record<GetterOf<Group>, Kind>
>;
export const STAGED_REQUESTS = {
  membersBefore: "value",
  membersAfter: "value",
  welcomes: "value",
} as const satisfies Partial<Record<GetterOf<StagedCommit>, Kind>>;

export const WELCOME_REQUESTS = { members: "value", ratchetTree: "bytes" } as const satisfies Partial<
  Record<GetterOf<StagedWelcome>, Kind>
>;

/** The getters of a client. They change when a group switches to another identity. */
export const CLIENT_GETTERS = [
  "cipherSuite",
  "credential",
  "signatureKey",
] as const satisfies readonly GetterOf<Client>[];

/** The getters of a group's snapshot, which each answer renews. */
export const GROUP_GETTERS = [
  "groupId",
  "epoch",
  "cipherSuite",
  "ownLeafIndex",
  "extensions",
  "active",
  "hasPendingCommit",
  "resumes",
  "proposals",
  "epochAuthenticator",
  "treeHash",
  "confirmedTranscriptHash",
] as const satisfies readonly GetterOf<Group>[];

/** Getters that are too large for each answer. `members` is sent once, then only changes. */
type Large = "members" | keyof typeof GROUP_REQUESTS;

/** @ignore Fails to compile if a getter is missing from the lists. */
export type AllGetters = [
  Complete<GetterOf<Client>, (typeof CLIENT_GETTERS)[number]>,
  Complete<Exclude<GetterOf<Group>, "predecessor" | "own">, (typeof GROUP_GETTERS)[number] | Large>,
  Complete<GetterOf<StagedCommit>, (typeof STAGED_GETTERS)[number] | keyof typeof STAGED_REQUESTS>,
  Complete<GetterOf<StagedWelcome>, (typeof WELCOME_GETTERS)[number] | keyof typeof WELCOME_REQUESTS>,
];
type Complete<All extends Listed, Listed> = All;

export type ClientMethod = keyof typeof CLIENT_METHODS;
export type GroupMethod = keyof typeof GROUP_METHODS;

/** Arguments as a page gives them: `WorkerGroup` in the place of `Group`, and no functions that return at once. */
type Sent<T> = T extends Group
  ? WorkerGroup
  : T extends Uint8Array | AbortSignalLike
    ? T
    : T extends (...args: never[]) => infer R
      ? [Extract<R, Promise<unknown>>] extends [never]
        ? never
        : T
      : T extends object
        ? { [K in keyof T]: Sent<T[K]> }
        : T;

/** What a method returns, as a page gets it. */
type Answer<R> = R extends Group
  ? WorkerGroup
  : R extends StagedCommit
    ? WorkerStagedCommit
    : R extends StagedWelcome
      ? WorkerStagedWelcome
      : R extends { readonly group: Group }
        ? { readonly [K in keyof R]: Answer<R[K]> }
        : R;

/** A method that is carried out in the worker. */
type Remote<F> = F extends (...args: infer A extends readonly unknown[]) => infer R
  ? (...args: { [K in keyof A]: Sent<A[K]> }) => Promise<Answer<Awaited<R>>>
  : never;

/** A function that takes a client first, as a method of the client. */
type OfClient<F> = F extends (client: Client, ...args: infer A) => infer R ? (...args: A) => R : never;

/**
 * A `Group` in a worker. Its getters return what the last answer to a call of this group said: await a call before you
 * read what it has changed. Functions of extensions that take a `Group` must run in the worker.
 * @example
 * ```ts
 * const { welcome } = await group.add(keyPackage);
 * await group.mergePendingCommit();
 * console.log(group.epoch, group.members.length);
 * ```
 */
export type WorkerGroup = { readonly [K in GroupMethod]: Remote<Group[K]> } & {
  readonly [K in (typeof GROUP_GETTERS)[number]]: Group[K];
} & Pick<Group, "members" | "member"> & {
    /** The encoded ratchet tree (§12.4.3.3). It is large, so it is requested each time. */
    readonly ratchetTree: Promise<Uint8Array>;
    /** As `Group.staged`, requested each time. */
    readonly staged: Promise<readonly WorkerStagedCommit[]>;
  };

/**
 * A `StagedCommit` in a worker. Its getters return what was so when it was staged; those that are large are requested
 * each time.
 * @example
 * ```ts
 * const staged = await group.stage(message);
 * if (staged.removed.length === 0) await staged.merge();
 * ```
 */
export type WorkerStagedCommit = {
  readonly [K in keyof typeof STAGED_METHODS]: Remote<StagedCommit[K]>;
} & Pick<StagedCommit, (typeof STAGED_GETTERS)[number]> & {
    readonly [K in keyof typeof STAGED_REQUESTS]: Promise<StagedCommit[K]>;
  };

/**
 * A `StagedWelcome` in a worker. It holds secrets until it is joined, discarded, or dropped by the page.
 * @example
 * ```ts
 * const staged = await client.readWelcome(welcome);
 * if (await ask(staged.committer, await staged.members)) await staged.join();
 * else await staged.discard();
 * ```
 */
export type WorkerStagedWelcome = {
  readonly [K in keyof typeof WELCOME_METHODS]: Remote<StagedWelcome[K]>;
} & Pick<StagedWelcome, (typeof WELCOME_GETTERS)[number]> & {
    readonly [K in keyof typeof WELCOME_REQUESTS]: Promise<StagedWelcome[K]>;
  };

/**
 * A `Client` in a worker.
 * @example
 * ```ts
 * const group = await client.join(welcome);
 * const received = await group.receive(message);
 * await client.close();
 * ```
 */
export type WorkerClient = { readonly [K in ClientMethod]: Remote<Client[K]> } & {
  readonly [K in keyof ClientFunctions]: Remote<OfClient<ClientFunctions[K]>>;
} & Pick<Client, (typeof CLIENT_GETTERS)[number]> & {
    /**
     * Waits for open calls, overwrites the secrets of all groups in the worker, and disconnects. What isn't saved is
     * lost. The worker itself keeps running: terminating it is up to the application.
     * @param options `signal`: when it is aborted, open calls aren't waited for
     */
    close(options?: { readonly signal?: AbortSignalLike }): Promise<void>;
    /** Resolves when there is no client any more: to the error if its worker ended, to `undefined` if it was closed. */
    readonly ended: Promise<Error | undefined>;
  };

/**
 * A `StoredClient` in a worker, with its storage: the page sees only what its calls answer.
 * @example
 * ```ts
 * for (const { groupId } of await client.knownGroups()) show(await client.group(groupId));
 * const stop = client.watch(() => showAgain());
 * ```
 */
export type WorkerStoredClient = WorkerClient & {
  readonly [K in keyof typeof STORED_METHODS]: Remote<StoredClient[K]>;
} & {
  /**
   * Calls a listener after the client in the worker has taken over what another opener of its storage changed, such as another
   * tab: `members` and the other getters of groups show it then. Never called if the storage doesn't tell of other openers:
   * call `refresh` now and then. What it throws is dropped.
   * @returns what ends that
   */
  watch(listener: () => void): () => void;
};
