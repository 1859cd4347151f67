// RFC 9420 doesn't cover this: the worker's side of the messages between a page and a worker.
import {
  type Client,
  type Group,
  MlsError,
  type Outcome,
  type StagedCommit,
  type StagedWelcome,
} from "@copse/core";
import { type AbortControllerLike, newAbortController } from "./abort.js";
import { packError, packSettled, unpackError, WorkerError } from "./errors.js";
import { findGroup, KnownGroups } from "./known-groups.js";
import { type Packed, pack, type Reference, unpack } from "./pack.js";
import { PendingRequests } from "./pending.js";
import { type Channel, claimPort, openChannel, type Port } from "./port.js";
import {
  type CallbackRequest,
  messageToWorker,
  READY,
  type ToPage,
  type ToWorker,
  type WelcomeMessage,
  type WelcomeSnapshot,
} from "./protocol.js";
import { randomName } from "./random-name.js";
import { changeOf, gettersOf, KnownClient, KnownGroup, VALUES_ONLY } from "./snapshot.js";
import { type Kind, WELCOME_GETTERS } from "./surface.js";
import { isStored, kindIn, propertyOf, tablesFor } from "./targets.js";
import { holdWorkerLock, type WorkerLock } from "./worker-lock.js";

/** How many callback requests go in one message. The page can't draw a frame while it answers one message. */
const REQUESTS_PER_MESSAGE = 64;

type Call = ToWorker & { readonly copse: "call" };
/** A message without its connection, which `post` adds. */
type Unaddressed<M> = M extends unknown ? Omit<M, "connection"> : never;

/** Serves one client to one page. */
export class Server {
  readonly closed: Promise<void>;
  private readonly channel: Channel;
  private readonly unclaim: () => void;
  private readonly make: (options: unknown) => Client | Promise<Client>;
  /** Ends being told what other openers write. */
  private unlisten: () => void = () => undefined;
  private readonly callbacks = new PendingRequests();
  /** Tells the page which of its functions are no longer needed. */
  private readonly dropped: FinalizationRegistry<number>;
  private readonly known = new KnownGroups();
  /** The staged Welcomes that the page has, by their names. */
  private readonly welcomes = new Map<string, StagedWelcome>();
  /** The calls without an answer yet, by number. */
  private readonly running = new Map<number, { ended: Promise<void>; readonly abort: AbortControllerLike }>();
  private requests: CallbackRequest[] = [];
  /** The page's connection, from its first message on. Messages of others are ignored. */
  private connection: string | undefined;
  private isEnded = false;
  private client: Client | undefined;
  private knownClient: KnownClient | undefined;
  private lock: WorkerLock | undefined;
  private finish: () => void = () => undefined;

  constructor(port: Port, make: (options: unknown) => Client | Promise<Client>) {
    this.make = make;
    this.closed = new Promise((resolve) => {
      this.finish = resolve;
    });
    this.dropped = new FinalizationRegistry((callback) => {
      if (!this.isEnded) this.post({ copse: "forget", callbacks: [callback] });
    });
    this.unclaim = claimPort(port, "worker");
    this.channel = openChannel(port, "worker", {
      message: (message) => {
        const checked = messageToWorker(message, this.connection);
        if (checked === "malformed") this.refuse();
        else if (checked !== undefined) this.receive(checked);
      },
      gone: (reason) => void this.end(reason),
    });
    this.channel.post(READY);
  }

  private post(message: Unaddressed<ToPage>, transfer?: ArrayBuffer[]): void {
    if (this.connection === undefined) return;
    this.channel.post({ ...message, connection: this.connection }, transfer);
  }

  private receive(message: ToWorker): void {
    switch (message.copse) {
      case "start":
        // The page sends it at once, and again when the worker is ready: the first one may be lost.
        if (this.connection !== undefined) return;
        this.connection = message.connection;
        void this.start(message.options, message.references);
        return;
      case "call":
        // A number that is in use would leave one of the two calls without an answer.
        if (this.running.has(message.id)) this.refuse();
        else this.run(message);
        return;
      case "abort":
        this.running.get(message.id)?.abort.abort(unpackError(message.reason));
        return;
      case "callback-answers":
        for (const { id, outcome } of message.answers) this.callbacks.settle(id, outcome);
        return;
      case "release":
        void this.release(message.group, message.times);
        return;
      case "close":
        void this.close(message.now);
        return;
    }
  }

  /** The page has broken the protocol: it gets no more answers. */
  private refuse(): void {
    this.post({ copse: "failed", error: packError(new WorkerError("the page sent a malformed message")) });
    void this.end("it sent a malformed message");
  }

