// RFC 9420 doesn't cover this: the page's side of the messages between a page and a worker.
import { type AbortSignalLike, MlsError } from "@copse/core";
import { later, onAbort } from "./abort.js";
import { packError, unpackError, unpackSettled, WorkerError } from "./errors.js";
import { pack, type Sender } from "./pack.js";
import { PageFunctions } from "./page-functions.js";
import { PendingRequests } from "./pending.js";
import { type Channel, claimPort, openChannel, type Port } from "./port.js";
import {
  type ClientSnapshot,
  isReady,
  messageToPage,
  NewGroupMessage,
  StagedMessage,
  StagedMessages,
  type ToPage,
  type ToWorker,
  WelcomeMessage,
} from "./protocol.js";
import { randomName } from "./random-name.js";
import { type Remote, RemoteGroup, RemoteStaged, RemoteWelcome } from "./remote.js";
import { bytes, ownValue } from "./schema.js";
import type { Kind, WorkerGroup, WorkerStagedCommit, WorkerStagedWelcome } from "./surface.js";
import { watchWorkerLock } from "./worker-lock.js";

/**
 * How long an aborted call waits for the worker's answer, in milliseconds. The answer tells what became of the call, and
 * comes at once unless the worker is busy.
 */
const ABORT_TIME = 2000;

/** A message without its connection, which `post` adds. */
type Unaddressed<M> = M extends unknown ? Omit<M, "connection"> : never;

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

function addStaged(group: RemoteGroup, message: StagedMessage): WorkerStagedCommit {
  // Its methods and getters are defined from the tables in surface.ts, which the compiler doesn't see.
  return new RemoteStaged(group, message) as RemoteStaged & WorkerStagedCommit;
}

/** A group or a staged Welcome that this page has, and how many times it was sent. */
interface Held {
  readonly id: string;
  times: number;
}

/** The connection of a page to one client in a worker. */
export class Connection implements Remote {
  private readonly name = randomName();
  private readonly channel: Channel;
  private readonly unclaim: () => void;
  private readonly calls = new PendingRequests();
  /** The groups whose calls have no answer yet, by the number of the call. */
  private readonly callers = new Map<number, RemoteGroup>();
  /** The functions that the worker may call. */
  private readonly callbacks = new PageFunctions(
    () => this.sender(),
    (answers) => {
      if (this.endError === undefined) this.post({ copse: "callback-answers", answers });
    },
  );
  /** The groups that this page has. Who asks for one twice gets the same object. */
  private readonly groups = new Map<string, WeakRef<RemoteGroup & WorkerGroup>>();
  private readonly held = new WeakMap<RemoteGroup, Held>();
  private readonly unreferenced: FinalizationRegistry<Held>;
  readonly listeners = new Set<() => void>();
  private readonly start = defer<void>();
  private readonly end = defer<Error | undefined>();
  private readonly closed = defer<void>();
  /** What the worker said last of its client: from its start on. */
  private snapshot: ClientSnapshot | undefined;
  /** Whether the client has a storage, once it has {@link started}. */
  isStored = false;
  private isClosing = false;
  /** Set once there is no worker any more: what all calls reject with. */
  private endError: Error | undefined;

  constructor(port: Port, options: unknown) {
    this.unreferenced = new FinalizationRegistry(({ id, times }) => {
      if (this.groups.get(id)?.deref() === undefined) this.groups.delete(id);
      if (this.endError === undefined) this.post({ copse: "release", group: id, times });
    });
    // Packed before the channel opens: if this throws, there are no listeners to remove.
    const packed = pack(options, this.sender());
    const started = { copse: "start", options: packed.value, references: packed.references } as const;
    this.unclaim = claimPort(port, "page");
    this.channel = openChannel(port, "page", {
      message: (message) => {
        if (isReady(message)) {
          if (this.snapshot === undefined) this.post(started);
          return;
        }
        const checked = messageToPage(message, this.name);
        if (checked === "malformed") this.giveUp("it sent a malformed message");
        else if (checked !== undefined) this.receive(checked);
      },
      gone: (reason, cause) => this.giveUp(reason, cause),
    });
    this.post(started);
  }

  /** Resolves when the worker has made its client. */
  get started(): Promise<void> {
    return this.start.promise;
  }

  /** What the worker said last of its client, once it has {@link started}. */
  get client(): ClientSnapshot {
    return this.snapshot as ClientSnapshot;
  }

