// RFC 9420 §10 to §15: the page's side: a client in a worker, with the methods of a client here.
import { type Member, MlsError } from "@copse/core";
import { decode } from "@copse/core/extension";
import { packError, unpackError, WorkerError } from "./errors.js";
import { watchLifeline } from "./lifeline.js";
import { isBytes, pack } from "./pack.js";
import { Pending } from "./pending.js";
import { type Channel, openChannel, type Port } from "./port.js";
import {
  type Ask,
  type ClientSnapshot,
  type GroupChange,
  type GroupSnapshot,
  isOurs,
  MemberList,
  type NewGroupMessage,
  type Outcome,
  type ToPage,
  type ToWorker,
} from "./protocol.js";
import {
  CLIENT_GETTERS,
  CLIENT_METHODS,
  GROUP_GETTERS,
  GROUP_METHODS,
  type Kind,
  type WorkerClient,
  type WorkerGroup,
} from "./surface.js";

/**
 * The client that `serveClient` serves on the other side of a port: a `Worker`, or a `MessagePort`. Its methods are
 * those of `Client`, its groups have those of `Group`; calls are made in their order.
 *
 * A worker that ends, or throws an error that nobody catches, rejects all open calls and all later ones.
 * @param options what `make` is given, as it can be cloned; of functions just `validate` of an authentication
 *   service, `sign` of a signer and `externalPsk`, which are then called here
 * @throws WorkerError if there is no such worker; MlsError `usage` for other functions; what `make` throws
 */
export async function connectClient<Options = undefined>(
  port: Port,
  ...[options]: undefined extends Options ? [options?: Options] : [options: Options]
): Promise<WorkerClient> {
  const connection = new Connection(port, options);
  const snapshot = await connection.started;
  return new RemoteClient(connection, snapshot) as RemoteClient & WorkerClient;
}

class Connection {
  readonly started: Promise<ClientSnapshot>;
  readonly ended: Promise<Error | undefined>;
  private readonly channel: Channel;
  private readonly calls = new Pending();
  private readonly targets = new Map<number, RemoteGroup>();
  private readonly callbacks: ((...args: readonly unknown[]) => unknown)[] = [];
  private readonly released: FinalizationRegistry<string>;
  private over: Error | undefined;
  private closing: Promise<void> | undefined;
  private isStarted = false;
  private settle: {
    started(client: ClientSnapshot): void;
    failed(error: Error): void;
    ended(error?: Error): void;
  };
  private closed: () => void = () => undefined;

  constructor(port: Port, options: unknown) {
    this.settle = { started: () => undefined, failed: () => undefined, ended: () => undefined };
    this.started = new Promise((resolve, reject) => {
      this.settle.started = resolve;
      this.settle.failed = reject;
    });
    this.ended = new Promise((resolve) => {
      this.settle.ended = resolve;
    });
    this.released = new FinalizationRegistry((group) => {
      if (this.over === undefined) this.post({ copse: "release", group });
    });
    // Before anything is listened to: if the options can't be sent, there is nothing to part from.
    const start = pack(options, this);
    this.channel = openChannel(port, "page", {
      message: (message) => {
        if (isOurs(message)) this.receive(message as ToPage, start.value);
      },
      gone: (reason, cause) => this.end(new WorkerError(`the worker is gone: ${reason}`, { cause })),
    });
    this.post({ copse: "start", options: start.value });
  }

  group(value: object): string | undefined {
    return value instanceof RemoteGroup ? value.id : undefined;
  }

  callback(call: (...args: readonly unknown[]) => unknown): number {
    return this.callbacks.push(call) - 1;
  }

  /** Calls a method over there. The answer's news of the group are taken in before it is given. */
  async call(target: RemoteGroup | undefined, method: string, kind: Kind, args: unknown[]): Promise<unknown> {
    if (this.over !== undefined) throw this.over;
    if (this.closing !== undefined) throw new WorkerError("the client was closed");
    const packed = pack(args, this);
    const value = await this.calls.ask((id) => {
      try {
        this.post({ copse: "call", id, group: target?.id, method, args: packed.value }, packed.transfer);
      } catch (cause) {
        throw new MlsError("usage", "what was given can't be sent to a worker", { cause });
      }
      if (target !== undefined) this.targets.set(id, target);
    });
    if (kind === "group") return this.take(value as NewGroupMessage);
    if (kind !== "groups") return value;
    const { group, ...rest } = value as { readonly group: NewGroupMessage };
    return { ...rest, group: this.take(group) };
  }

  private take(message: NewGroupMessage): WorkerGroup {
    const group = new RemoteGroup(this, message) as RemoteGroup & WorkerGroup;
    this.released.register(group, message.id);
    return group;
  }

  close(): Promise<void> {
    if (this.over !== undefined) return Promise.resolve();
    this.closing ??= new Promise((resolve) => {
      this.closed = resolve;
      this.post({ copse: "close" });
    });
    return this.closing;
  }

  private post(message: ToWorker, transfer?: ArrayBuffer[]): void {
    this.channel.post(message, transfer);
  }

