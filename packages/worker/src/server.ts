// RFC 9420 doesn't cover this: the worker's side of the messages between a page and a worker.
import { type Client, type Group, MlsError } from "@copse/core";
import { encode } from "@copse/core/extension";
import { packError, WorkerError } from "./errors.js";
import { type Packed, pack, unpack } from "./pack.js";
import { PendingRequests } from "./pending.js";
import { type Channel, openChannel, type Port } from "./port.js";
import {
  type CallbackRequest,
  isProtocolMessage,
  MemberList,
  type NewGroupMessage,
  type ToPage,
  type ToWorker,
} from "./protocol.js";
import { changeOf, type KnownGroup, knownGroup, VALUES_ONLY } from "./snapshot.js";
import { CLIENT_GETTERS, CLIENT_METHODS, GROUP_METHODS, type Kind } from "./surface.js";
import { holdWorkerLock, type WorkerLock } from "./worker-lock.js";

/** How many callback requests go in one message. The page can't draw a frame while it answers one message. */
const REQUESTS_PER_MESSAGE = 64;

/** The groups of all ports of this worker: a group may be given to the client of another port (`reinitialize`). */
const groups = new Map<string, Group>();
/** Part of each group's ID, so that a group of another worker isn't taken for one of this worker. */
const workerId = Math.random().toString(36).slice(2);
let groupCount = 0;

/** Serves one client to one page. */
export class Server {
  readonly closed: Promise<void>;
  private readonly channel: Channel;
  private readonly make: (options: unknown) => Client | Promise<Client>;
  private readonly callbacks = new PendingRequests();
  /** The groups that the page has, by their IDs. */
  private readonly known = new Map<string, KnownGroup>();
  private readonly running = new Set<Promise<void>>();
  private requests: CallbackRequest[] = [];
  private started = false;
  private client: Client | undefined;
  private lock: WorkerLock | undefined;
  private finish: () => void = () => undefined;

  constructor(port: Port, make: (options: unknown) => Client | Promise<Client>) {
    this.make = make;
    this.closed = new Promise((resolve) => {
      this.finish = resolve;
    });
    this.channel = openChannel(port, "worker", {
      message: (message) => {
        if (isProtocolMessage<ToWorker>(message)) this.receive(message);
      },
      gone: (reason) => void this.end(reason),
    });
    this.post({ copse: "ready" });
  }

  private post(message: ToPage, transfer?: ArrayBuffer[]): void {
    this.channel.post(message, transfer);
  }

  private receive(message: ToWorker): void {
    switch (message.copse) {
      case "start":
        // The page sends it at once, and again when the worker is ready: the first one may be lost.
        if (!this.started) void this.start(message.options);
        this.started = true;
        return;
      case "call": {
        const running = this.answer(message).finally(() => this.running.delete(running));
        this.running.add(running);
        return;
      }
      case "callback-answers":
        for (const { id, outcome } of message.answers) this.callbacks.settle(id, outcome);
        return;
      case "release":
        this.known.delete(message.group);
        groups.delete(message.group);
        return;
      case "close":
        void this.close();
        return;
    }
  }

  private async start(options: unknown): Promise<void> {
    try {
      this.lock = await holdWorkerLock();
      if (this.lock !== undefined) this.post({ copse: "lock", name: this.lock.name });
      const client = await this.make(this.unpack(options));
      this.client = client;
      const snapshot = Object.fromEntries(CLIENT_GETTERS.map((name) => [name, client[name]]));
      const { value, transfer } = pack(snapshot, VALUES_ONLY);
      // `pack` keeps the shape of a snapshot.
      this.post({ copse: "started", client: value } as ToPage, transfer);
    } catch (error) {
      this.post({ copse: "failed", error: packError(error) });
    }
  }

  private unpack(value: unknown): unknown {
    return unpack(value, {
      group: findGroup,
      callback:
        (callback) =>
        (...args) =>
          this.callPage(callback, args),
    });
  }

  /** Calls a function of the page. Requests that are made in one go are sent together. */
  private callPage(callback: number, args: readonly unknown[]): Promise<unknown> {
    return this.callbacks.request((id) => {
      if (this.requests.length === 0) void Promise.resolve().then(() => this.sendRequests());
      this.requests.push({ id, callback, args });
    });
  }

