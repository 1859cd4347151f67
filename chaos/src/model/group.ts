// RFC 9750 §5.2: who was in a group when, and so who must have received what.
import { type EpochEvent, type FinalView, type MessageName, readName } from "./events.js";

/** Where a message stands. */
export interface Place {
  /** In which it was encrypted. */
  readonly epoch: number;
  /** The last epoch before it that changed who is a member. */
  readonly at: number;
}

/** A message may be said again, in a later epoch, for those who were apart. */
interface Places {
  readonly first: Place;
  readonly last: Place;
}

/** How many commits may come before a message that was encrypted before them: members keep the keys of so many past epochs. */
const LATE = 5;

/**
 * Epochs whose keys a client doesn't have: it came back by an external commit, which started epoch `before`, or was removed while it
 * was elsewhere, until it was added again.
 */
interface Gap {
  /** The last one in which it was with who tells of it: it may have been elsewhere since, in epochs of the same numbers. */
  after: number;
  readonly before: number;
}

export class GroupRecord {
  /** Who was in each epoch, by the authenticators of its branches, if there were several. */
  readonly #members = new Map<number, Map<string, readonly string[]>>();
  /** The epochs in which each client was, with their authenticators. */
  readonly #epochs = new Map<string, Map<number, string>>();
  readonly #places = new Map<MessageName, Places>();
  /** Of the places of messages, in which branches of their epochs they are: by their authenticators. */
  readonly #branches = new Map<MessageName, Set<string>>();
  /** The last epoch in which somebody else than its sender has a message. */
  readonly #heardIn = new Map<MessageName, number>();
  readonly #gaps = new Map<string, Gap[]>();
  readonly #owed = new Map<MessageName, ReadonlySet<string>>();
  /** Who was elsewhere when it was removed: of each time, the epochs that it had been in, and the first one after that. */
  readonly #lost: { readonly user: string; readonly way: ReadonlyMap<number, string>; before?: number }[] =
    [];
  /** Who says that they were removed by the commit that started an epoch. */
  readonly #removedIn = new Map<number, Set<string>>();
  /** What the service calls each of them. */
  readonly acknowledged = new Map<MessageName, string>();
  /** Where what the service's log has stands in it, if it was read: by IDs. */
  log: ReadonlyMap<string, string> | undefined;

  acknowledge(message: MessageName, id: string, epoch: number): void {
    this.acknowledged.set(message, id);
    this.#stands(message, { epoch, at: epoch });
  }

