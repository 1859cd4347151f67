// RFC 9420 §10 to §15: the worker's side: a client and its groups, called by messages.
import { type Client, Group, type Member, MlsError } from "@copse/core";
import { encode } from "@copse/core/extension";
import { packError, WorkerError } from "./errors.js";
import { holdLifeline, type Lifeline } from "./lifeline.js";
import { type Packed, pack, unpack } from "./pack.js";
import { Pending } from "./pending.js";
import { type Channel, openChannel, type Port } from "./port.js";
import {
  type Ask,
  type GroupChange,
  type GroupSnapshot,
  isOurs,
  MemberList,
  type NewGroupMessage,
  type ToPage,
  type ToWorker,
} from "./protocol.js";
import { CLIENT_GETTERS, CLIENT_METHODS, GROUP_GETTERS, GROUP_METHODS, type Kind } from "./surface.js";

export interface ServeOptions<Options> {
  /** By which the page is reached: `self` in a Web Worker, `parentPort` in Node, or a `MessagePort` of either. */
  readonly port: Port;
  /**
   * Makes the client, with the provider, the authentication service and the signer that the worker has. Of what the
   * page gives, these functions can be called, and ask the page: `validate` of an authentication service, `sign` of
   * a signer, `externalPsk`.
   */
  make(options: Options): Client | Promise<Client>;
}

/** A client that is served. */
export interface Serving {
  /** Resolves when the page has closed it or is gone: then its groups are closed. */
  readonly closed: Promise<void>;
}

/** Serves one client by a port, for `connectClient` on the other side. Several clients take several ports. */
export function serveClient<Options = undefined>({ port, make }: ServeOptions<Options>): Serving {
  const server = new Server(port, (options) => make(options as Options));
  return { closed: server.closed };
}

/** How many questions go to the page in one message: it answers them without a chance to draw a frame between. */
const ASKS = 64;

/** Groups of all ports of this worker, since one group may follow another client's. */
const groups = new Map<string, Group>();
const realm = Math.random().toString(36).slice(2);
let made = 0;

/** What a page was told of a group. */
interface Told {
  readonly group: Group;
  snapshot: GroupSnapshot;
  /** By its identity, whether the proposals are still the same. */
  proposals: Group["proposals"];
}

class Server {
  readonly closed: Promise<void>;
  private readonly channel: Channel;
  private readonly make: (options: unknown) => Client | Promise<Client>;
  private readonly asked = new Pending();
  private readonly told = new Map<string, Told>();
  private readonly running = new Set<Promise<void>>();
  private asks: Ask[] = [];
  private started = false;
  private client: Client | undefined;
  private lifeline: Lifeline | undefined;
  private finish: () => void = () => undefined;

  constructor(port: Port, make: (options: unknown) => Client | Promise<Client>) {
    this.make = make;
    this.closed = new Promise((resolve) => {
      this.finish = resolve;
    });
    this.channel = openChannel(port, "worker", {
      message: (message) => {
        if (isOurs(message)) this.receive(message as ToWorker);
      },
      gone: (reason) => void this.end(reason),
    });
    this.post({ copse: "hello" });
  }

  private post(message: ToPage, transfer?: ArrayBuffer[]): void {
    this.channel.post(message, transfer);
  }

  private receive(message: ToWorker): void {
    switch (message.copse) {
      case "start":
        // It comes a second time where it was sent before the worker said hello, and wasn't lost.
        if (!this.started) void this.start(message.options);
        this.started = true;
        return;
      case "call": {
        const running = this.answer(message).finally(() => this.running.delete(running));
        this.running.add(running);
        return;
      }
      case "answers":
        for (const { id, outcome } of message.answers) this.asked.settle(id, outcome);
        return;
      case "release":
        this.told.delete(message.group);
        groups.delete(message.group);
        return;
      case "close":
        void this.close();
        return;
    }
  }

