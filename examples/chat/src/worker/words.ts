// What happened in a group, in plain words.
import type { HistoryEntry, MembersEntry, Person } from "@copse/delivery";
import type { LitPath } from "../tree/path.js";

const list = new Intl.ListFormat("en", { type: "conjunction" });

export const listed = (names: readonly string[]): string => list.format(names).replace(/, and /, " and ");

/** People by their names, each once; this device's owner is "you". */
const namesOf = (people: readonly Person[]): string =>
  listed([...new Set(people.map(({ user, own }) => (own ? "you" : user)))]);

const begin = (text: string): string => text.charAt(0).toLocaleUpperCase() + text.slice(1);

const nameOf = ({ user, own }: Pick<Person, "user" | "own">): string => (own ? "you" : user);

/** Whether this device has joined by an invitation. */
export const isJoining = ({ by, added }: MembersEntry): boolean => !by.own && added.some(({ own }) => own);

/** Who came and went. @returns "" if nobody did */
export function wordsForMembers(entry: MembersEntry): string {
  const { epoch, by, added, removed, left, rejoined } = entry;
  if (isJoining(entry)) return `${begin(by.user)} invited you, and you joined`;
  const hasLeft = (one: Person) => left.some(({ user }) => user === one.user);
  const out = removed.filter((one) => !hasLeft(one));
  // The first commit of a group.
  if (epoch === 1n)
    return begin(`${nameOf(by)} started the group${added.length > 0 ? ` with ${namesOf(added)}` : ""}`);
  const parts: string[] = [];
  if (added.length > 0) parts.push(`${nameOf(by)} added ${namesOf(added)}`);
  if (left.length > 0) parts.push(`${namesOf(left)} left`);
  if (out.length > 0) parts.push(`${nameOf(by)} removed ${namesOf(out)}`);
  if (rejoined.length > 0) parts.push(`${namesOf(rejoined)} came back with new keys`);
  return begin(parts.join("; "));
}

/** The line under a conversation's name in the list. */
export function lastWords(entry: HistoryEntry | undefined): string {
  if (entry === undefined) return "";
  if (entry.kind === "members") return wordsForMembers(entry);
  return `${entry.sender.own ? "You" : entry.sender.user}: ${entry.text}`;
}

/** A commit, as far as this device knows what it was. */
export interface CommitRecord {
  readonly epoch: string;
  readonly by: Pick<Person, "user" | "own">;
  readonly bytes: number;
  readonly path: LitPath;
}

const plural = (count: number, one: string): string =>
  `${count.toLocaleString("en")} ${one}${count === 1 ? "" : "s"}`;

/** What a commit did. @param members who came and went by it */
export function deedOf({ by }: Pick<CommitRecord, "by">, members: MembersEntry | undefined): string {
  const changed = members === undefined ? "" : wordsForMembers(members);
  return changed === "" ? `${begin(nameOf(by))} made new keys` : changed;
}

export function wordsForCommit(commit: CommitRecord, members: MembersEntry | undefined): string {
  const { epoch, bytes, path } = commit;
  const way =
    path.renewed.length === 0
      ? "It needs no new keys in the tree: new members have theirs by the Welcome."
      : `It has new keys for ${plural(path.renewed.length, "node")}, and ${plural(path.reached.length, "ciphertext")} for the others.`;
  return `${deedOf(commit, members)}. The commit of ${plural(bytes, "byte")} started epoch ${epoch}. ${way}`;
}

export const wordsForJoining = (by: string, epoch: bigint): string =>
  `${by} invited you, and you joined in epoch ${epoch}. The Welcome had the epoch's secret, encrypted to your key package, and the tree with everybody's keys.`;

export function wordsForMessage(who: Person, text: string, bytes: number | undefined): string {
  const size = bytes === undefined ? "" : `: ${plural(bytes, "byte")} on the wire`;
  return `${begin(nameOf(who))} wrote ${plural(Array.from(text).length, "character")}${size}.`;
}

/** A sentence of an error. */
export function sentence(text: string): string {
  const whole = begin(text);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}