  private async start(options: unknown, references: readonly Reference[]): Promise<void> {
    try {
      const lock = await holdWorkerLock();
      // The page may have gone meanwhile, here and below: then nobody would release the lock, or use the client.
      if (this.isEnded) return lock?.release();
      this.lock = lock;
      if (lock !== undefined) this.post({ copse: "lock", name: lock.name });
      const client = await this.make(this.unpack(options, references));
      if (this.isEnded) return;
      this.client = client;
      this.knownClient = new KnownClient(client);
      const { value, transfer } = pack(this.knownClient.snapshot, VALUES_ONLY);
      // `pack` keeps the shape of a snapshot.
      this.post(
        { copse: "started", client: value, stored: isStored(client) } as Unaddressed<ToPage>,
        transfer,
      );
      this.listen(client);
    } catch (error) {
      if (this.isEnded) return;
      this.post({ copse: "failed", error: packError(error) });
      await this.end("its client can't be made");
    }
  }

  /** Tells the page what other openers of the storage have changed, where the storage tells of them. */
  private listen(client: Client): void {
    if (!isStored(client)) return;
    try {
      this.unlisten = client.watch(() => this.tell());
    } catch (error) {
      if (!(error instanceof MlsError && error.code === "unsupported")) throw error;
    }
  }

  private tell(): void {
    if (this.isEnded) return;
    const changed = this.known.changes();
    const client = this.knownClient?.change();
    const groups = changed.map(({ id, change }) => ({ id, change: change.value }));
    const transfer = [...changed.map(({ change }) => change), ...(client ? [client] : [])].flatMap(
      (one) => one.transfer,
    );
    // `pack` keeps the shape of a change and of a snapshot.
    this.post({ copse: "changed", groups, client: client?.value } as Unaddressed<ToPage>, transfer);
  }

  private unpack(value: unknown, references: readonly Reference[], abort?: AbortControllerLike): unknown {
    return unpack(value, references, {
      group: findGroup,
      callback: (callback) => {
        const call = (...args: readonly unknown[]) => this.callPage(callback, args);
        this.dropped.register(call, callback);
        return call;
      },
      signal: () => {
        if (abort === undefined)
          throw new MlsError("usage", "expected a signal in the options of a call only");
        return abort.signal;
      },
    });
  }

  /** Calls a function of the page. Requests that are made in one go are sent together. */
  private callPage(callback: number, args: readonly unknown[]): Promise<unknown> {
    if (this.isEnded) return Promise.reject(new WorkerError("the page is gone"));
    return this.callbacks.request((id) => {
      // Packed here, so that what can't be sent fails this call and no other.
      const { value } = pack(args, VALUES_ONLY);
      if (this.requests.length === 0) void Promise.resolve().then(() => this.sendRequests());
      this.requests.push({ id, callback, args: value as unknown[] });
    });
  }

  private sendRequests(): void {
    const all = this.requests;
    this.requests = [];
    for (let at = 0; at < all.length; at += REQUESTS_PER_MESSAGE) {
      const requests = all.slice(at, at + REQUESTS_PER_MESSAGE);
      try {
        this.post({ copse: "callbacks", requests });
      } catch (cause) {
        const error = packError(
          new MlsError("usage", "the arguments of a callback can't be sent to a page", { cause }),
        );
        for (const { id } of requests) this.callbacks.settle(id, { error });
      }
    }
  }

  private run(call: Call): void {
    const abort = newAbortController();
    const running = { ended: Promise.resolve(), abort };
    this.running.set(call.id, running);
    running.ended = this.answer(call, abort).finally(() => this.running.delete(call.id));
  }

  /** Carries out a call of the page and posts the answer, with what has changed in the group. */
  private async answer(
    { id, group, staged, method, args, references }: Call,
    abort: AbortControllerLike,
  ): Promise<void> {
    let change: Packed | undefined;
    const known = group === undefined ? undefined : this.known.get(group);
    try {
      const welcome = group === undefined ? undefined : this.welcomes.get(group);
      if (group !== undefined && known === undefined && welcome === undefined) {
        throw new MlsError("closed", "the group was closed, or isn't one of this page");
      }
      const received = this.unpack(args, references, abort) as unknown[];
      const { result, value, transfer } = await this.call(known ?? welcome, staged, method, received);
      change = known && changeOf(known, result);
      const client = this.knownClient?.change();
      if (method === "close" && known !== undefined && staged === undefined)
        this.known.forget(group as string);
      // `pack` keeps the shape of a change and of a snapshot.
      const answer = {
        copse: "answer",
        id,
        outcome: { value },
        change: change?.value,
        client: client?.value,
      } as Unaddressed<ToPage>;
      this.post(answer, [...transfer, ...(change?.transfer ?? []), ...(client?.transfer ?? [])]);
    } catch (error) {
      // Also if the result can't be sent. An error always can, and so can a change: of a group that was loaded again.
      change ??= known && changeOf(known, undefined);
      const answer = { copse: "answer", id, outcome: { error: packError(error) }, change: change?.value };
      if (!this.isEnded) this.post(answer as Unaddressed<ToPage>);
    }
  }

