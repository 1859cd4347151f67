// The story of one conversation over a delivery service: invitations, absence, a race, and a leave.
import { people, type Report } from "../report.js";
import { SessionError } from "../steps.js";
import type { Friend } from "./friend.js";

const TITLE = "Birds";

async function timed<T>(
  work: () => Promise<T>,
): Promise<{ readonly value: T; readonly milliseconds: number }> {
  const begin = performance.now();
  const value = await work();
  return { value, milliseconds: performance.now() - begin };
}

const namesOf = (friends: readonly Friend[]): string => people(friends.map(({ name }) => name));

/**
 * Lets friends talk, the first of whom starts. There are at least two. They are closed by the caller.
 * @throws SessionError if something isn't as it must be; MessengerError, MlsError if a call fails
 */
export async function runDeliveryStory(friends: readonly Friend[], report: Report): Promise<void> {
  const [alice, ...others] = friends as [Friend, ...Friend[]];
  const last = others.at(-1) as Friend;
  report.columns();
  report.section("Connect");
  const opened = await timed(() =>
    Promise.all(
      friends.map(async (friend) => {
        await friend.open();
        // Others can invite them only now.
        await friend.messenger.settled();
      }),
    ),
  );
  report.step(`${namesOf(friends)} open their clients, and publish key packages`, opened);
  await invite(alice, others, report);

  report.section("Talk");
  await say(alice, friends, "Hello, everybody!", report);
  await say(last, friends, `Hello, ${alice.name}.`, report);

  await beAway(last, friends, report);
  await race(alice, others[0] as Friend, friends, report);
  const left = await leave(last, friends, report);

  report.section(left.length === 1 ? `Check: ${alice.name} is alone` : `Check: do ${namesOf(left)} agree?`);
  await checkAgreement(left, report);
}

async function invite(alice: Friend, others: readonly Friend[], report: Report): Promise<void> {
  report.section("Invite, look, and accept");
  const started = await timed(() =>
    alice.messenger.start(
      others.map(({ name }) => name),
      { name: TITLE },
    ),
  );
  const { milliseconds } = started;
  const starts = `${alice.name} starts "${TITLE}" with ${namesOf(others)}: commit`;
  report.step(starts, { bytes: alice.takeBytes(), milliseconds });
  for (const friend of others) {
    const joined = await timed(async () => {
      const invitation = await friend.until("an invitation", () => friend.messenger.invitations[0]);
      const seen = await invitation.safetyNumber(invitation.by);
      const me = started.value.members.find(({ user }) => user === friend.name);
      if (me === undefined || (await started.value.safetyNumber(me)) !== seen)
        throw new SessionError(`${alice.name} and ${friend.name} have different safety numbers`);
      await invitation.accept();
      return seen;
    });
    const number = joined.value.split(" ").slice(0, 3).join(" ");
    report.step(`${friend.name} compares ${number} ... with ${alice.name}, and accepts`, joined);
  }
}

async function say(from: Friend, friends: readonly Friend[], text: string, report: Report): Promise<void> {
  const sending = await timed(async () => (await from.conversation.send(text)).sent);
  report.step(`${from.name}: "${text}"`, sending);
  const readers = friends.filter((friend) => friend !== from);
  const reading = await timed(() =>
    Promise.all(
      readers.map((friend) => friend.until(`"${text}"`, async () => (await friend.heard()).includes(text))),
    ),
  );
  report.step(`${namesOf(readers)} ${readers.length === 1 ? "reads" : "read"} it`, reading);
}

async function beAway(one: Friend, friends: readonly Friend[], report: Report): Promise<void> {
  report.section("Be away, and come back");
  const [alice] = friends as [Friend, ...Friend[]];
  await one.close();
  report.step(`${one.name}'s process ends`);
  const texts = ["Is anybody there?", "Never mind.", "Good night."];
  const written = await timed(async () => {
    for (const text of texts) await (await alice.conversation.send(text)).sent;
    await alice.conversation.update();
  });
  const { milliseconds } = written;
  const wrote = `${alice.name} writes ${texts.length} messages, and commits to new keys`;
  report.step(wrote, { bytes: alice.takeBytes(), milliseconds });
  const back = await timed(async () => {
    await one.open();
    const { epoch } = alice.conversation;
    await one.until("the newest epoch", () => one.conversation.epoch === epoch);
    await one.messenger.settled();
  });
  report.step(`${one.name} opens what the storage has, and catches up`, back);
  const heard = await one.heard();
  if (heard.slice(-texts.length).join() !== texts.join())
    throw new SessionError(`${one.name} reads ${JSON.stringify(heard)} after coming back`);
}

async function race(a: Friend, b: Friend, friends: readonly Friend[], report: Report): Promise<void> {
  report.section("Two commits at once");
  const before = a.conversation.epoch;
  const raced = await timed(() => Promise.all([a.conversation.update(), b.conversation.update()]));
  const arrived = await timed(() =>
    Promise.all(friends.map((one) => one.until("both epochs", () => one.conversation.epoch >= before + 2n))),
  );
  const { milliseconds } = raced;
  const both = `${a.name} and ${b.name} commit to new keys: one is first, the other tries again`;
  report.step(both, { bytes: a.takeBytes(), milliseconds });
  report.step(`${namesOf(friends)} enter epoch ${before + 2n}`, arrived);
}

async function leave(one: Friend, friends: readonly Friend[], report: Report): Promise<Friend[]> {
  report.section("Leave");
  const left = friends.filter((friend) => friend !== one);
  const [alice] = left as [Friend, ...Friend[]];
  const { milliseconds } = await timed(() => one.conversation.leave());
  const isGone = (friend: Friend) => friend.conversation.members.every(({ user }) => user !== one.name);
  await Promise.all(left.map((friend) => friend.until(`${one.name} leave`, () => isGone(friend))));
  const by = left.length === 1 ? alice.name : "one of the others";
  report.step(`${one.name} leaves, and ${by} commits it`, { bytes: alice.takeBytes(), milliseconds });
  return left;
}

async function checkAgreement(friends: readonly Friend[], report: Report): Promise<void> {
  const views = await Promise.all(
    friends.map(async ({ conversation }) => ({
      epoch: String(conversation.epoch),
      "group's number": await conversation.safetyNumber(),
      members: conversation.members.map(({ user }) => user).join(", "),
    })),
  );
  const differing = (["epoch", "group's number", "members"] as const).filter((what) => {
    const value = views[0]?.[what] ?? "";
    const holds = views.every((view) => view[what] === value);
    report.check(what, value.length > 40 ? `${value.slice(0, 23)} ...` : value, holds);
    return !holds;
  });
  report.blank();
  if (differing.length > 0) throw new SessionError(`the members differ in: ${differing.join(", ")}`);
}
