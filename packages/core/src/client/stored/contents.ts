// What one write of a client is to make safe.
import { equalBytes, wipe } from "../../bytes.js";
import type { EntryChange } from "../../operation/index.js";
import type { HpkePrivateKey } from "../../provider/index.js";
import type { Group } from "../group.js";
import type { Membership } from "../membership.js";
import type { StorageChange } from "./client-storage.js";
import { type StoredStatus, successorOf } from "./entries.js";
import { stale } from "./failures.js";
import { type Home, isAt, isOpen, lapse, type StoredGroup } from "./group-writes.js";
import type { Draft, Journal } from "./journal.js";
import { nameOf, signersIn } from "./kept-signers.js";
import type { KeyPackageMap } from "./key-package-writes.js";

/** A group whose entry changes, and what it changes to. */
export interface ChangedGroup {
  readonly one: StoredGroup;
  readonly own: Membership;
  readonly status: StoredStatus;
  readonly successor: Uint8Array | undefined;
  readonly signers: readonly string[];
  /** Another one, when it was loaded again: then its operation was given up. */
  readonly journal: Journal;
  /** Those that it takes the place of, as they were then: they end if it is written. */
  readonly replaced: Replaced;
}

export type Replaced = ReadonlyMap<StoredGroup, StoredStatus | undefined>;

type Groups = ReadonlyMap<string, StoredGroup>;

/** The groups with the same ID that a group takes the place of. @param groups those that the storage has */
export function replacedBy({ name, id, group }: StoredGroup, groups: Groups): Replaced {
  if (group?.own.state.status === "joining") return new Map();
  const isReplaced = (other: StoredGroup) =>
    other.name !== name && other.status !== "joining" && other.id === id;
  return new Map([...groups.values()].filter(isReplaced).map((other) => [other, other.status]));
}

/** Whether a group would take the place of one that its call didn't know, or that was another one then. */
function isOvertaken({ one, replaced }: ChangedGroup, groups: Groups): boolean {
  return [...replacedBy(one, groups)].some(([other, status]) => replaced.get(other) !== status);
}

/** Whether a group that is new was joined by what another opener has used since, or where that one has a group. */
export function isLate(group: ChangedGroup, groups: Groups): boolean {
  const { status, isUsedElsewhere } = group.one;
  return status === undefined && (isUsedElsewhere?.() === true || isOvertaken(group, groups));
}

/**
 * Whether a new group follows one that another opener has seen end by a ReInit: who joins it doesn't know yet what it must resume.
 * @param ended the names of those that this client has seen end so
 */
export function followsUnseen(
  added: readonly ChangedGroup[],
  groups: Groups,
  ended: ReadonlySet<string>,
): boolean {
  const all = [...groups.values()].filter(({ name }) => !ended.has(name));
  const follows = ({ successor }: StoredGroup, { groupId }: StoredGroup) =>
    successor !== undefined && equalBytes(successor, groupId);
  return added.some(({ one }) => all.some((other) => follows(other, one)));
}

/** What the entry of an open group changes to, as it is now. */
export function changeOf([one, replaced]: readonly [StoredGroup, Replaced]): ChangedGroup {
  const { own } = one.group as Group;
  const { state } = own;
  return {
    one,
    own,
    status: state.status as StoredStatus,
    successor: successorOf(state),
    signers: signersIn(state),
    journal: one.journal,
    replaced,
  };
}

/** Whether a group is as it was when its write began. */
export const isStill = ({ one, journal }: ChangedGroup): boolean => isOpen(one) && one.journal === journal;

/**
 * Takes out what isn't to be written any more, and what another opener has made another matter: the operations of that are done
 * again or refused.
 * @param groups those that the storage has
 */
export function leaveOut(contents: Contents, groups: Groups): void {
  for (const [one, { status }] of contents.ending) {
    if (status !== "joining" || one.status === status) continue;
    contents.ending.delete(one);
    if (one.group !== undefined) lapse(one, one.group.own, stale());
  }
  contents.changed = contents.changed.filter((group) => {
    if (!isStill(group) || contents.ending.has(group.one)) return false;
    if (!isOvertaken(group, groups)) return true;
    lapse(group.one, group.own, stale());
    return false;
  });
}

/** The write of a group; `undefined` if the storage has all of it, `closed` if the group was closed meanwhile. */
export async function draftOf(
  { drafts }: Contents,
  { one, own }: ChangedGroup,
): Promise<Draft | undefined | "closed"> {
  if (!isOpen(one)) return "closed";
  if (drafts.has(one)) return drafts.get(one);
  try {
    // Also where only what the client lists has changed: another opener's list may be of a state that isn't the one here.
    const draft = await one.journal.next(own, one.status !== undefined);
    drafts.set(one, draft);
    return draft;
  } catch (error) {
    // Closed meanwhile: its own call says so, and the others go on.
    if (own.state.status !== "closed") throw error;
    return "closed";
  }
}