  private sendRequests(): void {
    const all = this.requests;
    this.requests = [];
    for (let at = 0; at < all.length; at += REQUESTS_PER_MESSAGE) {
      const { value, transfer } = pack(all.slice(at, at + REQUESTS_PER_MESSAGE), VALUES_ONLY);
      // `pack` keeps the shape of the requests.
      this.post({ copse: "callbacks", requests: value } as ToPage, transfer);
    }
  }

  /** Carries out a call of the page and posts the answer, with what has changed in the group. */
  private async answer({ id, group, method, args }: ToWorker & { copse: "call" }): Promise<void> {
    const known = group === undefined ? undefined : this.known.get(group);
    try {
      if (group !== undefined && known === undefined)
        throw new MlsError("usage", "the group isn't in this worker, or was released");
      const { result, value, transfer } = await this.call(known?.group, method, args);
      const change = known && changeOf(known, result);
      // `pack` keeps the shape of a change.
      const answer = { copse: "answer", id, outcome: { value }, change: change?.value } as ToPage;
      this.post(answer, [...transfer, ...(change?.transfer ?? [])]);
    } catch (error) {
      // Also if the result can't be sent.
      this.post({ copse: "answer", id, outcome: { error: packError(error) } });
    }
  }

  /** @returns what the method has returned, and how it is sent */
  private async call(
    group: Group | undefined,
    method: string,
    args: unknown,
  ): Promise<Packed & { readonly result: unknown }> {
    const receiver = group ?? this.client;
    // The page sends the arguments of a call as an array.
    const received = this.unpack(args) as unknown[];
    if (group !== undefined && method === "ratchetTree") {
      return { result: undefined, ...pack(group.ratchetTree, VALUES_ONLY, 1) };
    }
    const kinds: Readonly<Record<string, Kind>> = group === undefined ? CLIENT_METHODS : GROUP_METHODS;
    const kind = Object.hasOwn(kinds, method) ? kinds[method] : undefined;
    const call: unknown = receiver && Reflect.get(receiver, method);
    if (kind === undefined || typeof call !== "function")
      throw new MlsError("usage", `${method} is not a method that a page can call`);
    const result: unknown = await call.apply(receiver, received);
    return { result, ...this.packResult(kind, result) };
  }

  private packResult(kind: Kind, result: unknown): Packed {
    // The tables in surface.ts are checked against the types of the methods: `kind` says what `result` is.
    switch (kind) {
      case "group":
        return pack(this.addGroup(result as Group), VALUES_ONLY, 2);
      case "groups": {
        const { group, ...rest } = result as { readonly group: Group };
        return pack({ ...rest, group: this.addGroup(group) }, VALUES_ONLY, 2);
      }
      case "bytes":
        return pack(result, VALUES_ONLY, 1);
      case "messages":
        return pack(result, VALUES_ONLY, 2);
      case "value":
        return pack(result, VALUES_ONLY);
    }
  }

  /** Gives an ID to a group that the page doesn't know yet. */
  private addGroup(group: Group): NewGroupMessage {
    const id = `${workerId} ${groupCount++}`;
    groups.set(id, group);
    const known = knownGroup(group);
    this.known.set(id, known);
    return { id, snapshot: known.snapshot, members: encode(MemberList, group.members) };
  }

  private async close(): Promise<void> {
    while (this.running.size > 0) await Promise.all(this.running);
    await this.end("it closed the client");
    this.post({ copse: "closed" });
    this.channel.detach();
  }

  /** The page makes no more calls: closes its groups, which overwrites their secrets. */
  private async end(reason: string): Promise<void> {
    this.callbacks.rejectAll(new WorkerError(`the page is gone: ${reason}`));
    const open = [...this.known.values()];
    for (const id of this.known.keys()) groups.delete(id);
    this.known.clear();
    await Promise.allSettled(open.map(({ group }) => group.close()));
    this.lock?.release();
    this.finish();
  }
}

/** @throws MlsError `usage` */
function findGroup(id: string): Group {
  const group = groups.get(id);
  if (group === undefined)
    throw new MlsError(
      "usage",
      "expected a group of this worker, got one of another worker or a closed client",
    );
  return group;
}
