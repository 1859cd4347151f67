// RFC 9420 §10 to §15: a Client and a Group on the page, whose methods are carried out in the worker.
import type { AbortSignalLike, Member } from "@copse/core";
import { checkOptions, copied, decode } from "@copse/core/extension";
import { unpackError } from "./errors.js";
import {
  type ClientSnapshot,
  type GroupChange,
  type GroupSnapshot,
  MemberList,
  type NewGroupMessage,
  Refused,
  type StagedMessage,
  type StagedSnapshot,
  type WelcomeMessage,
  type WelcomeSnapshot,
} from "./protocol.js";
import { bytes } from "./schema.js";
import {
  CLIENT_FUNCTIONS,
  CLIENT_GETTERS,
  CLIENT_METHODS,
  GROUP_GETTERS,
  GROUP_METHODS,
  GROUP_REQUESTS,
  type Kind,
  STAGED_GETTERS,
  STAGED_METHODS,
  STAGED_REQUESTS,
  STORED_METHODS,
  WELCOME_GETTERS,
  WELCOME_METHODS,
  WELCOME_REQUESTS,
} from "./surface.js";

/** What remote objects need of the connection. */
export interface Remote {
  readonly ended: Promise<Error | undefined>;
  /** What the worker said last of its client. */
  readonly client: ClientSnapshot;
  /** Whoever wants to know that another opener has written. */
  readonly listeners: Set<() => void>;
  /** Ends the connection, because what the worker sent isn't what it must be. @returns the error to throw */
  refuse(what: string): Error;
  /** Calls a method of a group, one of its staged commits, or a staged Welcome; of the client if `target` is undefined. */
  call(
    target: RemoteGroup | RemoteStaged | RemoteWelcome | undefined,
    method: string,
    kind: Kind,
    args: unknown[],
  ): Promise<unknown>;
  close(signal?: AbortSignalLike): Promise<void>;
}

/** A client in the worker. Its other methods and getters come from the tables in `surface.ts`. */
export class RemoteClient {
  readonly remote: Remote;

  constructor(remote: Remote) {
    this.remote = remote;
  }

  get snapshot(): ClientSnapshot {
    return this.remote.client;
  }

  async close(options: { readonly signal?: AbortSignalLike } = {}): Promise<void> {
    checkOptions(options, { signal: "object" });
    return this.remote.close(options.signal);
  }

  get ended(): Promise<Error | undefined> {
    return this.remote.ended;
  }

  call(method: string, kind: Kind, args: unknown[]): Promise<unknown> {
    return this.remote.call(undefined, method, kind, args);
  }
}

/** A client in the worker that has a storage. */
export class RemoteStoredClient extends RemoteClient {
  watch(listener: () => void): () => void {
    checkOptions({ listener }, { listener: ["function", "!"] });
    // A listener that is given twice is called twice.
    const own = () => listener();
    this.remote.listeners.add(own);
    return () => this.remote.listeners.delete(own);
  }
}

/** Freezes plain data, except the byte strings in it, which can't be frozen. */
function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value) || bytes(value)) return value;
  for (const part of Object.values(value)) frozen(part);
  return Object.freeze(value);
}

/** A group in the worker. Its other methods and getters come from the tables in `surface.ts`. */
export class RemoteGroup {
  readonly remote: Remote;
  readonly id: string;
  snapshot: GroupSnapshot;
  /** The members as the worker sent them. They may be many, so they are decoded when first asked for. */
  private encoded: Uint8Array | undefined;
  private changes: GroupChange["members"][number][] = [];
  private readonly byLeaf = new Map<number, Member>();

  constructor(remote: Remote, message: NewGroupMessage) {
    this.remote = remote;
    this.id = message.id;
    this.snapshot = message.snapshot;
    this.renew(message);
  }

  /** Takes over all that the worker says of the group. */
  renew({ snapshot, members }: NewGroupMessage): void {
    this.snapshot = { ...snapshot, proposals: frozen(snapshot.proposals) };
    this.renewMembers(members);
  }

  private renewMembers(members: Uint8Array): void {
    this.encoded = members;
    this.changes = [];
    this.byLeaf.clear();
  }

  /** Takes over what an answer says of the group. @returns whether it is about proposals that this page has */
  change({ snapshot, proposals: changed, members, all }: GroupChange): boolean {
    const proposals = [];
    for (const one of changed) {
      if (!("at" in one)) proposals.push(one);
      else {
        const known = this.snapshot.proposals[one.at];
        if (known === undefined) return false;
        const { willCommit } = one;
        proposals.push(known.willCommit === willCommit ? known : { ...known, willCommit });
      }
    }
    this.snapshot = { ...snapshot, proposals: frozen(proposals) };
    if (all !== undefined) this.renewMembers(all);
    this.changes.push(...members);
    return true;
  }

