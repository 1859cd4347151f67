// RFC 9420 §9.2: Alice's process, which is killed at any moment. Each line that it writes is what a call answered.
import { writeSync } from "node:fs";
import { type Group, insecureAcceptAll, MlsError, toHex } from "@copse/core";
import { openClient, type StoredClient } from "@copse/core/storage";
import { nodeProvider } from "@copse/provider-node";
import type { Found, Item, Orders } from "./orders.js";
import { openPlace } from "./places.js";

const hex = (text: string) => new Uint8Array(Buffer.from(text, "hex"));
const say = (...words: (string | number)[]) => writeSync(1, `${words.join(" ")}\n`);

/** What a message is refused with that an opener has received before. */
const AGAIN: readonly string[] = ["duplicate", "past-epoch", "forgotten", "group-exists", "not-invited"];

/** Whether another opener has moved the state on. */
const isStale = (error: unknown) =>
  error instanceof MlsError && (error.code === "stale-state" || error.code === "closed");

/** Does something as often as another opener is first. */
async function attempt<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isStale(error)) throw error;
    }
  }
}

async function start(): Promise<Orders> {
  let text = "";
  for await (const chunk of process.stdin) text += chunk;
  return JSON.parse(text) as Orders;
}

class Alice {
  readonly #client: StoredClient;
  readonly #orders: Orders;
  #sent = 0;

  constructor(client: StoredClient, orders: Orders) {
    this.#client = client;
    this.#orders = orders;
  }

  /** Does something with a group, which another opener may have moved on. */
  in<T>(id: string, work: (group: Group) => Promise<T>): Promise<T> {
    return attempt(async () => work((await this.#client.group(hex(id))) as Group));
  }

  async begin(): Promise<void> {
    const { alices, bobs } = this.#orders;
    const [own, others] = [
      await this.in(alices, async (group) => group),
      await this.in(bobs, async (group) => group),
    ];
    const found: Found = {
      groups: this.#client.knownGroups().map(({ groupId }) => toHex(groupId)),
      keyPackages: this.#client.keyPackages().map(({ reference }) => toHex(reference)),
      epochs: { alices: `${own.epoch}`, bobs: `${others.epoch}` },
      staged: own.staged.map(({ commit }) => toHex(commit)),
    };
    say("begin", JSON.stringify(found));
  }

  async send(id: string): Promise<void> {
    const text = `message ${this.#orders.role} ${process.pid} ${++this.#sent}`;
    say("message", id, toHex(await this.in(id, (group) => group.encrypt(text))));
  }

  async keyPackage(): Promise<void> {
    const made = await attempt(() => this.#client.createKeyPackage());
    const { reference } = await this.#client.readKeyPackage(made);
    say("keyPackage", toHex(reference), toHex(made));
  }

  /** @param isNew whether a commit is to be made. Without it, what was staged, and perhaps not sent, is sent again */
  async commit(isNew: boolean): Promise<void> {
    const { alices } = this.#orders;
    if (isNew) await this.in(alices, (group) => group.update());
    const [staged] = await this.in(alices, async (group) => group.staged);
    if (staged === undefined) return;
    say("commit", toHex(staged.commit));
    await this.in(alices, (group) => group.mergePendingCommit());
  }

  async take({ n, kind, bytes }: Item): Promise<void> {
    try {
      if (kind === "welcome") {
        const { groupId } = await attempt(() => this.#client.join(hex(bytes)));
        say("joined", n, toHex(groupId));
        await this.leave(toHex(groupId));
        return;
      }
      const received = await this.in(this.#orders.bobs, (group) => group.receive(hex(bytes)));
      say("got", n, received.kind === "application" ? toHex(received.data) : received.kind);
    } catch (error) {
      if (!(error instanceof MlsError && AGAIN.includes(error.code))) throw error;
      say("again", n, error.code);
    }
  }

  /** Sends a message in a group that Alice has joined, and deletes it. */
  async leave(id: string): Promise<void> {
    await this.send(id);
    await attempt(() => this.#client.deleteGroup(hex(id)));
    say("deleted", id);
  }

  async app(): Promise<void> {
    const { alices, bobs, inbox } = this.#orders;
    await this.begin();
    await this.send(alices);
    await this.commit(false);
    for (const { groupId } of this.#client.knownGroups())
      if (![alices, bobs].includes(toHex(groupId))) await this.leave(toHex(groupId));
    for (let i = 0; ; i++) {
      await this.send(alices);
      if (i % 7 === 1 && this.#client.keyPackages().length < 20) await this.keyPackage();
      if (i % 5 === 2) await this.commit(true);
      const item = inbox[i];
      if (item !== undefined) await this.take(item);
    }
  }

  async extension(): Promise<void> {
    const { alices, inbox } = this.#orders;
    for (const item of inbox.slice(0, 3)) if (item.kind !== "welcome") await this.take(item);
    await this.send(alices);
  }
}

const orders = await start();
const { place, role } = orders;
const storage = await openPlace(place);
const common = { crypto: nodeProvider(), credential: "alice", authentication: insecureAcceptAll() };
const alice = new Alice(await openClient({ storage, ...common }), orders);
await (role === "app" ? alice.app() : alice.extension());
