// RFC 9750 §5.2: compares what clients told with what they have.
import {
  type ClientEvent,
  type FinalView,
  type MessageName,
  type ProblemEvent,
  readName,
  type TwiceEvent,
} from "./events.js";
import { GroupRecord } from "./group.js";

export type Rule =
  | "members agree"
  | "delivered to all"
  | "delivered once"
  | "in order of each sender"
  | "from whom it says"
  | "no generation twice"
  | "nothing waits for ever"
  | "clients answer";

/** Something that must not be. */
export interface Complaint {
  readonly rule: Rule;
  readonly group: string;
  readonly text: string;
}

export interface Verdict {
  readonly complaints: readonly Complaint[];
  readonly counts: ReadonlyMap<string, number>;
}

/** How many of the last things that a client has found wrong a complaint repeats. */
const REPEATED = 3;

/** How a client says that it learnt only when it wanted to join again that it was removed. */
const REMOVED = "this client isn't a member any more";

export class Judge {
  readonly #groups = new Map<string, GroupRecord>();
  readonly #complaints: Complaint[] = [];
  readonly #counts = new Map<string, number>();
  readonly #isHonest: (user: string) => boolean;
  readonly #twice: TwiceEvent[] = [];
  readonly #forgers = new Set<string>();
  /** What each client has said last of joining again, by group and client. */
  readonly #told = new Map<string, readonly string[]>();

  constructor(isHonest: (user: string) => boolean) {
    this.#isHonest = isHonest;
  }