  private async start(options: unknown): Promise<void> {
    try {
      this.lifeline = await holdLifeline();
      if (this.lifeline !== undefined) this.post({ copse: "alive", lifeline: this.lifeline.name });
      const client = await this.make(this.unpack(options));
      this.client = client;
      const snapshot = Object.fromEntries(CLIENT_GETTERS.map((name) => [name, client[name]]));
      const { value, transfer } = pack(snapshot, SENDS_VALUES);
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
          this.ask(callback, args),
    });
  }

  /** Calls a function of the page. What is asked in one go is sent together. */
  private ask(callback: number, args: readonly unknown[]): Promise<unknown> {
    return this.asked.ask((id) => {
      if (this.asks.length === 0) void Promise.resolve().then(() => this.sendAsks());
      this.asks.push({ id, callback, args });
    });
  }

  private sendAsks(): void {
    const all = this.asks;
    this.asks = [];
    for (let at = 0; at < all.length; at += ASKS) {
      const { value, transfer } = pack(all.slice(at, at + ASKS), SENDS_VALUES);
      this.post({ copse: "ask", asks: value } as ToPage, transfer);
    }
  }

  private async answer({ id, group, method, args }: ToWorker & { copse: "call" }): Promise<void> {
    const told = group === undefined ? undefined : this.told.get(group);
    try {
      if (group !== undefined && told === undefined)
        throw new MlsError("usage", "no such group in this worker");
      const { result, value, transfer } = await this.call(told?.group, method, args);
      const change = told && changeOf(told, result);
      const answer = { copse: "answer", id, outcome: { value }, change: change?.value } as ToPage;
      this.post(answer, [...transfer, ...(change?.transfer ?? [])]);
    } catch (error) {
      // Also where what a call gave can't be sent.
      this.post({ copse: "answer", id, outcome: { error: packError(error) } });
    }
  }

  private async call(group: Group | undefined, method: string, args: unknown) {
    const receiver = (group ?? this.client) as unknown as Record<string, unknown>;
    const sent = this.unpack(args) as unknown[];
    if (group !== undefined && method === "ratchetTree") {
      return { result: undefined, ...pack(group.ratchetTree, SENDS_VALUES, 1) };
    }
    const kinds: Readonly<Record<string, Kind>> = group === undefined ? CLIENT_METHODS : GROUP_METHODS;
    const kind = Object.hasOwn(kinds, method) ? kinds[method] : undefined;
    const call = receiver?.[method];
    if (kind === undefined || typeof call !== "function") throw new MlsError("usage", `no method ${method}`);
    const result: unknown = await call.apply(receiver, sent);
    return { result, ...this.packResult(kind, result) };
  }

  private packResult(kind: Kind, result: unknown) {
    switch (kind) {
      case "group":
        return pack(this.introduce(result as Group), SENDS_VALUES, 2);
      case "groups": {
        const { group, ...rest } = result as { readonly group: Group };
        return pack({ ...rest, group: this.introduce(group) }, SENDS_VALUES, 2);
      }
      case "bytes":
        return pack(result, SENDS_VALUES, 1);
      case "messages":
        return pack(result, SENDS_VALUES, 2);
      case "value":
        return pack(result, SENDS_VALUES);
    }
  }

  /** A group that the page doesn't know yet. */
  private introduce(group: Group): NewGroupMessage {
    const id = `${realm} ${made++}`;
    groups.set(id, group);
    const snapshot = snapshotOf(group);
    this.told.set(id, { group, snapshot, proposals: group.proposals });
    return { id, snapshot, members: encode(MemberList, group.members) };
  }

  private async close(): Promise<void> {
    while (this.running.size > 0) await Promise.all(this.running);
    await this.end("it was closed");
    this.post({ copse: "closed" });
    this.channel.detach();
  }

  /** Nobody will call any more: what is secret is overwritten. */
  private async end(reason: string): Promise<void> {
    this.asked.rejectAll(new WorkerError(`the page is gone: ${reason}`));
    const open = [...this.told.values()];
    for (const id of this.told.keys()) groups.delete(id);
    this.told.clear();
    await Promise.allSettled(open.map(({ group }) => group.close()));
    this.lifeline?.release();
    this.finish();
  }
}

/** For what goes to a page: groups are introduced before, and it has no use for functions. */
const SENDS_VALUES = {
  group(value: object): undefined {
    if (value instanceof Group) throw new MlsError("usage", "a group stays in its worker");
  },
  callback(): never {
    throw new MlsError("usage", "a function stays in its worker");
  },
};

/** @throws MlsError `usage` */
function findGroup(id: string): Group {
  const group = groups.get(id);
  if (group === undefined)
    throw new MlsError("usage", "the group is in another worker, or closed with its client");
  return group;
}

function snapshotOf(group: Group): GroupSnapshot {
  const snapshot = Object.fromEntries(GROUP_GETTERS.map((name) => [name, group[name]])) as GroupSnapshot;
  // Private keys of own Updates lie beside them, and stay here.
  const proposals = group.proposals.map(({ proposal, sender, reference }) => ({
    proposal,
    sender,
    reference,
  }));
  return { ...snapshot, proposals };
}

/** What the page doesn't know yet of a group, after a call of it. */
function changeOf(told: Told, result: unknown): Packed | undefined {
  const { group, snapshot: last, proposals } = told;
  const leaves = isCommit(result) ? leavesOf(result) : [];
  const same =
    leaves.length === 0 &&
    group.epoch === last.epoch &&
    group.active === last.active &&
    group.hasPendingCommit === last.hasPendingCommit &&
    group.proposals === proposals;
  if (same) return undefined;
  told.snapshot = snapshotOf(group);
  told.proposals = group.proposals;
  const members = leaves.map((leafIndex) => [leafIndex, group.member(leafIndex)] as const);
  return pack({ snapshot: told.snapshot, members } satisfies GroupChange, SENDS_VALUES);
}

interface Commit {
  readonly kind: "commit";
  readonly committer: Member;
  readonly added: readonly Member[];
  readonly removed: readonly Member[];
  readonly updated: readonly Member[];
}

function isCommit(result: unknown): result is Commit {
  return (result as Partial<Commit> | undefined)?.kind === "commit";
}

/** The leaves that a commit has changed, each once. */
function leavesOf({ committer, added, removed, updated }: Commit): number[] {
  return [...new Set([committer, ...added, ...removed, ...updated].map(({ leafIndex }) => leafIndex))];
}
