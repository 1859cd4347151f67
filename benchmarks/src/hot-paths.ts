// The operations that two members of a group do again and again, in the order in which they are measured.

import { now } from "./clock.js";
import type { CommitOptions, Member } from "./implementation.js";
import { collectGarbage } from "./memory.js";
import { PAYLOADS, type Payload } from "./operations.js";
import type { Tree } from "./samples.js";
import { checkAgreement, type Session, timedJoin } from "./session.js";

/** From this size on, what encrypts to all leaves takes long. */
const LARGE = 1000;
/** Above this size, what is as large as the group takes a second and more: there is one turn for it. */
const LARGER = 10_000;

/** How many messages wait for a member that was away, at most; and how long commits may have taken, in milliseconds. */
const WAITING = 10;
const WAITING_WITHIN = 20;

/** How often somebody is added to a large group and removed, for each who joins it. */
const AGAIN = 10;

/** Commits with a path and nothing else. */
const COMMITS = ["empty commit", "update"] as const;

/** Above this many bytes, a message takes long enough to be measured a few times only. */
const LONG = 10_000;

/** Messages come by the hundreds, as primitives are measured: by then the engine has compiled what they need. */
const MANY = 400;

/**
 * One round of everything, in a group of each implementation, whose size is the same before and after it. They
 * take turns in each operation: what disturbs the machine for a while disturbs them all alike.
 */
export async function hotPaths(
  sessions: readonly Session[],
  tree: Tree,
  payloads: readonly Payload[],
  nextTurn: () => Promise<void> = async () => {},
  progress: (what: string, session: Session) => void = () => {},
): Promise<void> {
  const inTurns = async (
    what: string,
    step: (session: Session, turn: number) => Promise<void>,
    turns = 1,
  ) => {
    for (let turn = 0; turn < turns; turn++) {
      await nextTurn();
      for (const session of sessions) {
        progress(what, session);
        await step(session, turn);
      }
    }
  };
  const turns = sessions[0]?.watch.effort.turns;
  for (const payload of payloads) {
    await inTurns(`messages of ${payload}`, (session, turn) => messages(session, payload, turn), turns);
  }
  if (tree === "fresh") await inTurns("key packages", keyPackages, turns);
  await inTurns("exporting", exporting);
  for (const operation of tree === "fresh" ? (["empty commit"] as const) : COMMITS) {
    // On blank parents an update is the empty commit again, at the same price.
    const large = tree === "fresh" && (sessions[0] as Session).members >= LARGE;
    if (large) {
      await inTurns("garbage", collectGarbage);
      await inTurns(operation, (session) => largeCommits(session, operation));
    } else await inTurns(operation, (session, turn) => commits(session, operation, turn), turns);
  }
  await inTurns("saving", saving, (sessions[0] as Session).members > LARGER ? 1 : turns);
  await inTurns("coming and going", async (session) => {
    await comingAndGoing(session, tree);
    checkAgreement(session);
  });
}

/** Some messages are written in a row, and then read in a row: no member does both with the same one. */
async function messages(
  { committer, receiver, watch }: Session,
  payload: Payload,
  turn: number,
): Promise<void> {
  const data = new Uint8Array(PAYLOADS[payload]).fill(0x61);
  const row = data.length > LONG ? 1 : WAITING;
  await watch.repeat(
    async (counted) => {
      const waiting: Uint8Array[] = [];
      while (waiting.length < row) {
        waiting.push(await watch.time(`encrypt ${payload}`, () => committer.encrypt(data), counted));
      }
      for (const message of waiting) {
        await watch.time(`decrypt ${payload}`, () => receiver.receive(message), counted);
      }
    },
    { max: data.length > LONG ? 5 : MANY, turn },
  );
}

async function keyPackages({ receiver, watch }: Session, turn: number): Promise<void> {
  await watch.repeat(
    async (counted) => {
      await watch.time("key package", () => receiver.keyPackage(), counted);
    },
    { turn },
  );
}

async function exporting({ committer, watch }: Session): Promise<void> {
  const context = new Uint8Array(32);
  await watch.repeat(async (counted) => {
    await watch.time("export secret", () => committer.exportSecret("benchmark", context, 32), counted);
  });
}

/** What the options of a commit are, so that it has a path and nothing else. */
const OPTIONS: Readonly<Record<(typeof COMMITS)[number], CommitOptions>> = {
  "empty commit": {},
  update: { forcePath: true },
};

