// Somebody who keeps to MLS, and not to what the service or the group expects: with a group of the core instead of a messenger.
import {
  type Bytes,
  Client,
  type Group,
  generateSigner,
  insecureAcceptAll,
  type Member,
  type Signer,
} from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import type { Cursor, DeliveryService, EpochKeySource, Handshake, LogEntry } from "@copse/delivery";
import { epochKey } from "../../src/messenger/epoch-key.js";
import { NAME_EXTENSION } from "../../src/messenger/name.js";
import { textOf, unframed } from "../../src/messenger/wire.js";
import { logOf } from "./mallory.js";
import { crypto, SUITE } from "./people.js";

const LAST_RESORT = 0x000a;
export const provider = crypto.suite(SUITE);
export const newId = (): string => Buffer.from(provider.random(16)).toString("hex");

export async function outlaw(name: string, chosen?: Signer): Promise<Client> {
  return Client.create({
    crypto,
    suite: SUITE,
    credential: name,
    signer: chosen ?? (await generateSigner(crypto, SUITE)),
    authentication: insecureAcceptAll(),
    capabilities: { extensions: [NAME_EXTENSION, LAST_RESORT] },
  });
}

/** A member's group, as it is now, in the hands of an outlaw. */
export async function copyOf(group: Group | undefined, name: string, signer: Signer): Promise<Group> {
  if (group === undefined) throw new Error("expected a member");
  return (await outlaw(name, signer)).restore(await group.save());
}

/** The members of these users, as `remove` takes them. */
export const isNamed =
  (...names: readonly string[]) =>
  ({ credential }: Pick<Member, "credential">): boolean =>
    "identity" in credential && names.includes(textOf(credential.identity));

const unreadable = (message: Uint8Array) => Uint8Array.of(255, ...message);
const shown = (entry: LogEntry): LogEntry => ({ ...entry, message: entry.message.slice(1) });

/** A service that doesn't look at the framing of messages: it can't read it. */
export function careless(service: DeliveryService): DeliveryService {
  const { submit, send, subscribe } = service;
  service.submit = async (handshake, options) => {
    const message = unreadable(handshake.message);
    const answer = await submit.call(service, { ...handshake, message }, options);
    return answer.kind === "stale" ? { ...answer, first: shown(answer.first) } : answer;
  };
  service.send = (message, options) =>
    send.call(service, { ...message, message: unreadable(message.message) }, options);
  service.subscribe = async function* (what) {
    for await (const { entries, behind } of subscribe.call(service, what))
      yield { entries: entries.map(shown), behind };
  };
  return service;
}

/** A service that answers for one client as somebody else wants. */
export const turned = (service: DeliveryService, how: Partial<DeliveryService>): DeliveryService =>
  new Proxy(service, {
    get: (target, name: keyof DeliveryService) => {
      const value: unknown = how[name] ?? target[name];
      return typeof value === "function" ? value.bind(target) : value;
    },
  });

/** What an outlaw does at the service with a group of its own. */
export class Schemer {
  readonly service: DeliveryService;
  readonly group: Group;
  after: Cursor;
  /** What it could read. */
  readonly read: string[] = [];
  readonly #key: EpochKeySource;

  private constructor(service: DeliveryService, group: Group, after: Cursor) {
    this.service = service;
    this.group = group;
    this.after = after;
    const held = epochKey(provider, group.epoch, group);
    this.#key = () => held;
  }

  static async at(service: DeliveryService, group: Group): Promise<Schemer> {
    const log = await logOf(service, group.groupId, () => epochKey(provider, group.epoch, group));
    const last = log.filter(({ kind }) => kind === "handshake").at(-1);
    return new Schemer(service, group, last?.cursor ?? "");
  }

  /** The staged commit as a handshake, but for what is given. */
  async handshake(given: Partial<Handshake> = {}): Promise<Handshake> {
    const [staged] = this.group.staged;
    if (staged === undefined) throw new Error("expected a commit");
    const { epoch, suite, publicKey } = await epochKey(provider, staged.epoch, staged);
    return {
      id: newId(),
      groupId: this.group.groupId,
      epoch: this.group.epoch,
      after: this.after,
      message: staged.commit,
      groupInfo: await staged.groupInfo(),
      welcomes: [],
      nextKey: { epoch, suite, publicKey },
      key: this.#key,
      ...given,
    };
  }

  /** Submits it. @returns what became of it */
  async submit(handshake: Handshake): Promise<string> {
    const answer = await this.service.submit(handshake);
    if (answer.kind === "accepted") this.after = answer.cursor;
    return answer.kind;
  }

  /** Submits commits of new keys, one on top of the other. */
  async fork(count: number, first: Parameters<Group["commit"]>[0] = {}): Promise<void> {
    for (let i = 0; i < count; i++) {
      await this.group.commit({ forcePath: true, ...(i === 0 && first) });
      await this.submit(await this.handshake());
      await this.group.mergePendingCommit();
    }
  }

  async send(message: Bytes): Promise<void> {
    const { groupId, epoch } = this.group;
    await this.service.send({ id: newId(), groupId, epoch, message, key: this.#key });
  }

  /** Reads all that the service has now. */
  async readAll(): Promise<void> {
    for (const entry of await logOf(this.service, this.group.groupId)) await this.#read(entry);
  }

  async #read({ message }: LogEntry): Promise<void> {
    try {
      const received = await this.group.receive(message);
      const said = received.kind === "application" ? unframed(received.data) : undefined;
      if (said !== undefined) this.read.push(textOf(said.content));
    } catch {
      // Not for it.
    }
  }
}

/** Joins by an external commit. @param resync in the place of the leaf that has the same key */
export async function joinFromOutside(
  client: Client,
  service: DeliveryService,
  groupId: Uint8Array,
  resync = false,
): Promise<void> {
  const published = await service.groupInfo(groupId);
  if (published === undefined) throw new Error("expected a GroupInfo");
  const { group } = await joinByExternalCommit(client, published.groupInfo, { resync });
  const [staged] = group.staged;
  if (staged === undefined) throw new Error("expected a commit");
  const { epoch, suite, publicKey } = await epochKey(provider, staged.epoch, staged);
  const { kind } = await service.submit({
    id: newId(),
    groupId,
    epoch: staged.epoch - 1n,
    after: published.handshake,
    message: staged.commit,
    groupInfo: await staged.groupInfo(),
    welcomes: [],
    nextKey: { epoch, suite, publicKey },
  });
  if (kind !== "accepted") throw new Error(`expected it to be accepted, got ${kind}`);
}