  private receive(message: ToPage, options: unknown): void {
    switch (message.copse) {
      case "hello":
        if (!this.isStarted) this.post({ copse: "start", options });
        return;
      case "alive":
        watchLifeline(message.lifeline, () =>
          this.end(new WorkerError("the worker is gone: it was terminated")),
        );
        return;
      case "started":
        this.isStarted = true;
        this.settle.started(message.client);
        return;
      case "failed":
        this.end(unpackError(message.error));
        return;
      case "answer": {
        const { id, outcome, change } = message;
        if (change !== undefined) this.targets.get(id)?.change(change);
        this.targets.delete(id);
        this.calls.settle(id, outcome);
        return;
      }
      case "ask":
        void this.reply(message.asks);
        return;
      case "closed":
        this.end(undefined);
        return;
    }
  }

  private async reply(asks: readonly Ask[]): Promise<void> {
    const answers = await Promise.all(
      asks.map(async ({ id, callback, args }) => ({ id, outcome: await this.outcomeOf(callback, args) })),
    );
    if (this.over !== undefined) return;
    try {
      this.post({ copse: "answers", answers });
    } catch (cause) {
      const error = packError(new MlsError("usage", "an answer can't be sent to a worker", { cause }));
      this.post({ copse: "answers", answers: answers.map(({ id }) => ({ id, outcome: { error } })) });
    }
  }

  private async outcomeOf(callback: number, args: readonly unknown[]): Promise<Outcome> {
    try {
      const call = this.callbacks[callback];
      return { value: pack(await call?.(...args), this).value };
    } catch (error) {
      return { error: packError(error) };
    }
  }

  /** There is no worker any more. @param error why, if it wasn't closed */
  private end(error: Error | undefined): void {
    if (this.over !== undefined) return;
    const over = error ?? new WorkerError("the client was closed");
    this.over = over;
    this.channel.detach();
    this.targets.clear();
    this.calls.rejectAll(over);
    this.settle.failed(over);
    this.settle.ended(error);
    this.closed();
  }
}

class RemoteClient {
  readonly connection: Connection;
  readonly snapshot: ClientSnapshot;

  constructor(connection: Connection, snapshot: ClientSnapshot) {
    this.connection = connection;
    this.snapshot = snapshot;
  }

  close(): Promise<void> {
    return this.connection.close();
  }

  get ended(): Promise<Error | undefined> {
    return this.connection.ended;
  }

  remote(method: string, kind: Kind, args: unknown[]): Promise<unknown> {
    return this.connection.call(undefined, method, kind, args);
  }
}

class RemoteGroup {
  readonly connection: Connection;
  readonly id: string;
  snapshot: GroupSnapshot;
  /** Encoded, until somebody asks: there may be many. */
  private encoded: Uint8Array | undefined;
  private changes: GroupChange["members"][number][] = [];
  private readonly byLeaf = new Map<number, Member>();
  private sorted: readonly Member[] | undefined;

  constructor(connection: Connection, { id, snapshot, members }: NewGroupMessage) {
    this.connection = connection;
    this.id = id;
    this.snapshot = snapshot;
    this.encoded = members;
  }

  change({ snapshot, members }: GroupChange): void {
    this.snapshot = snapshot;
    if (members.length === 0) return;
    this.changes.push(...members);
    this.sorted = undefined;
  }

  private current(): ReadonlyMap<number, Member> {
    if (this.encoded !== undefined) {
      for (const member of decode(MemberList, this.encoded)) this.byLeaf.set(member.leafIndex, member);
      this.encoded = undefined;
    }
    for (const [leafIndex, member] of this.changes) {
      if (member === undefined) this.byLeaf.delete(leafIndex);
      else this.byLeaf.set(leafIndex, member);
    }
    this.changes = [];
    return this.byLeaf;
  }

  get members(): readonly Member[] {
    this.sorted ??= [...this.current().values()].sort((a, b) => a.leafIndex - b.leafIndex);
    return this.sorted;
  }

  member(leafIndex: number): Member | undefined {
    return this.current().get(leafIndex);
  }

  get ratchetTree(): Promise<Uint8Array> {
    return this.remote("ratchetTree", "bytes", []) as Promise<Uint8Array>;
  }

  remote(method: string, kind: Kind, args: unknown[]): Promise<unknown> {
    return this.connection.call(this, method, kind, args);
  }
}

interface Proxied {
  readonly snapshot: object;
  remote(method: string, kind: Kind, args: unknown[]): Promise<unknown>;
}

/** Gives a class the methods and getters of a table. */
function define(
  prototype: Proxied,
  methods: Readonly<Record<string, Kind>>,
  getters: readonly string[],
): void {
  for (const [name, kind] of Object.entries(methods)) {
    const value = function (this: Proxied, ...args: unknown[]) {
      return this.remote(name, kind, args);
    };
    Object.defineProperty(prototype, name, { value, writable: true, configurable: true });
  }
  for (const name of getters) {
    const get = function (this: Proxied) {
      const value = (this.snapshot as Readonly<Record<string, unknown>>)[name];
      // As those of a group here: nobody changes what others are given.
      return typeof value === "object" && value !== null && isBytes(value) ? value.slice() : value;
    };
    Object.defineProperty(prototype, name, { get, configurable: true });
  }
}

define(RemoteClient.prototype, CLIENT_METHODS, CLIENT_GETTERS);
define(RemoteGroup.prototype, GROUP_METHODS, GROUP_GETTERS);