/** Some commits are made in a row, and then received in a row: each side does what it does without the other's part. */
async function commits(
  { implementation, committer, receiver, watch }: Session,
  operation: (typeof COMMITS)[number],
  turn: number,
): Promise<void> {
  if (implementation.hosted) return;
  await watch.repeat(
    async (counted) => {
      const waiting: Uint8Array[] = [];
      const start = now();
      do {
        const commit = () => committer.commit(OPTIONS[operation]);
        waiting.push((await watch.time(operation, commit, counted)).commit);
      } while (waiting.length < WAITING && now() - start < WAITING_WITHIN);
      for (const commit of waiting) {
        await watch.time(`process ${operation}`, () => receiver.receive(commit), counted);
      }
    },
    { turn },
  );
}

/** The same for commits as large as the group, which leave as much garbage behind: the next doesn't pay for that. */
async function largeCommits(
  { implementation, committer, receiver, watch }: Session,
  operation: (typeof COMMITS)[number],
): Promise<void> {
  if (implementation.hosted) return;
  const waiting: Uint8Array[] = [];
  const runs = await watch.repeatLarge(async () => {
    const commit = () => committer.commit(OPTIONS[operation]);
    waiting.push((await watch.time(operation, commit)).commit);
  });
  const receive = async () => {
    const commit = waiting.shift() as Uint8Array;
    await watch.time(`process ${operation}`, () => receiver.receive(commit));
  };
  await watch.repeatLarge(receive, runs);
  while (waiting.length > 0) await receive();
}

async function saving({ committer, watch, members }: Session, turn: number): Promise<void> {
  const { save, restore } = committer;
  if (save === undefined || restore === undefined || !(await canSave(save))) return;
  await collectGarbage();
  await watch.repeat(
    async (counted) => {
      const saved = await watch.time("save", save, counted);
      // What the groups before it leave behind is as large as they are.
      if (members >= LARGE) await collectGarbage();
      await watch.time("restore", () => restore(saved), counted);
    },
    { large: members > LARGE, max: members > LARGE ? 2 : 5, turn },
  );
}

/** Keys of WebCrypto that can't be exported can't be saved either, unless they have a store. */
async function canSave(save: NonNullable<Member["save"]>): Promise<boolean> {
  try {
    await save();
    return true;
  } catch (error) {
    if ((error as { code?: unknown }).code === "key-not-extractable") return false;
    throw error;
  }
}

/**
 * Somebody is added, joins with the tree that is served beside the Welcome, and is removed again. With the tree in the
 * Welcome, as it is by default, whoever adds one signs and encrypts all of the tree.
 */
async function comingAndGoing(session: Session, tree: Tree): Promise<void> {
  const { implementation, suite, committer, receiver, members, watch } = session;
  // One who can't be removed makes the group grow: that does in a fresh one, which is at its end.
  if (implementation.hosted || (!implementation.removes && tree === "lived-in")) return;
  await watch.repeat(
    async (counted) => {
      // The join of the one before left as much behind as the group is large.
      if (members >= LARGE) await collectGarbage();
      const newMember = await implementation.createMember(suite, "new member");
      const add = [await newMember.keyPackage()];
      const addOne = () => committer.commit({ add, ratchetTreeInWelcome: false });
      const added = await watch.time("add one", addOne, counted);
      await watch.time("process add one", () => receiver.receive(added.commit), counted);
      if (!implementation.removes) return;
      const welcome = added.welcome as Uint8Array;
      const ratchetTree = committer.ratchetTree();
      if (tree === "lived-in") await timedJoin(newMember, welcome, members + 1, watch, ratchetTree);
      else await newMember.join(welcome, ratchetTree);
      const remove = [newMember.ownLeafIndex()];
      const removed = await watch.time("remove one", () => committer.commit({ remove }), counted);
      await watch.time("process remove one", () => receiver.receive(removed.commit), counted);

      // The leftmost blank leaf is the same one again. Who is added needn't join for that, which takes the longest.
      for (let i = 0; i < AGAIN && tree === "lived-in" && members >= LARGE; i++) {
        const next = [await newMember.keyPackage()];
        const addNext = () => committer.commit({ add: next, ratchetTreeInWelcome: false });
        const { commit } = await watch.time("add one", addNext);
        await watch.time("process add one", () => receiver.receive(commit));
        const gone = await watch.time("remove one", () => committer.commit({ remove }));
        await watch.time("process remove one", () => receiver.receive(gone.commit));
      }

      const again = [await newMember.keyPackage()];
      const addWithTree = () => committer.commit({ add: again });
      await receiver.receive((await watch.time("add one, tree in Welcome", addWithTree, counted)).commit);
      await receiver.receive((await committer.commit({ remove })).commit);
    },
    { large: members >= LARGE && tree === "fresh", max: implementation.removes ? 5 : 1 },
  );
}