/**
 * Drops groups that another opener has moved on: their operations are done again or refused, and the rest of the write goes on.
 * @returns whether there were any
 */
export async function leaveOutMoved(
  home: Home,
  changed: readonly ChangedGroup[],
  error: unknown,
): Promise<boolean> {
  let isLess = false;
  for (const group of changed) {
    const { one, own, journal } = group;
    if (await isAt(home, journal)) continue;
    // One that was closed meanwhile goes without.
    if (isStill(group)) lapse(one, own, error);
    isLess = true;
  }
  return isLess;
}

type GroupAt = Pick<ChangedGroup, "one" | "journal">;

/** Entries that go with what one call changes. */
export interface AppEntries {
  readonly changes: readonly EntryChange[];
  /** The groups whose entries change with them. They are written if these are: one may be closed or given up before. */
  readonly of: readonly GroupAt[];
  isWritten: boolean;
}

/** Those of the calls that a write makes safe. @param written the groups in it @param ending those that it ends */
export function goingWith(
  all: readonly AppEntries[],
  written: readonly GroupAt[],
  ending: Pick<Contents["ending"], "has">,
): readonly AppEntries[] {
  const isWritten = (at: GroupAt) =>
    ending.has(at.one) || written.some(({ one, journal }) => one === at.one && journal === at.journal);
  return all.filter(({ of }) => of.every(isWritten));
}

/** Copies of all their changes. Of two with one key, the later call's: a write has no key twice. */
export function mergedChanges(all: readonly AppEntries[]): Iterable<StorageChange> {
  const byKey = new Map<string, StorageChange>();
  for (const { changes } of all)
    for (const { key, value } of changes) byKey.set(key, { key, value: value?.slice() });
  return byKey.values();
}

export function wipeEntries(all: readonly AppEntries[]): void {
  for (const { changes } of all) wipe(...changes.map(({ value }) => value));
}

/**
 * Groups that end, with their status when a call decided that: who gives up joining one doesn't delete one that was joined. Each
 * call decides anew.
 */
export type Ending = Map<StoredGroup, { readonly status: StoredStatus | undefined }>;

/** What one write is to make safe: as it was when that began. */
export interface Contents {
  readonly kept: KeyPackageMap;
  changed: readonly ChangedGroup[];
  readonly ending: Ending;
  readonly entries: readonly AppEntries[];
  /** The writes of the groups: {@link Journal.next} tells what they are once. */
  readonly drafts: Map<StoredGroup, Draft | undefined>;
  /** Whether another opener has written what doesn't go with it. */
  isRefused: boolean;
}

/** A write that was tried. */
export interface TriedWrite {
  /** The version that it leads to. */
  readonly version: Uint8Array | undefined;
  /** Keys that end if it is made. */
  readonly ends: HpkePrivateKey[];
}

/** What is changed here at one moment, and not written yet; and all key packages. */
export interface Mark {
  readonly changed: ReadonlyMap<StoredGroup, Replaced>;
  readonly ending: Ending;
  readonly kept: KeyPackageMap;
}

/** What is in a map since, or is another value. */
export const since = <K, V>(before: ReadonlyMap<K, V>, now: ReadonlyMap<K, V>): K[] =>
  [...now].flatMap(([key, value]) => (before.get(key) === value ? [] : [key]));

/** Whether nothing has changed between two moments. */
export function isSameMark(one: Mark, other: Mark): boolean {
  const same = <K, V>(a: ReadonlyMap<K, V>, b: ReadonlyMap<K, V>) =>
    a.size === b.size && since(a, b).length === 0;
  return same(one.kept, other.kept) && same(one.changed, other.changed) && same(one.ending, other.ending);
}

/**
 * The names of all signers that a client needs after a write.
 * @param identity that of new key packages: it may be one that a group has switched to
 * @param groups those before it
 */
export function neededSigners(
  identity: { readonly signatureKey: Uint8Array },
  {
    kept,
    groups,
    written,
    ending,
  }: Pick<Contents, "kept"> & {
    readonly groups: Iterable<StoredGroup>;
    readonly written: readonly ChangedGroup[];
    readonly ending: ReadonlySet<StoredGroup>;
  },
): ReadonlySet<string> {
  const changed = new Set(written.map(({ one }) => one));
  const others = [...groups].filter((one) => !ending.has(one) && !changed.has(one));
  const leaves = [identity, ...[...kept.values()].map(({ keyPackage }) => keyPackage.leafNode)];
  return new Set([
    ...leaves.map(({ signatureKey }) => nameOf(signatureKey)),
    ...[...others, ...written].flatMap(({ signers }) => signers),
  ]);
}