  /** Resolves when there is no client any more: to the error, or to `undefined` if it was closed. */
  get ended(): Promise<Error | undefined> {
    return this.end.promise;
  }

  /** What `pack` asks. @param signal takes note of a call's signal; without it none can be sent */
  private sender(signal?: (signal: AbortSignalLike) => void): Sender {
    return {
      group: (value) => (value instanceof RemoteGroup ? value.id : undefined),
      callback: (call) => this.callbacks.keep(call),
      signal: (one) => {
        if (signal === undefined)
          throw new MlsError("usage", "expected a signal in the options of a call only");
        signal(one);
      },
    };
  }

  /** Calls a method in the worker. When this resolves, the group has the snapshot that came with the answer. */
  async call(
    target: RemoteGroup | RemoteStaged | RemoteWelcome | undefined,
    method: string,
    kind: Kind,
    args: unknown[],
  ): Promise<unknown> {
    if (this.endError !== undefined) throw this.endError;
    if (this.isClosing) throw new WorkerError("the client was closed");
    const staged = target instanceof RemoteStaged ? target : undefined;
    const receiver = target instanceof RemoteStaged ? target.group : target;
    const group = receiver instanceof RemoteWelcome ? undefined : receiver;
    let signal: AbortSignalLike | undefined;
    const packed = pack(
      args,
      this.sender((one) => {
        signal = one;
      }),
    );
    // The worker might be done before it learns of it.
    if (signal?.aborted === true)
      throw new MlsError("try-again", "the signal was aborted before the call", { cause: signal.reason });
    let stopWatching: () => void = () => undefined;
    let stopWaiting: () => void = () => undefined;
    try {
      const value = await this.calls.request((id) => {
        this.postCall(
          {
            id,
            group: receiver?.id,
            staged: staged?.id,
            method,
            args: packed.value as unknown[],
            references: packed.references,
          },
          packed.transfer,
        );
        if (group !== undefined) this.callers.set(id, group);
        stopWatching = onAbort(signal, (reason) => {
          this.post({ copse: "abort", id, reason: packError(reason) });
          stopWaiting = later(ABORT_TIME, () => {
            const message = `the worker didn't answer after the signal was aborted: whether it did ${method} isn't known`;
            this.calls.reject(id, new MlsError("try-again", message, { cause: reason }));
          });
        });
      });
      return this.resultOf(kind, value, group);
    } finally {
      stopWatching();
      stopWaiting();
    }
  }

  private postCall(
    call: Omit<Extract<ToWorker, { copse: "call" }>, "copse" | "connection">,
    transfer: ArrayBuffer[],
  ): void {
    try {
      this.post({ copse: "call", ...call }, transfer);
    } catch (cause) {
      throw new MlsError("usage", `the arguments of ${call.method} can't be sent to a worker`, { cause });
    }
  }

  /** What a method returns, from what the worker has answered. */
  private resultOf(kind: Kind, value: unknown, of: RemoteGroup | undefined): unknown {
    switch (kind) {
      case "value":
        return value;
      case "bytes":
        if (bytes(value)) return value;
        break;
      case "settled": {
        const settled = unpackSettled(value);
        if (settled !== undefined) return settled;
        break;
      }
      case "staged":
        if (StagedMessage(value) && of !== undefined) return addStaged(of, value);
        break;
      case "stagedList":
        if (StagedMessages(value) && of !== undefined) return value.map((one) => addStaged(of, one));
        break;
      case "welcome":
        if (WelcomeMessage(value)) return this.addWelcome(value);
        break;
      case "found":
      case "group":
        if (value === undefined && kind === "found") return undefined;
        if (NewGroupMessage(value)) return this.addGroup(value);
        break;
      case "groups": {
        const [group, staged] = [ownValue(value, "group"), ownValue(value, "staged")];
        if (!NewGroupMessage(group) || !(staged === undefined || StagedMessage(staged))) break;
        const added = this.addGroup(group);
        return { ...(value as object), group: added, ...(staged && { staged: addStaged(added, staged) }) };
      }
    }
    throw this.giveUp(`it answered with something else than the method returns (${kind})`);
  }

