// RFC 9420 §14, RFC 9750 §5.2: a client that has lost sight of the others, because what it was shown was wrong, finds them when it
// is shown the right thing, and leads nobody away meanwhile.
import { generateSigner } from "@copse/core";
import {
  type Conversation,
  DeliveryError,
  type DeliveryService,
  type MessengerOptions,
} from "@copse/delivery";
import { expect, it } from "vitest";
import { spoilt, submitJunk } from "./support/mallory.js";
import { copyOf } from "./support/outlaw.js";
import {
  agree,
  crypto,
  heard,
  names,
  problems,
  type Someone,
  SUITE,
  together,
  until,
  World,
  type WorldOptions,
} from "./support/people.js";
import { changed } from "./support/unreliable.js";

type Three<T> = [T, T, T];

const NEVER = { proposalWait: 600_000 };
const isJoiningAgain = (text: string) => text.includes("has joined the group again");

interface Step {
  readonly done: Promise<void>;
  finish(): void;
}

function step(): Step {
  let finish: () => void = () => undefined;
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });
  return { done, finish };
}

/** What some are shown, as long as they are cut off: no GroupInfo that is one. Nor can they tell where they are. */
class Cut {
  isOn = true;
  readonly #names: readonly string[];
  looks = 0;
  /** Resolves when one of them has said where it is, as those do who hear nothing of others for a while. */
  readonly said = step();
  #look: () => void = () => undefined;

  constructor(...names: readonly string[]) {
    this.#names = names;
  }

  /** Waits until they have looked so often. */
  looked(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#look = () => this.looks >= count && resolve();
      this.#look();
    });
  }

  readonly wrap = (service: DeliveryService, name: string): DeliveryService =>
    !this.#names.includes(name)
      ? service
      : changed(service, {
          publishGroupInfo: async (...args) => {
            this.said.finish();
            return this.isOn ? false : service.publishGroupInfo(...args);
          },
          groupInfo: async (groupId, options) => {
            const found = await service.groupInfo(groupId, options);
            this.looks++;
            this.#look();
            return found && this.isOn ? { ...found, groupInfo: new Uint8Array(9) } : found;
          },
        });
}

/** Alice, Bob, Carol and Mallory at leaves 0 to 3; Mallory's last commit is one that Carol alone can't take. */
async function parted(
  wrap: NonNullable<WorldOptions["wrap"]>,
  limits: readonly MessengerOptions["limits"][] = [],
) {
  const world = new World({ wrap });
  const signer = await generateSigner(crypto, SUITE);
  const people: Someone[] = [];
  for (const [i, name] of ["alice", "bob", "carol"].entries())
    people.push(await world.person(name, { limits: limits[i] ?? {} }));
  const mallory = await world.person("mallory", { signer });
  await Promise.all([...people, mallory].map(({ messenger }) => messenger.settled()));
  const all = await together([...people, mallory]);
  await agree([...people, mallory], all);
  const m = all.pop() as Conversation;
  const service = world.connect("mallory", signer.publicKey);
  await submitJunk(service, m, signer, { path: spoilt(0), isConfirmed: true, beside: "nothing" });
  const copy = await copyOf(m.group, "mallory", signer);
  await mallory.messenger.close();
  return { people: people as Three<Someone>, all: all as Three<Conversation>, epoch: m.epoch, copy };
}

/** All are where the others are, and heard by them. */
async function goesOn(people: readonly Someone[], all: readonly Conversation[]) {
  await agree(people, all);
  for (const one of all) await (await one.send("here")).sent;
  for (const [i, one] of people.entries()) await heard(one, all[i] as Conversation, all.length);
  const there = [...people.map(({ name }) => name), "mallory"].sort();
  for (const one of all) expect(names(one)).toEqual(there);
}

it("looks again, later and later, though the log has nothing new", async () => {
  const cut = new Cut("carol");
  const { people, all } = await parted(cut.wrap, [NEVER, NEVER, NEVER]);
  const [, , carol] = people;
  await cut.said.done;
  await until([carol], () => all[2].state === "active");
  await cut.looked(cut.looks + 3);
  cut.isOn = false;
  await goesOn(people, all);
  expect(problems(carol).filter(isJoiningAgain)).toHaveLength(1);
});

it("looks again after a restart, too", async () => {
  const cut = new Cut("carol");
  const { people, all, epoch } = await parted(cut.wrap, [NEVER, NEVER, { proposalWait: 1 }]);
  const [alice, bob, carol] = people;
  // The last handshake is her own: she has taken it.
  await until([carol], () => all[2].epoch > epoch);
  const again = await carol.reopen({ limits: NEVER });
  const c = again.messenger.conversation(all[2].id) as Conversation;
  await until([again], () => c.state === "active");
  await cut.looked(cut.looks + 3);
  cut.isOn = false;
  await goesOn([alice, bob, again], [all[0], all[1], c]);
});

