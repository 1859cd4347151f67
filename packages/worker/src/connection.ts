// RFC 9420 doesn't cover this: the page's side of the messages between a page and a worker.
import { MlsError } from "@copse/core";
import { packError, unpackError, WorkerError } from "./errors.js";
import { pack } from "./pack.js";
import { type Outcome, PendingRequests } from "./pending.js";
import { type Channel, openChannel, type Port } from "./port.js";
import {
  type CallbackRequest,
  type ClientSnapshot,
  isProtocolMessage,
  type NewGroupMessage,
  type ToPage,
  type ToWorker,
} from "./protocol.js";
import { type Remote, RemoteGroup } from "./remote.js";
import type { Kind, WorkerGroup } from "./surface.js";
import { watchWorkerLock } from "./worker-lock.js";

type Callback = (...args: readonly unknown[]) => unknown;

/** A promise, and the functions that settle it. */
function defer<T>() {
  // The Promise constructor assigns both before it returns.
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

/** The connection of a page to one client in a worker. */
export class Connection implements Remote {
  private readonly channel: Channel;
  private readonly calls = new PendingRequests();
  /** The groups whose calls have no answer yet, by the number of the call. */
  private readonly callers = new Map<number, RemoteGroup>();
  private readonly callbacks: Callback[] = [];
  private readonly unreferenced: FinalizationRegistry<string>;
  private readonly start = defer<ClientSnapshot>();
  private readonly end = defer<Error | undefined>();
  private readonly closed = defer<void>();
  private isStarted = false;
  private isClosing = false;
  /** Set once there is no worker any more: what all calls reject with. */
  private endError: Error | undefined;

  constructor(port: Port, options: unknown) {
    this.unreferenced = new FinalizationRegistry((group) => {
      if (this.endError === undefined) this.post({ copse: "release", group });
    });
    // Packed before the channel opens: if this throws, there are no listeners to remove.
    const packed = pack(options, this);
    this.channel = openChannel(port, "page", {
      message: (message) => {
        if (isProtocolMessage<ToPage>(message)) this.receive(message, packed.value);
      },
      gone: (reason, cause) => this.finish(new WorkerError(`the worker is gone: ${reason}`, { cause })),
    });
    this.post({ copse: "start", options: packed.value });
  }

  /** Resolves when the worker has made its client. */
  get started(): Promise<ClientSnapshot> {
    return this.start.promise;
  }

  /** Resolves when there is no client any more: to the error, or to `undefined` if it was closed. */
  get ended(): Promise<Error | undefined> {
    return this.end.promise;
  }

  /** For `pack`: the ID of a group. */
  group(value: object): string | undefined {
    return value instanceof RemoteGroup ? value.id : undefined;
  }

  /** For `pack`: keeps a function that the worker may call. */
  callback(call: Callback): number {
    return this.callbacks.push(call) - 1;
  }

  /** Calls a method in the worker. When this resolves, the group has the snapshot that came with the answer. */
  async call(group: RemoteGroup | undefined, method: string, kind: Kind, args: unknown[]): Promise<unknown> {
    if (this.endError !== undefined) throw this.endError;
    if (this.isClosing) throw new WorkerError("the client was closed");
    const packed = pack(args, this);
    const value = await this.calls.request((id) => {
      try {
        this.post({ copse: "call", id, group: group?.id, method, args: packed.value }, packed.transfer);
      } catch (cause) {
        throw new MlsError("usage", `the arguments of ${method} can't be sent to a worker`, { cause });
      }
      if (group !== undefined) this.callers.set(id, group);
    });
    // The worker answers a method of these kinds with a NewGroupMessage, alone or as `group`.
    if (kind === "group") return this.addGroup(value as NewGroupMessage);
    if (kind !== "groups") return value;
    const { group: added, ...rest } = value as { readonly group: NewGroupMessage };
    return { ...rest, group: this.addGroup(added) };
  }

  private addGroup(message: NewGroupMessage): WorkerGroup {
    // The methods of WorkerGroup are defined from the tables in surface.ts, which the compiler doesn't see.
    const group = new RemoteGroup(this, message) as RemoteGroup & WorkerGroup;
    this.unreferenced.register(group, message.id);
    return group;
  }

  close(): Promise<void> {
    if (this.endError !== undefined) return Promise.resolve();
    if (!this.isClosing) {
      this.isClosing = true;
      this.post({ copse: "close" });
    }
    return this.closed.promise;
  }

  private post(message: ToWorker, transfer?: ArrayBuffer[]): void {
    this.channel.post(message, transfer);
  }

  private receive(message: ToPage, options: unknown): void {
    switch (message.copse) {
      case "ready":
        if (!this.isStarted) this.post({ copse: "start", options });
        return;
      case "lock":
        watchWorkerLock(message.name, () =>
          this.finish(new WorkerError("the worker is gone: it was terminated")),
        );
        return;
      case "started":
        this.isStarted = true;
        this.start.resolve(message.client);
        return;
      case "failed":
        this.finish(unpackError(message.error));
        return;
      case "answer": {
        const { id, outcome, change } = message;
        if (change !== undefined) this.callers.get(id)?.change(change);
        this.callers.delete(id);
        this.calls.settle(id, outcome);
        return;
      }
      case "callbacks":
        void this.answer(message.requests);
        return;
      case "closed":
        this.finish(undefined);
        return;
    }
  }

  /** Calls the functions that the worker asks for, and posts their results in one message. */
  private async answer(requests: readonly CallbackRequest[]): Promise<void> {
    const answers = await Promise.all(
      requests.map(async ({ id, callback, args }) => ({ id, outcome: await this.outcomeOf(callback, args) })),
    );
    if (this.endError !== undefined) return;
    try {
      this.post({ copse: "callback-answers", answers });
    } catch (cause) {
      const error = packError(
        new MlsError("usage", "the result of a callback can't be sent to a worker", { cause }),
      );
      this.post({
        copse: "callback-answers",
        answers: answers.map(({ id }) => ({ id, outcome: { error } })),
      });
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

  /** There is no client any more. @param error why; `undefined` if it was closed */
  private finish(error: Error | undefined): void {
    if (this.endError !== undefined) return;
    this.endError = error ?? new WorkerError("the client was closed");
    this.channel.detach();
    this.callers.clear();
    this.calls.rejectAll(this.endError);
    this.start.reject(this.endError);
    this.end.resolve(error);
    this.closed.resolve();
  }
}