  #stands(message: MessageName, place: Place): void {
    const { first, last } = this.#places.get(message) ?? { first: place, last: place };
    const later = place.at > last.at ? place : last;
    const earlier = place.at > first.at ? place : first;
    this.#places.set(message, {
      first: place.epoch === first.epoch ? earlier : place.epoch < first.epoch ? place : first,
      last: place.epoch === last.epoch ? later : place.epoch > last.epoch ? place : last,
    });
  }

  enter({ client, epoch, authenticator, members }: EpochEvent): void {
    const branches = this.#members.get(epoch) ?? new Map<string, readonly string[]>();
    this.#members.set(epoch, branches.set(authenticator, members));
    const epochs = this.#epochs.get(client) ?? new Map<number, string>();
    this.#epochs.set(client, epochs.set(epoch, authenticator));
    for (const one of this.#lost) if (one.user === client) one.before ??= epoch;
  }

  /** A client has learnt that it was removed while it was in another epoch than the others. */
  removedElsewhere(user: string): void {
    this.#lost.push({ user, way: new Map(this.#epochs.get(user)) });
  }

  /** The epochs in which a client was, as a person reads it. */
  wayOf(user: string): string {
    return Array.from(this.#epochs.get(user) ?? [], ([epoch, its]) => `${epoch} ${its.slice(0, 4)}`).join(
      ", ",
    );
  }

  /** Call it when all was told. */
  findLost(): void {
    for (const { user, way, before = Number.POSITIVE_INFINITY } of this.#lost) {
      const isShared = ([epoch, authenticator]: readonly [number, string]) =>
        [...this.#epochs].some(([other, its]) => other !== user && its.get(epoch) === authenticator);
      const after = Math.max(-1, ...[...way].filter(isShared).map(([epoch]) => epoch));
      this.#gaps.set(user, [...(this.#gaps.get(user) ?? []), { after, before }]);
    }
  }

  /** Reads where messages stand, and who came back, in somebody's history. */
  read({ client, history }: FinalView): void {
    let at = 0;
    for (const entry of history) {
      if ("message" in entry) {
        const { message, epoch } = entry;
        this.#stands(message, { epoch, at: Math.max(at, epoch) });
        if (client !== readName(message).sender)
          this.#heardIn.set(message, Math.max(epoch, this.#heardIn.get(message) ?? 0));
        const branch = this.#epochs.get(client)?.get(epoch);
        const branches = this.#branches.get(message) ?? new Set();
        this.#branches.set(message, branch === undefined ? branches : branches.add(branch));
      } else {
        at = entry.epoch;
        for (const user of entry.rejoined) this.#rejoin(user, entry.epoch, client);
        if (entry.removesIt) this.#removedIn.set(at, (this.#removedIn.get(at) ?? new Set()).add(client));
      }
    }
  }

  /** @param teller in whose history it stands */
  #rejoin(user: string, before: number, teller: string): void {
    const theirs = this.#epochs.get(teller);
    let after = -1;
    // Whoever tells of it may have missed an epoch, too.
    for (const [epoch, authenticator] of this.#epochs.get(user) ?? [])
      if (epoch < before && (theirs?.get(epoch) ?? authenticator) === authenticator)
        after = Math.max(after, epoch);
    const gaps = this.#gaps.get(user) ?? [];
    const known = gaps.find((gap) => gap.before === before);
    if (known === undefined) this.#gaps.set(user, [...gaps, { after, before }]);
    else known.after = Math.min(known.after, after);
  }

  /** Where a message stands in the service's log, as a person reads it; "" if that isn't known. */
  inLog(message: MessageName): string {
    const id = this.acknowledged.get(message);
    if (this.log === undefined || id === undefined) return "";
    return `, in the log ${this.log.get(id) ?? "not at all"}`;
  }

  /** All that somebody has, and where they stand last: whoever is a member there must have them. Call it when all was read. */
  get messages(): readonly (readonly [MessageName, Place])[] {
    return [...this.#branches.keys()].map((name) => [name, this.#lastOf(name)]);
  }

  /** What is said again stands in its sender's history where it was said first, and those who have it don't take it again. */
  #lastOf(message: MessageName): Place {
    const { first, last } = this.#places.get(message) as Places;
    const isAgain = last.epoch > first.epoch && last.epoch > (this.#heardIn.get(message) ?? 0);
    return isAgain ? { epoch: last.epoch, at: last.epoch + LATE } : last;
  }

  /** Whether somebody must have received a message where it stood first: then, in its order. Call it when all was read. */
  isOwed(message: MessageName, user: string): boolean {
    const place = this.#places.get(message)?.first;
    if (place === undefined) return true;
    const owed = this.#owed.get(message) ?? new Set(this.owed(place).owed);
    this.#owed.set(message, owed);
    return owed.has(user);
  }

  /** Whoever was a member in all of these epochs, and in all branches of them. */
  #membersOf(first: number, last: number): readonly string[] {
    const lists: (readonly string[])[] = [];
    const gone = new Set<string>();
    for (let epoch = first; epoch <= last; epoch++) {
      const branches = this.#members.get(epoch);
      lists.push(...(branches?.values() ?? []));
      // No honest member has entered it: those alone know of it whom its commit removed.
      if (branches === undefined) for (const name of this.#removedIn.get(epoch) ?? []) gone.add(name);
    }
    const [one = [], ...others] = lists;
    return one.filter((name) => !gone.has(name) && others.every((list) => list.includes(name)));
  }

  has(message: MessageName): boolean {
    return this.#branches.has(message);
  }

  /** Whether somebody went another way to a message's epoch than those who have read it there. */
  isApart(message: MessageName, user: string): boolean {
    const { epoch } = (this.#places.get(message) as Places).last;
    const own = this.#epochs.get(user)?.get(epoch);
    return own !== undefined && this.#branches.get(message)?.has(own) === false;
  }

  /**
   * Whether a message's sender was elsewhere when it said it, and was removed before it came back: nobody is there who could say it
   * again to those who were in another branch.
   */
  isLeft(message: MessageName, sender: string): boolean {
    const { epoch } = (this.#places.get(message) as Places).last;
    return this.#lost.some(({ user, way, before = Number.POSITIVE_INFINITY }) => {
      const branch = way.get(epoch);
      const isThere = branch !== undefined && this.#branches.get(message)?.has(branch) === true;
      return user === sender && epoch < before && isThere;
    });
  }

  /** Who must have received a message; and who can't, because they came back without the keys of its epoch. */
  owed({ epoch, at }: Place): { owed: string[]; excused: string[] } {
    const [owed, excused]: [string[], string[]] = [[], []];
    for (const name of this.#membersOf(epoch, at)) {
      const gaps = this.#gaps.get(name) ?? [];
      const isExcused = gaps.some(({ after, before }) => epoch < before && at >= after);
      (isExcused ? excused : owed).push(name);
    }
    return { owed, excused };
  }
}