it("goes on with the commit by which it was joining again when it ended", async () => {
  let isDown = true;
  const tried: string[] = [];
  const tries = step();
  const wrap = (service: DeliveryService, name: string): DeliveryService =>
    name !== "carol"
      ? service
      : changed(service, {
          submit: async (handshake, options) => {
            if (handshake.key === undefined) tried.push(handshake.id);
            if (!isDown || handshake.key !== undefined) return service.submit(handshake, options);
            // The service may have it: so it is the same one each time.
            if (tried.length === 3) tries.finish();
            throw new DeliveryError("unavailable", "the line is down");
          },
        });
  const { people, all } = await parted(wrap, [NEVER, NEVER, NEVER]);
  const [alice, bob, carol] = people;
  await tries.done;
  await carol.messenger.close();
  isDown = false;
  const again = await carol.reopen();
  const c = again.messenger.conversation(all[2].id) as Conversation;
  await goesOn([alice, bob, again], [all[0], all[1], c]);
  expect(new Set(tried).size).toBe(1);
  expect(problems(again).join()).not.toContain("can't be read");
});

it("isn't led elsewhere because of what it refused before it joined again", async () => {
  let led: Uint8Array | undefined;
  let looks = 0;
  const wrap = (service: DeliveryService, name: string): DeliveryService =>
    name !== "carol"
      ? service
      : changed(service, {
          groupInfo: async (groupId, options) => {
            const found = await service.groupInfo(groupId, options);
            looks++;
            return found && led ? { ...found, groupInfo: led } : found;
          },
        });
  const { people, all, epoch, copy } = await parted(wrap, [NEVER, NEVER, NEVER]);
  const [alice, bob, carol] = people;
  await until([carol], () => problems(carol).some(isJoiningAgain));
  await carol.messenger.close();
  // Of Mallory's own way, as long as that of the others.
  while (copy.epoch < epoch + 2n) {
    await copy.update();
    await copy.mergePendingCommit();
  }
  led = await copy.groupInfo();
  looks = 0;
  const again = await carol.reopen();
  // Time in which it would look several times.
  await new Promise((resolve) => setTimeout(resolve, 500));
  const c = again.messenger.conversation(all[2].id) as Conversation;
  await goesOn([alice, bob, again], [all[0], all[1], c]);
  expect(problems(again).filter(isJoiningAgain)).toEqual([]);
  expect(looks).toBe(0);
});

it("finds the others, though both commit by turns", async () => {
  const cut = new Cut("carol");
  const { people, all, epoch } = await parted(cut.wrap, [NEVER]);
  const [, , carol] = people;
  // Three of her commits Bob refuses, and his own follow them: what she refused isn't the latest thing any more.
  await until([carol], () => all[2].epoch >= epoch + 3n);
  cut.isOn = false;
  await goesOn(people, all);
  // Their ways are about as long: which of them is taken is the service's luck.
  expect(people.flatMap(problems).filter(isJoiningAgain)).not.toEqual([]);
});

it.each(["checked", "unchecked"] as const)(
  "finds the others again when two of four have lost sight of them, and have each other; members: %s",
  async (members) => {
    // Nobody follows the others before both have gone their ways for long.
    const cut = new Cut("alice", "bob", "carol", "dave");
    const world = new World({ members, wrap: cut.wrap });
    const signer = await generateSigner(crypto, SUITE);
    const people = await world.people("alice", "bob", "carol", "dave");
    const mallory = await world.person("mallory", { signer });
    await mallory.messenger.settled();
    // Mallory is beside Carol in the tree, and Dave has a half of it for himself: the others are the third node's.
    const [alice, bob, carol, dave] = people as [Someone, Someone, Someone, Someone];
    const all = await together([alice, bob, mallory, carol, dave]);
    await agree([...people, mallory], all);
    const [m] = all.splice(2, 1) as [Conversation];
    const { epoch } = m;
    const service = world.connect("mallory", signer.publicKey);
    await submitJunk(service, m, signer, { path: spoilt(0, 2), isConfirmed: true, beside: "nothing" });
    await mallory.messenger.close();
    // By then each of them has taken many of the other's commits.
    const c = all[2] as Conversation;
    await until([carol], () => c.epoch >= epoch + 7n);
    cut.isOn = false;
    await goesOn(people, all);
  },
);

