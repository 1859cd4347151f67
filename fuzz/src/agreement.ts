// RFC 9420 §12.4.2: what the members and a follower say to one message, and where they may differ.
import { toHex } from "../../tests/support/bytes.js";
import type { Room, Seat } from "./room.js";
import { judge, type Verdict } from "./verdict.js";

/** Codes that no message from outside may lead to. */
const UNEXPECTED: ReadonlySet<string> = new Set([
  "encode",
  "key-not-extractable",
  "state",
  "pending",
  "reentrant",
  "try-again",
  "missing-signer",
]);
export const mayRefuse = (code: string): boolean => !UNEXPECTED.has(code);

/** Who said what. */
export interface Said {
  readonly seat: Seat | undefined;
  readonly verdict: Verdict;
}

/**
 * What a member can check and a follower can't, because it needs the epoch's secrets. Members may also differ in the
 * last four: a committer can encrypt to some members something else than to others.
 */
const BY_SECRETS: readonly RegExp[] = [
  /^validation 6\.2: the membership tag/,
  /^validation 12\.4\.2: the confirmation tag/,
  /^validation 7\.5: the derived public keys/,
  /^validation 7\.4: a path secret/,
  /^crypto$/,
];
const BY_PATH = BY_SECRETS.slice(1);
/** The follower knows no pre-shared keys. */
const BY_PSK = /^missing$/;

const isOwn = ({ value }: Verdict): boolean => (value as { kind?: string } | undefined)?.kind === "own";

/** Whether a member answers for itself alone: to its own message, or as it was removed. */
function isApart({ seat, verdict }: Said): boolean {
  return (
    isOwn(verdict) ||
    verdict.said === "own-message" ||
    (verdict.said === "accepted" && seat?.group.active === false)
  );
}

/** What members disagree about; `undefined` if they agree, or differ by nature. */
function disagreement(members: readonly Said[]): string | undefined {
  const compared = members.filter((one) => !isApart(one));
  const different = new Set(compared.map(({ verdict }) => verdict.said));
  if (different.size < 2) return undefined;
  const unnatural = [...different].filter(
    (said) => said !== "accepted" && !BY_PATH.some((one) => one.test(said)),
  );
  // Of verdicts that depend on a member's own secrets, all may occur at once.
  if (unnatural.length === 0) return undefined;
  const list = compared.map(({ seat, verdict }) => `${seat?.name}: ${verdict.said}`);
  return `members disagree: ${[...new Set(list)].join("; ")}`;
}

/** What a follower and a member disagree about. */
export function followerDiffers(member: Said, follower: Verdict): string | undefined {
  const { said } = member.verdict;
  if (isApart(member) || said === follower.said) return undefined;
  if (BY_SECRETS.some((one) => one.test(said)) || BY_PSK.test(said)) return undefined;
  // The follower began in this epoch: it can't verify what is of an earlier one.
  if (said !== "accepted" && follower.said === "past-epoch") return undefined;
  return `a follower differs: member: ${said}; follower: ${follower.said}`;
}

/** Gives a message to members. */
export async function tell(seats: readonly Seat[], message: Uint8Array): Promise<Said[]> {
  const all: Said[] = [];
  for (const seat of seats)
    all.push({ seat, verdict: await judge(() => seat.group.receive(message), mayRefuse) });
  return all;
}

/** What is wrong with what members said to one message, and with the epochs that they are in now. */
export function problemOf(
  room: Room,
  members: readonly Said[],
  follower: Verdict | undefined,
): string | undefined {
  for (const { seat, verdict } of members) {
    if (verdict.problem !== undefined) return `${seat?.party.config.provider.suite.id}: ${verdict.problem}`;
  }
  const differs = disagreement(members);
  if (differs !== undefined) return differs;
  const taken = members.filter((one) => one.verdict.said === "accepted" && !isApart(one));
  const epochs = new Set(taken.map(({ seat }) => (seat ? epochOf(seat) : "")));
  if (epochs.size > 1) return "members who accepted a message are in different epochs";
  const reports = new Set(taken.map(({ verdict }) => reportOf(verdict.value)));
  if (reports.size > 1) return "members report a message differently";
  const [first] = taken;
  if (first?.seat === undefined || follower?.said !== "accepted") return undefined;
  return followsAs(room, first.seat) ? undefined : "a follower is in another state than the members";
}

function epochOf({ group }: Seat): string {
  return `${group.epoch} ${toHex(group.epochAuthenticator)} ${group.proposals.length}`;
}

function followsAs({ follower }: Room, { group }: Seat): boolean {
  return (
    follower.epoch === group.epoch &&
    toHex(follower.treeHash) === toHex(group.treeHash) &&
    toHex(follower.confirmedTranscriptHash) === toHex(group.confirmedTranscriptHash) &&
    follower.proposals.length === group.proposals.length
  );
}

/** A report without what is a member's own. */
function reportOf(report: unknown): string {
  const {
    own: _,
    dropped: __,
    droppedPending: ___,
    active: ____,
    ...common
  } = report as Record<string, unknown>;
  return JSON.stringify(common, (_, value) => (typeof value === "bigint" ? `${value}` : value));
}