  /** @returns what the method has returned, and how it is sent */
  private async call(
    target: KnownGroup | StagedWelcome | undefined,
    staged: number | undefined,
    method: string,
    args: readonly unknown[],
  ): Promise<Packed & { readonly result: unknown }> {
    const known = target instanceof KnownGroup ? target : undefined;
    const of = known === undefined ? target : staged === undefined ? known.group : known.find(staged);
    const receiver = of ?? this.client;
    const [methods, requests] = tablesFor(target, staged);
    const kind = kindIn(methods, method) ?? kindIn(requests, method);
    const property: unknown = kind && receiver && propertyOf(receiver, method);
    if (kind === undefined || property === undefined)
      throw new MlsError("usage", `${method} is not a method that a page can call`);
    const result: unknown = typeof property === "function" ? await property.apply(receiver, args) : property;
    return { result, ...this.packResult(kind, result, known) };
  }

  private packResult(kind: Kind, result: unknown, known: KnownGroup | undefined): Packed {
    // The tables in surface.ts are checked against the types of the methods: `kind` says what `result` is.
    switch (kind) {
      case "group":
        return pack(this.addGroup(result as Group).message, VALUES_ONLY, 2);
      case "found":
        return result === undefined ? pack(result, VALUES_ONLY) : this.packResult("group", result, known);
      case "groups": {
        const { group, staged, ...rest } = result as {
          readonly group: Group;
          readonly staged?: StagedCommit;
        };
        const added = this.addGroup(group);
        const described = staged && added.known.describe(staged);
        return pack({ ...rest, group: added.message, staged: described }, VALUES_ONLY, 2);
      }
      case "staged":
        return pack(known?.describe(result as StagedCommit), VALUES_ONLY, 3);
      case "welcome":
        return pack(this.addWelcome(result as StagedWelcome), VALUES_ONLY, 3);
      case "stagedList":
        return pack(
          (result as readonly StagedCommit[]).map((one) => known?.describe(one)),
          VALUES_ONLY,
          4,
        );
      case "bytes":
        return pack(result, VALUES_ONLY, 1);
      case "settled":
        return pack(packSettled(result as readonly Outcome<unknown>[]), VALUES_ONLY);
      case "value":
        return pack(result, VALUES_ONLY);
    }
  }

  private addGroup(group: Group): ReturnType<KnownGroups["add"]> {
    if (!this.isEnded) return this.known.add(group);
    // The page went away meanwhile. It never had the group; another one that shares the client may.
    const { message } = this.known.add(group);
    void this.known.release(message.id, Number.MAX_SAFE_INTEGER);
    throw new WorkerError("the page is gone");
  }

  /** Gives a name to a staged Welcome. */
  private addWelcome(welcome: StagedWelcome): WelcomeMessage {
    if (this.isEnded) {
      void welcome.discard();
      throw new WorkerError("the page is gone");
    }
    const id = randomName();
    this.welcomes.set(id, welcome);
    return { id, snapshot: gettersOf(welcome, WELCOME_GETTERS) as WelcomeSnapshot };
  }

  /** The page has dropped a group or a staged Welcome, so nobody can use it any more. */
  private async release(id: string, times = Number.MAX_SAFE_INTEGER): Promise<void> {
    await this.known.release(id, times);
    const welcome = this.welcomes.get(id);
    this.welcomes.delete(id);
    // It may have been joined or discarded: then there is nothing to overwrite.
    await welcome?.discard().catch(() => undefined);
  }

  private async close(now: boolean): Promise<void> {
    while (!now && this.running.size > 0)
      await Promise.all([...this.running.values()].map(({ ended }) => ended));
    await this.end("it closed the client");
  }

  /** The page makes no more calls: closes its groups, which overwrites their secrets. */
  private async end(reason: string): Promise<void> {
    if (this.isEnded) return;
    this.isEnded = true;
    const error = new WorkerError(`the page is gone: ${reason}`);
    this.unlisten();
    this.callbacks.rejectAll(error);
    for (const { abort } of this.running.values()) abort.abort(error);
    const open = [...this.known.ids, ...this.welcomes.keys()].map((id) => this.release(id));
    await Promise.allSettled(open);
    this.post({ copse: "closed" });
    this.channel.detach();
    this.unclaim();
    this.lock?.release();
    this.finish();
  }
}
