// An own commit that is in the log, and that the service hasn't finished: its Welcomes aren't in inboxes. Its sender asks for the newest
// GroupInfo: by that the service finishes it.
import { type ClientStorage, memoryStorage } from "@copse/core/storage";
import {
  type Conversation,
  DeliveryError,
  type DeliveryService,
  type PublishedGroupInfo,
} from "@copse/delivery";
import { expect, it } from "vitest";
import { held } from "./support/lines.js";
import { conversationOf, names, type Someone, together, until, World } from "./support/people.js";
import { changed } from "./support/unreliable.js";

const WAIT = { timeout: 20_000 };
const ENGINE = { proposalWait: 600_000, firstWait: 20 };

/** Alice's line: once, a commit is taken without its Welcomes, and she isn't told. */
class Line {
  isBad = false;
  looks = 0;
  /** What she is shown, as by a node that is behind. */
  old: PublishedGroupInfo | undefined;
  onTaken: () => void = () => undefined;
  /** Her submissions are answered after it. */
  answers: Promise<void> | undefined;

  readonly wrap = (service: DeliveryService, name: string): DeliveryService =>
    name !== "alice"
      ? service
      : changed(service, {
          groupInfo: async (...args) => {
            this.looks++;
            return this.old ?? service.groupInfo(...args);
          },
          submit: async (handshake, options) => {
            if (!this.isBad) {
              const answer = await service.submit(handshake, options);
              await this.answers;
              return answer;
            }
            this.isBad = false;
            await service.submit({ ...handshake, welcomes: [] }, options);
            this.onTaken();
            throw new DeliveryError("unavailable", "the line is bad");
          },
        });
}

async function three(line: Line, storage: ClientStorage = memoryStorage()) {
  const world = new World({ members: "unchecked", engine: ENGINE, wrap: line.wrap });
  const alice = await world.person("alice", { storage });
  const [bob, zed] = (await world.people("bob", "zed")) as [Someone, Someone];
  await alice.messenger.settled();
  const [a, b] = (await together([alice, bob])) as [Conversation, Conversation];
  await alice.messenger.settled();
  return { world, alice, bob, zed, a, b };
}

it.each([false, true])("is looked after; the storage says once that it failed: %s", async (fails) => {
  const inner = memoryStorage();
  let isFailing = false;
  const line = new Line();
  const { alice, bob, a } = await three(line, {
    get: (key) => inner.get(key),
    list: (prefix) => inner.list(prefix),
    write: async (...write) => {
      const isWritten = await inner.write(...write);
      if (!isFailing) return isWritten;
      isFailing = false;
      throw new Error("written, perhaps");
    },
  });
  // Nobody else looks whether its GroupInfo is right.
  await bob.messenger.close();
  line.isBad = true;
  line.looks = 0;
  // Its next write is that of the commit, when it is read.
  line.onTaken = () => {
    isFailing = fails;
  };
  await a.invite(["zed"]);
  await until([alice], () => a.epoch === 2n);
  await expect.poll(() => line.looks, WAIT).toBeGreaterThan(0);
});

it("isn't finished by what a node has that is behind", async () => {
  const line = new Line();
  const { world, alice, bob, a } = await three(line);
  await bob.messenger.close();
  const service = world.delivery.connect("alice", alice.messenger.client.signatureKey);
  line.old = await service.groupInfo(a.groupId);
  line.isBad = true;
  line.looks = 0;
  await a.invite(["zed"]);
  await expect.poll(() => line.looks, WAIT).toBeGreaterThan(1);
  await (await a.send("something is written")).sent;
  await alice.messenger.close();
  line.old = undefined;
  line.looks = 0;
  await alice.reopen();
  await expect.poll(() => line.looks, WAIT).toBeGreaterThan(0);
});

it("isn't said to have failed if its sender is removed before the answer comes", async () => {
  const line = new Line();
  const { alice, bob, zed, a, b } = await three(line);
  const { promise, resolve } = held();
  line.answers = promise;
  const invited = a.invite(["zed"]);
  await until([alice, bob], () => a.epoch === 2n && b.epoch === 2n);
  const z = await conversationOf(zed, a.id);
  await b.remove(["alice"]);
  await until([alice], () => a.state === "removed");
  resolve();
  await invited;
  expect(names(z)).toEqual(["bob", "zed"]);
});