/** Alice and Bob, and Mallory with a signer that is known, all in a group. */
async function withMallory(wrap: NonNullable<WorldOptions["wrap"]>) {
  const world = new World({ wrap });
  const signer = await generateSigner(crypto, SUITE);
  const people = await world.people("alice", "bob");
  const mallory = await world.person("mallory", { signer });
  await mallory.messenger.settled();
  const all = await together([...people, mallory]);
  await agree([...people, mallory], all);
  return { world, signer, people: people as [Someone, Someone], mallory, all: all as Three<Conversation> };
}

it("comes back from where nobody is, as soon as somebody commits elsewhere", async () => {
  let led: Uint8Array | undefined;
  let isGone = false;
  const wrap = (service: DeliveryService, name: string) =>
    name !== "bob"
      ? service
      : changed(service, {
          subscribe: (options) => {
            if (!isGone) return service.subscribe(options);
            isGone = false;
            throw new DeliveryError("expired", "what followed isn't kept");
          },
          groupInfo: async (groupId, options) => {
            const found = await service.groupInfo(groupId, options);
            return found && led ? { ...found, groupInfo: led } : found;
          },
          submit: async (handshake, options) => {
            const answer = await service.submit(handshake, options);
            led = undefined;
            return answer;
          },
        });
  const { signer, people, mallory, all } = await withMallory(wrap);
  const [alice, bob] = people;
  const [a, b, m] = all;
  const copy = await copyOf(m.group, "mallory", signer);
  await mallory.messenger.close();
  await bob.messenger.close();
  await copy.update();
  await copy.mergePendingCommit();
  led = await copy.groupInfo();
  await a.update();
  isGone = true;
  const again = await bob.reopen();
  const back = again.messenger.conversation(b.id) as Conversation;
  await until([again], () => problems(again).filter(isJoiningAgain).length >= 2);
  await agree([alice, again], [a, back]);
  await (await back.send("here")).sent;
  expect(await heard(alice, a, 1)).toEqual(["bob: here"]);
});

it("goes back to where it was, if another one's commit comes before the one by which it joins", async () => {
  const cut = new Cut("alice");
  const answers: string[] = [];
  let other: Conversation | undefined;
  const wrap = (service: DeliveryService, name: string): DeliveryService =>
    name !== "bob"
      ? cut.wrap(service, name)
      : changed(service, {
          submit: async (handshake, options) => {
            const joins = handshake.key === undefined;
            if (joins && answers.length === 0) await other?.update();
            const answer = await service.submit(handshake, options);
            if (joins) answers.push(answer.kind);
            return answer;
          },
        });
  const { world, signer, people, mallory, all } = await withMallory(wrap);
  const [alice, bob] = people;
  const [a, b, m] = all;
  other = a;
  const service = world.connect("mallory", signer.publicKey);
  // Nobody can take it; its GroupInfo is right.
  await submitJunk(service, m, signer, { path: spoilt(0), isConfirmed: true, beside: "right" });
  await mallory.messenger.close();
  await until([bob], () => answers.length > 0);
  expect(answers).toEqual(["stale"]);
  cut.isOn = false;
  await agree([alice, bob], [a, b]);
  await (await b.send("here")).sent;
  expect(await heard(alice, a, 1)).toEqual(["bob: here"]);
});

it("doesn't go back, once the commit by which it joins is in the log", async () => {
  let [isExpired, isJoined] = [false, false];
  let looks = 0;
  const wrap = (service: DeliveryService, name: string): DeliveryService =>
    name !== "bob"
      ? service
      : changed(service, {
          subscribe: (options) => {
            if (!isExpired) return service.subscribe(options);
            isExpired = false;
            throw new DeliveryError("expired", "what followed isn't kept");
          },
          submit: async (handshake, options) => {
            const answer = await service.submit(handshake, options);
            if (handshake.key === undefined && !isJoined) isExpired = isJoined = true;
            return answer;
          },
          groupInfo: async (groupId, options) => {
            const found = await service.groupInfo(groupId, options);
            const isShown = !isJoined || ++looks > 3;
            return found && (isShown ? found : { ...found, groupInfo: new Uint8Array(9) });
          },
        });
  const { people, all } = await withMallory(wrap);
  const [alice, bob] = people;
  const [a, b] = all;
  await bob.messenger.close();
  isExpired = true;
  const again = await bob.reopen();
  await until([again], () => problems(again).some(isJoiningAgain));
  const back = again.messenger.conversation(b.id) as Conversation;
  await agree([alice, again], [a, back]);
  await (await back.send("here")).sent;
  expect(await heard(alice, a, 1)).toEqual(["bob: here"]);
  expect(looks).toBeGreaterThan(3);
  expect(names(a)).toEqual(["alice", "bob", "mallory"]);
});
