// The operations that two members of a group do again and again, in the order in which they are measured.
import type { CommitOptions, Member } from "./backend.js";
import { now } from "./clock.js";
import { collectGarbage } from "./memory.js";
import { type Operation, PAYLOADS, type Payload } from "./operations.js";
import type { Tree } from "./samples.js";
import { checkAgreement, type Session, timedJoin } from "./session.js";

/** From this size on, what encrypts to all leaves takes long. */
const LARGE = 1000;

/** How many commits wait for a member that was away, at most, and how long they may have taken, in milliseconds. */
const WAITING = 10;
const WAITING_WITHIN = 20;

/** Above this many bytes, a message takes long enough to be measured a few times only. */
const LONG = 10_000;

/** Messages come by the hundreds, as primitives are measured: by then the engine has compiled what they need. */
const MANY = 400;

/** One round of everything. The group is as large after it as it was before. */
export async function hotPaths(session: Session, tree: Tree, payloads: readonly Payload[]): Promise<void> {
  for (const payload of payloads) await messages(session, payload);
  await exporting(session);
  await collectGarbage();
  await commits(session, tree);
  await collectGarbage();
  await saving(session);
  await comingAndGoing(session, tree);
  checkAgreement(session);
}

async function messages({ committer, receiver, watch }: Session, payload: Payload): Promise<void> {
  const data = new Uint8Array(PAYLOADS[payload]).fill(0x61);
  await watch.repeat(
    async (counted) => {
      const message = await watch.time(`encrypt ${payload}`, () => committer.encrypt(data), counted);
      await watch.time(`decrypt ${payload}`, () => receiver.receive(message), counted);
    },
    { max: data.length > LONG ? 5 : MANY },
  );
}

/**
 * Somebody else made the commit: what an encryption to all leaves has left behind isn't cleared away at the
 * receiver's expense. In a lived-in tree a commit is small, and collecting would make the engine drop what it has
 * compiled.
 */
async function process(
  { receiver, watch, members }: Session,
  tree: Tree,
  operation: Operation,
  commit: Uint8Array,
  counted: boolean,
): Promise<void> {
  if (members >= LARGE && tree === "fresh") await collectGarbage();
  await watch.time(operation, () => receiver.receive(commit), counted);
}

async function exporting({ committer, watch }: Session): Promise<void> {
  const context = new Uint8Array(32);
  await watch.repeat(async (counted) => {
    await watch.time("export secret", () => committer.exportSecret("benchmark", context, 32), counted);
  });
}

async function commits(session: Session, tree: Tree): Promise<void> {
  await committing(session, tree, "empty commit", {});
  // On blank parents it is the same again, at the same price.
  if (tree === "lived-in") await committing(session, tree, "update", { forcePath: true });
}

/** Some commits are made in a row, and then received in a row: each side does what it does without the other's part. */
async function committing(
  session: Session,
  tree: Tree,
  operation: "empty commit" | "update",
  options: CommitOptions,
): Promise<void> {
  const { committer, watch, members } = session;
  await watch.repeat(
    async (counted) => {
      const waiting: Uint8Array[] = [];
      const start = now();
      do {
        waiting.push((await watch.time(operation, () => committer.commit(options), counted)).commit);
      } while (waiting.length < WAITING && now() - start < WAITING_WITHIN);
      for (const commit of waiting) await process(session, tree, `process ${operation}`, commit, counted);
    },
    { large: tree === "fresh" && members >= LARGE },
  );
}

async function saving({ committer, watch, members }: Session): Promise<void> {
  const { save, restore } = committer;
  if (save === undefined || restore === undefined || !(await canSave(save))) return;
  await watch.repeat(
    async (counted) => {
      const saved = await watch.time("save", save, counted);
      // What the groups before it leave behind is as large as they are.
      if (members >= LARGE) await collectGarbage();
      await watch.time("restore", () => restore(saved), counted);
    },
    { large: members > LARGE, max: 5 },
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
  const { backend, suite, committer, receiver, members, watch } = session;
  // One who can't be removed makes the group grow: that does in a fresh one, which is at its end.
  if (!backend.removes && tree === "lived-in") return;
  await watch.repeat(
    async (counted) => {
      // The join of the one before left as much behind as the group is large.
      if (members >= LARGE) await collectGarbage();
      const newcomer = await backend.createMember(suite, "newcomer");
      const add = [await newcomer.keyPackage()];
      const addOne = () => committer.commit({ add, ratchetTreeInWelcome: false });
      const added = await watch.time("add one", addOne, counted);
      await process(session, tree, "process add one", added.commit, counted);
      if (!backend.removes) return;
      const welcome = added.welcome as Uint8Array;
      const ratchetTree = committer.ratchetTree();
      if (tree === "lived-in") await timedJoin(newcomer, welcome, members + 1, watch, ratchetTree);
      else await newcomer.join(welcome, ratchetTree);
      const remove = [newcomer.ownLeafIndex()];
      const removed = await watch.time("remove one", () => committer.commit({ remove }), counted);
      await process(session, tree, "process remove one", removed.commit, counted);

      const again = [await newcomer.keyPackage()];
      const addWithTree = () => committer.commit({ add: again });
      await receiver.receive((await watch.time("add one, tree in Welcome", addWithTree, counted)).commit);
      // The leftmost blank leaf is the same one.
      await receiver.receive((await committer.commit({ remove })).commit);
    },
    { large: members >= LARGE && tree === "fresh", max: backend.removes ? 5 : 1 },
  );
}
