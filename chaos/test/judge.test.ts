// The judge of `npm run test:chaos`: what it lets pass, and what it doesn't.
import { describe, expect, it } from "vitest";
import type { EpochEvent, FinalEntry, FinalView } from "../src/model/events.js";
import { Judge } from "../src/model/judge.js";

const NAMES = ["alice", "bob", "carol"];
const message = (name: string, epoch: number): FinalEntry => ({
  message: name,
  sender: name.split("#")[0] as string,
  epoch,
});
const commit = (epoch: number, ...rejoined: string[]): FinalEntry => ({ epoch, rejoined });
const epoch = (client: string, n: number, members = NAMES, authenticator = `a${n}`): EpochEvent => ({
  kind: "epoch",
  client,
  group: "g",
  epoch: n,
  authenticator,
  members,
});
const view = (client: string, history: readonly FinalEntry[], more: Partial<FinalView> = {}): FinalView => ({
  client,
  group: "g",
  isMember: true,
  epoch: 1,
  authenticator: "a1",
  members: NAMES,
  waiting: 0,
  history,
  ...more,
});

/** What is wrong with these, after everybody was in epoch 1. */
function complaintsOf(views: readonly FinalView[], prepare: (judge: Judge) => void = () => {}): string[] {
  const judge = new Judge((user) => user !== "mallory");
  for (const name of NAMES) judge.hear(epoch(name, 1));
  prepare(judge);
  return judge.judge(views).complaints.map(({ rule, text }) => `${rule}: ${text}`);
}

const all = [message("alice#0", 1), message("bob#0", 1), message("alice#1", 1)];