  count(what: string, by = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + by);
  }

  /** Whether something is wrong already. */
  get isBroken(): boolean {
    return this.#complaints.length > 0;
  }

  complain(rule: Rule, group: string, text: string): void {
    this.#complaints.push({ rule, group, text });
  }

  #group(name: string): GroupRecord {
    const group = this.#groups.get(name) ?? new GroupRecord();
    this.#groups.set(name, group);
    return group;
  }

  /** What a client tells, in the order in which it tells it. Dishonest ones are heard only about what they forge. */
  hear(event: ClientEvent): void {
    if (event.kind === "forged") {
      this.count(`forged: ${event.what}`);
      this.#forgers.add(`${event.group} ${event.leafIndex}`);
    }
    if (!this.#isHonest(event.client)) return;
    if (event.kind === "epoch") this.#group(event.group).enter(event);
    else if (event.kind === "acknowledged")
      this.#group(event.group).acknowledge(event.message, event.id, event.epoch);
    else if (event.kind === "twice") this.#twice.push(event);
    else if (event.kind === "problem") {
      this.count(`problems: ${event.code}`);
      if (event.code === "rejoined") this.#tells(event);
      if (event.code === "rejoined" && event.text.startsWith(REMOVED))
        this.#group(event.group).removedElsewhere(event.client);
    }
  }

  #tells({ group, client, text }: ProblemEvent): void {
    const one = `${group} ${client}`;
    this.#told.set(one, [...(this.#told.get(one) ?? []), text].slice(-REPEATED));
  }

  /** @param log where what the service's log of a group has stands in it, by IDs */
  readLog(group: string, log: ReadonlyMap<string, string>): void {
    this.#group(group).log = log;
  }

  /** @param views of all honest clients, of each group in which they ever were */
  judge(views: readonly FinalView[]): Verdict {
    const byGroup = new Map<string, FinalView[]>();
    for (const view of views) byGroup.set(view.group, [...(byGroup.get(view.group) ?? []), view]);
    for (const [name, own] of byGroup) {
      for (const view of own) this.#group(name).read(view);
      this.#group(name).findLost();
      this.#agree(name, own);
      for (const view of own) this.#ordered(view);
      this.#delivered(name, own);
    }
    for (const { group, epoch, leafIndex, generation, client } of this.#twice)
      if (!this.#forgers.has(`${group} ${leafIndex}`))
        this.complain(
          "no generation twice",
          group,
          `leaf ${leafIndex}, epoch ${epoch}, generation ${generation}, saw ${client}`,
        );
    return { complaints: this.#complaints, counts: this.#counts };
  }

  #agree(group: string, views: readonly FinalView[]): void {
    const members = views.filter(({ isMember }) => isMember);
    this.count("members at the end", members.length);
    const states = new Map<string, string[]>();
    for (const { epoch, authenticator, members: list, client } of members) {
      const state = `epoch ${epoch}, ${authenticator.slice(0, 8)}, ${list.join(" ")}`;
      states.set(state, [...(states.get(state) ?? []), client]);
    }
    if (states.size > 1) {
      const sides = [...states].sort(([, one], [, other]) => other.length - one.length);
      const said = sides.slice(1).flatMap(([, who]) => who.map((client) => this.#lastOf(group, client)));
      const where = sides.map(([state, who]) => `${who.join(" ")}: ${state}`);
      this.complain("members agree", group, [...where, ...said].join("; "));
    }
    for (const name of new Set(members.flatMap(({ members: list }) => list)))
      if (this.#isHonest(name) && !members.some(({ client }) => client === name))
        this.complain("members agree", group, `${name} is a member, others say, and says that it isn't`);
    for (const { client, waiting } of members)
      if (waiting > 0)
        this.complain("nothing waits for ever", group, `${waiting} messages in the outbox of ${client}`);
  }

  #lastOf(group: string, client: string): string {
    const told = this.#told.get(`${group} ${client}`) ?? ["nothing"];
    return `${client} said last: ${told.join(" | ")}`;
  }

  /** Where a client's history ends, as a person reads it. */
  #endOf(group: string, view: FinalView | undefined): string {
    if (view === undefined) return "one of them has nothing of the group";
    const entries = view.history.slice(-REPEATED).map((entry) => {
      if ("message" in entry) return `${entry.message} of ${entry.epoch}`;
      return entry.removesIt === true ? `removed in ${entry.epoch}` : `members in ${entry.epoch}`;
    });
    const state = view.isMember ? "a member" : "no member";
    return `${view.client} is ${state}, and has last ${entries.join(", ")}; ${this.#lastOf(group, view.client)}`;
  }

  #ordered({ client, group, history }: FinalView): void {
    const record = this.#group(group);
    const last = new Map<string, number>();
    const seen = new Set<MessageName>();
    for (const entry of history) {
      if (!("message" in entry)) continue;
      const { message, sender } = entry;
      const { sender: said, n } = readName(message);
      if (said !== sender) this.complain("from whom it says", group, `${client} has ${message} by ${sender}`);
      if (seen.has(message)) this.complain("delivered once", group, `${client} has ${message} twice`);
      seen.add(message);
      // What is said again, for those who were apart, also comes to whom it isn't owed: late, and better than never.
      if (!record.isOwed(message, client)) {
        this.count("deliveries that aren't owed");
        continue;
      }
      const before = last.get(sender) ?? -1;
      if (n < before)
        this.complain("in order of each sender", group, `${client} has ${message} after ${before}`);
      last.set(sender, Math.max(n, before));
    }
    this.count("deliveries", seen.size);
  }

  #delivered(name: string, views: readonly FinalView[]): void {
    const group = this.#group(name);
    const has = new Map(
      views.map(({ client, history }) => [
        client,
        new Set(history.map((entry) => ("message" in entry ? entry.message : ""))),
      ]),
    );
    for (const [message, place] of group.messages) {
      const { owed, excused } = group.owed(place);
      const { sender } = readName(message);
      const without = excused.filter(this.#isHonest);
      this.count("excused: came back without the keys", without.length);
      // Whoever makes an epoch that not all can take may say there what it likes to those who can.
      const apart = owed.filter((user) => group.isApart(message, user));
      const isExcused = !this.#isHonest(sender) || group.isLeft(message, sender);
      const why = this.#isHonest(sender) ? "who was removed meanwhile" : "the dishonest to others alone";
      if (isExcused) this.count(`excused: said by ${why}`, apart.length);
      const honest = owed.filter((user) => this.#isHonest(user) && !(isExcused && apart.includes(user)));
      this.count("owed", honest.length);
      const isHeard = [...has].some(([user, own]) => user !== sender && own.has(message));
      if (!isHeard && without.length > 0)
        this.count("heard by nobody: all others came back without the keys");
      const missing = honest.filter((user) => !has.get(user)?.has(message));
      if (missing.length === 0) continue;
      const where = `of epoch ${place.epoch}, there at ${place.at}${group.inLog(message)}`;
      const people = (users: readonly string[]) =>
        users.map((user) => `${user}, who was in ${group.wayOf(user)}`).join("; ");
      const ends = missing.map((user) =>
        this.#endOf(
          name,
          views.find(({ client }) => client === user),
        ),
      );
      const have = [...has].flatMap(([user, own]) => (own.has(message) ? [user] : []));
      this.complain(
        "delivered to all",
        name,
        `${message} ${where}: not to ${people(missing)}; but to ${people(have)}; ${ends.join("; ")}`,
      );
    }
    this.count("acknowledged", group.acknowledged.size);
    for (const message of group.acknowledged.keys())
      if (!group.has(message))
        this.complain(
          "delivered to all",
          name,
          `${message} was acknowledged, and nobody has it${group.inLog(message)}`,
        );
  }
}
