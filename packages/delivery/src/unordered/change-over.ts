// RFC 9420 §14: going to the commit that counts, in one write with all that follows from it: for the history, for what was sent in the branch
// that is left, and for what was wished there.
import { type Group, type Member, toHex } from "@copse/core";
import { type Adoption, adopt, RemovalsUndone } from "@copse/core/rewind";
import { beforeOf } from "../conversation/before.js";
import type { Outbox } from "../conversation/outbox.js";
import { Plan } from "../conversation/plan.js";
import type { EntryChange } from "../conversation/record.js";
import type { Room } from "../conversation/room.js";
import type { Wishes } from "../conversation/wishes.js";
import type { MessageEntry } from "../messenger/types.js";
import { announcementOf, withdrawn } from "./announcements.js";
import type { Branches, Step } from "./branches.js";

interface Parts {
  readonly room: Room;
  readonly outbox: Outbox;
  readonly wishes: Wishes;
  readonly branches: Branches;
}

/** Goes the way to the commit that counts. Call it in a turn. */
export async function changeOver(parts: Parts, group: Group, way: readonly Step[]): Promise<void> {
  const { room } = parts;
  const [first] = way as readonly [Step];
  const tip = (way.at(-1) as Step).kept.commit;
  const fork = first.kept.commit.epoch - 1n;
  const isBack = group.epoch > fork;
  const prepared = {
    before: await beforeOf(
      room,
      group,
      way.map(({ entry }) => entry),
    ),
    said: isBack ? await room.ownMessages(fork) : [],
    changes: [...(await announcements(parts, group, way)), ...(isBack ? await withdrawn(room, fork) : [])],
    fork,
  };
  let after!: Following;
  const go = (back: readonly Member[]) =>
    adopt(group, tip, {
      undoRemovals: back.length > 0,
      alongside: (adoption) => {
        after = new Following(parts, way, prepared.before);
        const changes = after.add(adoption, back, prepared.said, fork);
        return [...changes, ...prepared.changes];
      },
    });
  try {
    await go([]);
  } catch (error) {
    if (!(error instanceof RemovalsUndone)) throw error;
    // All must come to the same epoch: they are removed again.
    await go(error.members);
  }
  after.apply();
  await room.learn(after.gone);
}

async function announcements(parts: Parts, group: Group, way: readonly Step[]): Promise<EntryChange[]> {
  const { room, branches } = parts;
  // Who is removed by the last one has no keys of it.
  const own = way.filter(({ kept: { commit } }) => commit.own && commit.active);
  const told = own.filter(
    (one) => one.kept.commit.welcomes.length > 0 || (one === way.at(-1) && branches.rivals(group, one) > 0),
  );
  return Promise.all(told.map((one) => announcementOf(room, one)));
}

/** What follows from a change of the branch. */
class Following {
  readonly #parts: Parts;
  readonly #way: readonly Step[];
  readonly #plan: Plan;
  readonly #effects: (() => void)[] = [];

  constructor(parts: Parts, way: readonly Step[], before: ConstructorParameters<typeof Plan>[2]) {
    this.#parts = parts;
    this.#way = way;
    this.#plan = new Plan(parts.room, parts.outbox, before, true);
  }

  /** @returns the changes to write */
  add(
    { entered, left, active }: Adoption,
    back: readonly Member[],
    said: readonly MessageEntry[],
    fork: bigint,
  ): EntryChange[] {
    const { room, outbox } = this.#parts;
    const plan = this.#plan;
    const { pending } = plan.record;
    const [{ entry: cause }] = this.#way as readonly [Step];
    for (const { commit } of [...left].reverse())
      plan.left(cause, commit, (entered[0] as (typeof entered)[number]).committer);
    let isIn = pending === undefined;
    for (const [i, value] of entered.entries()) {
      const { entry } = this.#way[i] as Step;
      const isPending = entry.id === pending?.id;
      isIn ||= isPending;
      plan.record = { ...plan.record, pending: isPending ? pending : undefined };
      plan.add(entry, { status: "fulfilled", value });
    }
    plan.record = { ...plan.record, last: (this.#way.at(-1) as Step).entry.cursor };
    if (!isIn) this.#effects.push(() => room.wishEnded([], true, pending));
    if (!active) return plan.changes();
    const isOfBranch = ({ kind, epoch }: (typeof outbox.items)[number]) =>
      kind === "message" && epoch !== undefined && epoch > fork;
    const items = left.length === 0 ? [] : outbox.items.filter(isOfBranch);
    const sent = [outbox.renewed(items), outbox.repeated(said)];
    for (const { apply } of sent) this.#effects.push(apply);
    const wished = this.#wishes(left, back);
    return [...sent.flatMap(({ changes }) => changes), ...wished, ...plan.changes()];
  }

  /** What the branch that is left had done is done again: by who did it, and removals by everybody. */
  #wishes(left: Adoption["left"], back: readonly Member[]): EntryChange[] {
    const { room, wishes } = this.#parts;
    const { people } = room.host;
    const usersOf = (members: readonly Member[]) => [
      ...new Set(members.map(({ credential }) => people.user(credential))),
    ];
    const added = left.flatMap(({ commit }) => (commit.own && !commit.external ? commit.added : []));
    const removed = back.filter((one) => !room.isOwn(one));
    const made: ReturnType<Wishes["make"]>[] = [];
    const keys = removed.map(({ signatureKey }) => toHex(signatureKey));
    if (removed.length > 0) made.push(wishes.make("remove", [], keys));
    if (added.length > 0) made.push(wishes.make("invite", usersOf(added)));
    this.#effects.push(() => {
      for (const { wish } of made) wishes.keep(wish);
    });
    return made.map(({ change }) => change);
  }

  /** Who was removed. */
  get gone(): readonly Member[] {
    return this.#plan.gone;
  }

  apply(): void {
    this.#plan.apply();
    for (const effect of this.#effects) effect();
  }
}
