// A client that an insider leads to a place that nobody else has seen, or that joins again because its log has expired.
import { generateSigner } from "@copse/core";
import {
  type Batch,
  type Conversation,
  DeliveryError,
  type DeliveryService,
  type LogEntry,
} from "@copse/delivery";
import { spoilt, submitJunk } from "./mallory.js";
import { copyOf } from "./outlaw.js";
import { agree, crypto, problems, type Someone, SUITE, together, until, World } from "./people.js";
import { changed } from "./unreliable.js";

export type Three<T> = [T, T, T];

export const NEVER = { proposalWait: 600_000 };
export const isBack = (one: Someone) => problems(one).join().includes("has joined the group again");
export const hasHeard = ({ events }: Someone, text: string) =>
  events.some((one) => one.kind === "message" && one.entry.text === text);

/** The line of Carol, and of Dave, and what they are shown. */
export class Line {
  /** Once, she is told that what followed isn't kept. */
  isExpired = false;
  /** She can send nothing. */
  isCut = false;
  /** The service says of each message that it is of a very late epoch. */
  isForged = false;
  /** The GroupInfo that she is shown. */
  groupInfo: Uint8Array | undefined;
  /** The line of the insider. */
  service: DeliveryService | undefined;

  readonly wrap = (service: DeliveryService, name: string): DeliveryService =>
    name !== "carol" && name !== "dave"
      ? service
      : changed(service, {
          subscribe: (options) => {
            if (this.isExpired) {
              this.isExpired = false;
              throw new DeliveryError("expired", "what followed isn't kept");
            }
            return this.#shown(service.subscribe(options));
          },
          send: async (...args) => {
            if (this.isCut) throw new DeliveryError("unavailable", "the line is bad");
            return service.send(...args);
          },
          groupInfo: async (groupId, options) => {
            const found = await service.groupInfo(groupId, options);
            return found && this.groupInfo ? { ...found, groupInfo: this.groupInfo } : found;
          },
        });

  async *#shown(batches: AsyncIterable<Batch<LogEntry>>): AsyncGenerator<Batch<LogEntry>> {
    for await (const { entries, behind } of batches) {
      const late = (one: LogEntry) => (one.kind === "message" ? { ...one, epoch: 2n ** 60n } : one);
      yield { entries: this.isForged ? entries.map(late) : entries, behind };
    }
  }
}

/** Commits so often, and waits until the others have taken it. */
export async function commits(
  count: number,
  people: readonly Someone[],
  [one, ...others]: readonly Conversation[],
) {
  for (let i = 0; i < count && one !== undefined; i++) {
    const { epoch } = one;
    await one.update();
    await until(people, () => one.epoch > epoch && others.every((other) => other.epoch === one.epoch));
  }
}

/** Alice, Carol and Mallory; Zed isn't in their group. */
export async function three(
  line: Line,
  before?: (people: readonly Someone[], all: readonly Conversation[]) => Promise<void>,
) {
  const world = new World({ members: "unchecked", wrap: line.wrap, engine: NEVER });
  const signer = await generateSigner(crypto, SUITE);
  const [alice, carol, zed] = (await world.people("alice", "carol", "zed")) as Three<Someone>;
  const mallory = await world.person("mallory", { signer });
  await mallory.messenger.settled();
  const people = [alice, carol, mallory];
  const [a, c, m] = (await together(people)) as Three<Conversation>;
  await before?.(people, [a, c, m]);
  await agree(people, [a, c, m]);
  /** A commit of Mallory's that all refuse, and one of Alice's that all take. */
  const disturb = async () => {
    const junk = { path: spoilt(0, 1), confirmationTag: new Uint8Array(32), beside: "nothing" } as const;
    await submitJunk(world.connect("mallory", signer.publicKey), m, signer, junk);
    const hasRefused = (one: Someone) => problems(one).some((text) => text.startsWith("junk"));
    await until([alice, carol], () => hasRefused(alice) && hasRefused(carol));
    await mallory.messenger.close();
    await commits(1, [alice, carol], [a, c]);
  };
  const copy = await copyOf(m.group, "mallory", signer);
  const other = await copyOf(m.group, "mallory", signer);
  line.service = world.connect("mallory", signer.publicKey);
  return { alice, carol, mallory, zed, a, c, copy, other, disturb };
}

/** Commits elsewhere until Carol has come, too. */
export async function callBack(alice: Someone, a: Conversation, c: Conversation) {
  while (c.epoch !== a.epoch) {
    await commits(1, [alice], [a]);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

/** An insider publishes the GroupInfo of a way that nobody else has seen, and Carol's log has expired. */
export async function ledAway(
  line: Line,
  { alice, carol, a, c }: { alice: Someone; carol: Someone; a: Conversation; c: Conversation },
  copy: Awaited<ReturnType<typeof copyOf>>,
  add: readonly Uint8Array[] = [],
) {
  await carol.messenger.close();
  const staged = await copy.commit({ forcePath: true, add });
  const welcome = staged.welcomes[0]?.welcome;
  line.groupInfo = await staged.groupInfo();
  await staged.merge();
  await commits(5, [alice], [a]);
  line.isExpired = true;
  const again = await carol.reopen({ limits: { proposalWait: 20 } });
  await until([again], () => isBack(again));
  return { again, c2: again.messenger.conversation(c.id) as Conversation, welcome };
}

/** Alice and Carol; Zed isn't in their group. */
export async function two(line: Line) {
  const world = new World({ members: "unchecked", wrap: line.wrap, engine: NEVER });
  const [alice, carol, zed] = (await world.people("alice", "carol", "zed")) as Three<Someone>;
  const [a, c] = (await together([alice, carol])) as [Conversation, Conversation];
  await carol.messenger.settled();
  return { alice, carol, zed, a, c };
}

/** Carol is told that what followed isn't kept. */
export async function joinsAgain(line: Line, carol: Someone, { id }: Conversation) {
  await carol.messenger.close();
  line.isExpired = true;
  const again = await carol.reopen();
  await until([again], () => isBack(again));
  const conversation = again.messenger.conversation(id) as Conversation;
  await until([again], () => conversation.state === "active");
  return { carol: again, conversation };
}
