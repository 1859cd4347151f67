// Joining again: what a service that lies once, and a storage that fails once, can do meanwhile.
import { type ClientStorage, memoryStorage } from "@copse/core/storage";
import { type Conversation, DeliveryError, type DeliveryService, type LogEntry } from "@copse/delivery";
import { expect, it } from "vitest";
import { agree, heard, type Someone, together, until, World } from "./support/people.js";
import { changed } from "./support/unreliable.js";

const NEVER = { proposalWait: 600_000 };

/** Bob's line, and his storage. */
class Line {
  isExpired = false;
  /** Called once for an accepted commit that joins. */
  lie: ((accepted: LogEntry) => void) | undefined;
  /** The GroupInfo that he is shown next. */
  groupInfo: Uint8Array | undefined;
  /** Called once before he submits a commit that joins. */
  before: (() => Promise<void>) | undefined;
  /** His storage's next write fails. */
  isFull = false;
  readonly answers: string[] = [];
  readonly storage: ClientStorage;

  constructor() {
    const inner = memoryStorage();
    this.storage = {
      get: (key) => inner.get(key),
      list: (prefix) => inner.list(prefix),
      write: async (...write) => {
        if (!this.isFull) return inner.write(...write);
        this.isFull = false;
        throw new Error("the disk is full");
      },
    };
  }

  readonly wrap = (service: DeliveryService, name: string): DeliveryService =>
    name !== "bob"
      ? service
      : changed(service, {
          subscribe: (options) => {
            if (!this.isExpired) return service.subscribe(options);
            this.isExpired = false;
            throw new DeliveryError("expired", "what followed isn't kept");
          },
          submit: (...args) => this.#submit(service, ...args),
          groupInfo: async (groupId, options) => {
            const found = await service.groupInfo(groupId, options);
            const { groupInfo = found?.groupInfo } = this;
            this.groupInfo = undefined;
            return found && groupInfo && { ...found, groupInfo };
          },
        });

  async #submit(service: DeliveryService, ...[handshake, options]: Parameters<DeliveryService["submit"]>) {
    const joins = handshake.key === undefined;
    const { before } = this;
    if (joins) this.before = undefined;
    if (joins) await before?.();
    const answer = await service.submit(handshake, options);
    if (joins) this.answers.push(answer.kind);
    const { lie } = this;
    if (!joins || answer.kind !== "accepted" || lie === undefined) return answer;
    this.lie = undefined;
    const { id, epoch, message } = handshake;
    const first = { kind: "handshake" as const, cursor: answer.cursor, id, epoch, message, time: 0 };
    lie(first);
    return { kind: "stale" as const, first };
  }
}

async function two(line: Line) {
  const world = new World({ wrap: line.wrap, members: "unchecked", engine: NEVER });
  const alice = await world.person("alice");
  const bob = await world.person("bob", { storage: line.storage });
  await bob.messenger.settled();
  const [a, b] = (await together([alice, bob])) as [Conversation, Conversation];
  await bob.messenger.settled();
  return { alice, bob, a, b };
}

async function joinsAgain(line: Line, bob: Someone, { id }: Conversation) {
  await bob.messenger.close();
  line.isExpired = true;
  const again = await bob.reopen();
  const back = again.messenger.conversation(id) as Conversation;
  await until([again], () => line.answers.length > 0 && back.state === "active");
  return { again, back };
}

it.each(["its own", "another one"])(
  "who is told once that %s came before the commit that joins, though it was taken, is a member",
  async (which) => {
    const line = new Line();
    const { alice, bob, a, b } = await two(line);
    line.lie = (first) => {
      if (which === "another one") Object.assign(first, { id: "f".repeat(32) });
      line.groupInfo = new Uint8Array(9);
    };
    const { again, back } = await joinsAgain(line, bob, b);
    await agree([alice, again], [a, back]);
    await (await back.send("here")).sent;
    expect(await heard(alice, a, 1)).toEqual(["bob: here"]);
    expect(line.answers).toEqual(which === "another one" ? ["accepted", "accepted"] : ["accepted"]);
  },
);

it("who can't write once that the commit that joins came too late joins all the same", async () => {
  const line = new Line();
  const { alice, bob, a, b } = await two(line);
  line.before = async () => {
    await a.update();
    line.isFull = true;
  };
  const { again, back } = await joinsAgain(line, bob, b);
  await agree([alice, again], [a, back]);
  await (await back.send("here")).sent;
  expect(await heard(alice, a, 1)).toEqual(["bob: here"]);
  expect(line.answers.at(-1)).toBe("accepted");
});

it.each([1, 2, 3, 4, 5, 6, 7, 8])(
  "who joins without an invitation is told so, though write %i is made and seems to fail",
  async (n) => {
    const inner = memoryStorage();
    let left = Number.POSITIVE_INFINITY;
    const world = new World({ members: "unchecked", engine: { proposalWait: 600_000 } });
    const policy = { authorize: () => true };
    const [alice, zed, bob] = (await Promise.all([
      world.person("alice", { policy }),
      world.person("zed", { policy }),
      world.person("bob", {
        policy,
        storage: {
          get: (key) => inner.get(key),
          list: (prefix) => inner.list(prefix),
          write: async (...write) => {
            const isWritten = await inner.write(...write);
            if (--left === 0) throw new Error("written, perhaps");
            return isWritten;
          },
        },
      }),
    ])) as [Someone, Someone, Someone];
    for (const { messenger } of [alice, zed, bob]) await messenger.settled();
    const [a] = (await together([alice, zed])) as [Conversation];
    await alice.messenger.settled();
    left = n;
    const joined = await bob.messenger.join(a.id).catch((error: unknown) => error);
    const b = bob.messenger.conversation(a.id);
    if (joined === b) await until([bob], () => b?.state === "active");
    else expect(joined).toMatchObject({ code: "storage" });
  },
);