describe("the judge", () => {
  it("has nothing to say where all have all, in the order of each sender", () => {
    const other = [message("bob#0", 1), message("alice#0", 1), message("alice#1", 1)];
    expect(complaintsOf([view("alice", all), view("bob", other), view("carol", all)])).toEqual([]);
  });

  it.each<[string, string, readonly FinalEntry[]]>([
    ["a message that one hasn't got", "delivered to all: bob#0", [all[0], all[2]] as FinalEntry[]],
    ["one that came twice", "delivered once: carol has bob#0 twice", [...all, message("bob#0", 1)]],
    ["a wrong order", "in order of each sender", [all[2], all[1], all[0]] as FinalEntry[]],
    ["another sender", "from whom it says", [{ ...all[0], sender: "bob" } as FinalEntry, ...all.slice(1)]],
  ])("finds %s", (_, complaint, history) => {
    const found = complaintsOf([view("alice", all), view("bob", all), view("carol", history)]);
    expect(found.join("\n")).toContain(complaint);
  });

  it("finds what was acknowledged and nobody has, and what still waits", () => {
    const views = [view("alice", all), view("bob", all, { waiting: 1 }), view("carol", all)];
    const found = complaintsOf(views, (judge) =>
      judge.hear({ kind: "acknowledged", client: "bob", group: "g", message: "bob#1", id: "one", epoch: 0 }),
    );
    expect(found).toEqual([
      "nothing waits for ever: 1 messages in the outbox of bob",
      "delivered to all: bob#1 was acknowledged, and nobody has it",
    ]);
  });

  it("says whether the service's log still has what somebody lacks", () => {
    const told = (...log: [id: string, place: string][]) =>
      complaintsOf([view("alice", all), view("bob", all), view("carol", all)], (judge) => {
        judge.hear({
          kind: "acknowledged",
          client: "bob",
          group: "g",
          message: "bob#1",
          id: "one",
          epoch: 0,
        });
        judge.readLog("g", new Map(log));
      });
    expect(told(["one", "at 7"])).toEqual([
      "delivered to all: bob#1 was acknowledged, and nobody has it, in the log at 7",
    ]);
    expect(told(["two", "at 8"])).toEqual([
      "delivered to all: bob#1 was acknowledged, and nobody has it, in the log not at all",
    ]);
  });

  it("finds members that aren't in the same epoch, and one that doesn't know that it is a member", () => {
    const forked = view("carol", all, { authenticator: "b1" });
    expect(complaintsOf([view("alice", all), view("bob", all), forked])[0]).toMatch(
      /^members agree: alice bob: .*; carol: /,
    );
    const away = view("carol", all, { isMember: false });
    expect(complaintsOf([view("alice", all), view("bob", all), away])).toEqual([
      "members agree: carol is a member, others say, and says that it isn't",
    ]);
  });

  it("knows who was no member any more where a message stands, and who wasn't one yet in its epoch", () => {
    const late = [message("alice#0", 1), commit(2), message("bob#0", 1), message("bob#1", 2)];
    const members = ["alice", "bob", "dave"];
    const now = { epoch: 2, authenticator: "a2", members };
    const prepare = (judge: Judge) => {
      for (const name of members) judge.hear(epoch(name, 2, members));
    };
    const carol = view("carol", [message("alice#0", 1)], { isMember: false });
    const dave = view("dave", [message("bob#1", 2)], now);
    expect(complaintsOf([view("alice", late, now), view("bob", late, now), carol, dave], prepare)).toEqual(
      [],
    );
    const [first] = complaintsOf(
      [view("alice", late, now), view("bob", late, now), carol, view("dave", [], now)],
      prepare,
    );
    expect(first).toContain(
      "delivered to all: bob#1 of epoch 2, there at 2: not to dave, who was in 2 a2; but to",
    );
  });

  it("excuses who came back by an external commit, and for no more than they missed", () => {
    const history = [
      message("alice#0", 1),
      commit(2),
      message("alice#1", 2),
      commit(4, "carol"),
      message("alice#2", 4),
    ];
    const now = { epoch: 4, authenticator: "a4" };
    const prepare = (judge: Judge) => {
      for (const n of [2, 3, 4]) judge.hear(epoch("alice", n));
      judge.hear(epoch("carol", 4));
    };
    const [alice, bob] = [view("alice", history, now), view("bob", history, now)];
    const carol = [message("alice#0", 1), message("alice#2", 4)];
    expect(complaintsOf([alice, bob, view("carol", carol, now)], prepare)).toEqual([]);
    expect(complaintsOf([alice, bob, view("carol", carol.slice(0, 1), now)], prepare)).toHaveLength(1);
  });

  it("excuses who was elsewhere before, for the epochs of the same numbers there", () => {
    const history = [message("alice#0", 1), commit(3), message("alice#1", 3), commit(5, "carol")];
    const now = { epoch: 5, authenticator: "a5" };
    const prepare = (judge: Judge) => {
      for (const n of [2, 3, 4, 5]) for (const name of ["alice", "bob"]) judge.hear(epoch(name, n));
      judge.hear(epoch("carol", 2));
      for (const n of [3, 4]) judge.hear(epoch("carol", n, NAMES, `c${n}`));
      judge.hear(epoch("carol", 5));
    };
    const [alice, bob] = [view("alice", history, now), view("bob", history, now)];
    expect(complaintsOf([alice, bob, view("carol", [message("alice#0", 1)], now)], prepare)).toEqual([]);
    // Until epoch 2 she was with the others.
    expect(complaintsOf([alice, bob, view("carol", [], now)], prepare)).toHaveLength(1);
  });

  it("excuses who was removed while it was elsewhere, from there until it was added again", () => {
    const history = [
      message("alice#0", 1),
      commit(2),
      commit(3),
      message("alice#1", 3),
      commit(4),
      commit(5),
      message("alice#2", 5),
    ];
    const now = { epoch: 5, authenticator: "a5" };
    const removed = {
      kind: "problem",
      client: "carol",
      group: "g",
      code: "rejoined",
      text: "this client isn't a member any more: it was removed meanwhile",
    } as const;
    const prepare = (judge: Judge) => {
      for (const name of ["alice", "bob"])
        for (const n of [2, 3, 4, 5]) judge.hear(epoch(name, n, n === 4 ? ["alice", "bob"] : NAMES));
      judge.hear(epoch("carol", 2));
      // Elsewhere, epochs have the same numbers.
      for (const n of [3, 4, 5]) judge.hear(epoch("carol", n, NAMES, `c${n}`));
      judge.hear(removed);
      judge.hear(epoch("carol", 5));
    };
    const [alice, bob] = [view("alice", history, now), view("bob", history, now)];
    const carol = [message("alice#0", 1), message("alice#2", 5)];
    expect(complaintsOf([alice, bob, view("carol", carol, now)], prepare)).toEqual([]);
    expect(complaintsOf([alice, bob, view("carol", carol.slice(0, 1), now)], prepare)).toHaveLength(1);
    expect(complaintsOf([alice, bob, view("carol", carol.slice(1), now)], prepare)).toHaveLength(1);
  });

  it("excuses those who were in another branch from what somebody said who was removed before it was back", () => {
    const now = { epoch: 3, authenticator: "a3" };
    const prepare = (judge: Judge, isRemoved: boolean) => {
      for (const n of [2, 3]) judge.hear(epoch("alice", n, n === 3 ? ["alice", "bob"] : NAMES));
      for (const name of ["bob", "carol"]) judge.hear(epoch(name, 2, NAMES, "c2"));
      judge.hear(epoch("bob", 3, ["alice", "bob"]));
      const text = "this client isn't a member any more: it was removed meanwhile";
      if (isRemoved) judge.hear({ kind: "problem", client: "carol", group: "g", code: "rejoined", text });
    };
    const said = [message("carol#0", 2)];
    const carol = view("carol", said, { isMember: false });
    const left = { ...now, members: ["alice", "bob"] };
    const found = (bob: readonly FinalEntry[], isRemoved: boolean) =>
      complaintsOf([view("alice", [], left), view("bob", bob, left), carol], (judge) =>
        prepare(judge, isRemoved),
      );
    expect(found(said, true)).toEqual([]);
    // Who was with it has it; and who wasn't removed says it again.
    expect(found([], true)).toHaveLength(1);
    expect(found(said, false)).toHaveLength(1);
  });

  it("doesn't ask whether the dishonest have anything", () => {
    const members = [...NAMES, "mallory"];
    const now = { epoch: 2, authenticator: "a2", members };
    const prepare = (judge: Judge) => judge.hear(epoch("alice", 2, members));
    const history = [...all, commit(2), message("mallory#0", 2)];
    const views = NAMES.map((name) => view(name, history, now));
    expect(complaintsOf(views, prepare)).toEqual([]);
  });

  it("asks of a message that was said again whether all have it who were there then, whoever is read last", () => {
    const both = ["alice", "carol"];
    const now = { epoch: 9, authenticator: "a9" };
    const prepare = (judge: Judge) => {
      for (const n of [4, 5, 6]) judge.hear(epoch("alice", n, both));
      judge.hear(epoch("carol", 4, both));
      judge.hear(epoch("carol", 5, both, "c5"));
      for (const name of ["alice", "bob"]) for (const n of [7, 8, 9]) judge.hear(epoch(name, n));
      judge.hear(epoch("carol", 9));
    };
    const back = commit(9, "carol");
    const carol = view("carol", [message("carol#0", 5), back], now);
    const alice = view("alice", [back, message("carol#0", 9)], now);
    for (const has of [true, false]) {
      const bob = view("bob", has ? [back, message("carol#0", 9)] : [back], now);
      for (const views of [
        [carol, alice, bob],
        [alice, bob, carol],
      ])
        expect(complaintsOf(views, prepare)).toHaveLength(has ? 0 : 1);
    }
  });

  it("asks of a message that was said again, and that all others had, of whom stays alone", () => {
    const now = { epoch: 4, authenticator: "a4" };
    const prepare = (judge: Judge, until: number) => {
      for (const name of ["alice", "bob"])
        for (const n of [2, 3, 4]) judge.hear(epoch(name, n, n > until ? ["alice", "bob"] : NAMES));
      for (let n = 2; n <= until; n++) judge.hear(epoch("carol", n));
    };
    // Alice says it again in epoch 2, for Carol, who had missed it; where it stands in the log nobody tells.
    const found = (until: number) =>
      complaintsOf(
        [
          view("alice", [message("alice#0", 2)], { ...now, members: ["alice", "bob"] }),
          view("bob", [message("alice#0", 1)], { ...now, members: ["alice", "bob"] }),
          view("carol", [], { isMember: false }),
        ],
        (judge) => prepare(judge, until),
      );
    expect(found(2)).toEqual([]);
    expect(found(4).join()).toContain("alice#0 of epoch 2, there at 7: not to carol");
  });

  it("asks for the order of whom a message was owed where it was said first", () => {
    const now = { epoch: 4, authenticator: "a4" };
    const prepare = (judge: Judge) => {
      for (const n of [2, 3, 4]) for (const name of ["alice", "bob"]) judge.hear(epoch(name, n));
      for (const n of [3, 4]) judge.hear(epoch("carol", n));
      judge.hear({
        kind: "acknowledged",
        client: "alice",
        group: "g",
        message: "alice#0",
        id: "x",
        epoch: 2,
      });
    };
    // Alice says #0 in epoch 2, #1 in 3, and #0 again in 4. Carol came back in epoch 3.
    const back = commit(3, "carol");
    const late = [back, message("alice#1", 3), message("alice#0", 4)];
    const alice = view("alice", [message("alice#0", 4), back, message("alice#1", 3)], now);
    const carol = view("carol", late, now);
    const inOrder = view("bob", [message("alice#0", 2), back, message("alice#1", 3)], now);
    expect(complaintsOf([alice, inOrder, carol], prepare)).toEqual([]);
    const found = complaintsOf([alice, view("bob", late, now), carol], prepare);
    expect(found).toEqual(["in order of each sender: bob has alice#0 after 1"]);
  });

  it("excuses from what the dishonest say those alone who were in another branch", () => {
    const members = [...NAMES, "mallory"];
    const now = { epoch: 3, authenticator: "a3", members };
    const prepare = (judge: Judge) => {
      for (const name of ["alice", "bob"]) for (const n of [2, 3]) judge.hear(epoch(name, n, members));
      judge.hear(epoch("carol", 2, members, "c2"));
      judge.hear(epoch("carol", 3, members));
    };
    const said = [message("mallory#0", 2)];
    const views = [view("alice", said, now), view("carol", [], now)];
    expect(complaintsOf([...views, view("bob", said, now)], prepare)).toEqual([]);
    expect(complaintsOf([...views, view("bob", [], now)], prepare)).toHaveLength(1);
  });

  it("finds a generation that came with two messages, unless it is that of one who forges", () => {
    const twice = {
      kind: "twice",
      client: "bob",
      group: "g",
      epoch: 1,
      leafIndex: 0,
      generation: 3,
    } as const;
    const views = NAMES.map((name) => view(name, all));
    expect(complaintsOf(views, (judge) => judge.hear(twice))).toEqual([
      "no generation twice: leaf 0, epoch 1, generation 3, saw bob",
    ]);
    const forged = {
      kind: "forged",
      client: "mallory",
      group: "g",
      epoch: 1,
      leafIndex: 0,
      what: "",
    } as const;
    const prepare = (judge: Judge) => {
      judge.hear(forged);
      judge.hear(twice);
    };
    expect(complaintsOf(views, prepare)).toEqual([]);
  });

  it.each([true, false])(
    "asks nobody for what stands behind its own removal, as it says: %s",
    (removesIt) => {
      const history = [commit(2), message("alice#0", 1)];
      const out = view("carol", [{ epoch: 2, rejoined: [], removesIt }], { isMember: false });
      const found = complaintsOf([view("alice", history), view("bob", history), out], (judge) => {
        // Both came to epoch 3 at once.
        for (const name of ["alice", "bob"]) judge.hear(epoch(name, 3, ["alice", "bob"]));
      });
      const isOwed = found.some((one) =>
        one.startsWith("delivered to all: alice#0 of epoch 1, there at 2: not to carol"),
      );
      expect(isOwed).toBe(!removesIt);
    },
  );
});