  private current(): ReadonlyMap<number, Member> {
    if (this.encoded !== undefined) {
      for (const member of this.decoded(this.encoded)) {
        this.byLeaf.set(member.leafIndex, copied(member));
      }
      this.encoded = undefined;
    }
    for (const [leafIndex, member] of this.changes) {
      if (member === undefined) this.byLeaf.delete(leafIndex);
      else this.byLeaf.set(leafIndex, member);
    }
    this.changes = [];
    return this.byLeaf;
  }

  private decoded(members: Uint8Array) {
    try {
      return decode(MemberList, members);
    } catch {
      throw this.remote.refuse("a list of members that can't be decoded");
    }
  }

  get members(): readonly Member[] {
    return Array.from(this.current().values(), copied<Member>).sort((a, b) => a.leafIndex - b.leafIndex);
  }

  member(leafIndex: number): Member | undefined {
    const member = this.current().get(leafIndex);
    return member && copied<Member>(member);
  }

  /** The same array as long as nothing changes, as that of a Group. The worker sends each proposal once. */
  get proposals(): GroupSnapshot["proposals"] {
    return this.snapshot.proposals;
  }

  call(method: string, kind: Kind, args: unknown[]): Promise<unknown> {
    return this.remote.call(this, method, kind, args);
  }
}

/** A staged commit in the worker. Its methods and getters come from the tables in `surface.ts`. */
export class RemoteStaged {
  readonly group: RemoteGroup;
  readonly id: number;
  readonly snapshot: StagedSnapshot;

  constructor(group: RemoteGroup, { id, snapshot }: StagedMessage) {
    this.group = group;
    this.id = id;
    this.snapshot = snapshot;
  }

  call(method: string, kind: Kind, args: unknown[]): Promise<unknown> {
    return this.group.remote.call(this, method, kind, args);
  }
}

/** A staged Welcome in the worker. Its methods and getters come from the tables in `surface.ts`. */
export class RemoteWelcome {
  readonly remote: Remote;
  readonly id: string;
  readonly snapshot: WelcomeSnapshot;

  constructor(remote: Remote, { id, snapshot }: WelcomeMessage) {
    this.remote = remote;
    this.id = id;
    this.snapshot = snapshot;
  }

  call(method: string, kind: Kind, args: unknown[]): Promise<unknown> {
    return this.remote.call(this, method, kind, args);
  }
}

/** What the methods and getters of all classes use. */
interface RemoteObject {
  readonly snapshot: object;
  call(method: string, kind: Kind, args: unknown[]): Promise<unknown>;
}

/** Adds the methods and getters of tables to a class. @param requests the getters whose value is requested each time */
function define(
  prototype: RemoteObject,
  methods: Readonly<Record<string, Kind>>,
  getters: readonly string[],
  requests: Readonly<Record<string, Kind>>,
): void {
  for (const [name, kind] of Object.entries(methods)) {
    const value = function (this: RemoteObject, ...args: unknown[]) {
      return this.call(name, kind, args);
    };
    Object.defineProperty(prototype, name, { value, writable: true, configurable: true });
  }
  for (const [name, kind] of Object.entries(requests)) {
    const get = function (this: RemoteObject) {
      return this.call(name, kind, []);
    };
    Object.defineProperty(prototype, name, { get, configurable: true });
  }
  for (const name of getters) {
    // What a class defines itself.
    if (Object.hasOwn(prototype, name)) continue;
    const get = function (this: RemoteObject): unknown {
      const value: unknown = Reflect.get(this.snapshot, name);
      if (Refused(value)) throw unpackError(value.refused);
      // A copy, as from a Group: a caller who changes it doesn't change what others get.
      return copied(value);
    };
    Object.defineProperty(prototype, name, { get, configurable: true });
  }
}

define(RemoteClient.prototype, { ...CLIENT_METHODS, ...CLIENT_FUNCTIONS }, CLIENT_GETTERS, {});
define(RemoteStoredClient.prototype, STORED_METHODS, [], {});
define(RemoteGroup.prototype, GROUP_METHODS, GROUP_GETTERS, GROUP_REQUESTS);
define(RemoteStaged.prototype, STAGED_METHODS, STAGED_GETTERS, STAGED_REQUESTS);
define(RemoteWelcome.prototype, WELCOME_METHODS, WELCOME_GETTERS, WELCOME_REQUESTS);