  private addGroup(message: NewGroupMessage): RemoteGroup & WorkerGroup {
    const { id } = message;
    const known = this.groups.get(id)?.deref();
    if (known !== undefined) {
      known.renew(message);
      (this.held.get(known) as Held).times++;
      return known;
    }
    // The methods of WorkerGroup are defined from the tables in surface.ts, which the compiler doesn't see.
    const group = new RemoteGroup(this, message) as RemoteGroup & WorkerGroup;
    const held = { id, times: 1 };
    this.groups.set(id, new WeakRef(group));
    this.held.set(group, held);
    this.unreferenced.register(group, held);
    return group;
  }

  private addWelcome(message: WelcomeMessage): WorkerStagedWelcome {
    const welcome = new RemoteWelcome(this, message) as RemoteWelcome & WorkerStagedWelcome;
    this.unreferenced.register(welcome, { id: message.id, times: 1 });
    return welcome;
  }

  close(signal?: AbortSignalLike): Promise<void> {
    if (this.endError !== undefined) return Promise.resolve();
    if (!this.isClosing) {
      this.isClosing = true;
      this.post({ copse: "close", now: false });
    }
    const stopWatching = onAbort(signal, () => {
      if (this.endError !== undefined) return;
      this.post({ copse: "close", now: true });
      this.finish(undefined);
    });
    return this.closed.promise.finally(stopWatching);
  }

  private post(message: Unaddressed<ToWorker>, transfer?: ArrayBuffer[]): void {
    this.channel.post({ ...message, connection: this.name }, transfer);
  }

  private receive(message: ToPage): void {
    switch (message.copse) {
      case "lock":
        watchWorkerLock(message.name, () => this.giveUp("it was terminated"));
        return;
      case "started":
        this.snapshot = message.client;
        this.isStored = message.stored;
        this.start.resolve();
        return;
      case "failed":
        this.finish(unpackError(message.error));
        return;
      case "answer": {
        this.takeAnswer(message);
        return;
      }
      case "callbacks":
        for (const request of message.requests) void this.callbacks.answer(request);
        return;
      case "forget":
        this.callbacks.forget(message.callbacks);
        return;
      case "changed":
        this.takeChanges(message);
        return;
      case "closed":
        this.finish(undefined);
        return;
    }
  }

  private takeChanges({ groups, client }: Extract<ToPage, { copse: "changed" }>): void {
    if (client !== undefined) this.snapshot = client;
    for (const { id, change } of groups) {
      // One that this page has dropped is no affair of its any more.
      if (this.groups.get(id)?.deref()?.change(change) === false)
        return void this.refuse("a change of a proposal that this page doesn't have");
    }
    for (const listener of this.listeners)
      void Promise.resolve()
        .then(listener)
        .catch(() => undefined);
  }

  private takeAnswer({ id, outcome, change, client }: Extract<ToPage, { copse: "answer" }>): void {
    if (client !== undefined) this.snapshot = client;
    const isWhole = change === undefined || this.callers.get(id)?.change(change) !== false;
    this.callers.delete(id);
    if (!isWhole) {
      this.refuse("a change of a proposal that this page doesn't have");
      return;
    }
    if (this.calls.settle(id, outcome) || "error" in outcome) return;
    // The call was given up. Nobody else has the group or the staged Welcome that it made.
    for (const value of [outcome.value, ownValue(outcome.value, "group")]) {
      if (NewGroupMessage(value) || WelcomeMessage(value))
        this.post({ copse: "release", group: value.id, times: 1 });
    }
  }

  /** Gives up a worker, because what it sent isn't what it must be. @returns the error to throw */
  refuse(what: string): WorkerError {
    return this.giveUp(`it sent ${what}`);
  }

  /** The worker is gone, or has broken the protocol. @returns what open calls reject with */
  private giveUp(reason: string, cause?: unknown): WorkerError {
    const error = new WorkerError(`the worker is gone: ${reason}`, { cause });
    this.finish(error);
    return error;
  }

  /** There is no client any more. @param error why; `undefined` if it was closed */
  private finish(error: Error | undefined): void {
    if (this.endError !== undefined) return;
    this.endError = error ?? new WorkerError("the client was closed");
    this.channel.detach();
    this.unclaim();
    this.callers.clear();
    this.callbacks.end();
    this.listeners.clear();
    this.calls.rejectAll(this.endError);
    this.start.reject(this.endError);
    this.end.resolve(error);
    this.closed.resolve();
  }
}
