// RFC 9420 §12.4, §16: how many proposals of an epoch are kept: a share for each sender, which nobody else can take.
import { MlsError } from "../../errors.js";
import type { CipherSuite } from "../../provider/index.js";
import { type Sender, SenderType } from "../../wire/index.js";
import { keyPackageSize, MAX_PROPOSAL_SIZE } from "../limits.js";
import type { CachedProposal } from "../state.js";

/** How many proposals a sender may send in an epoch. All new members together are one sender. */
export const MAX_PROPOSALS_OF_SENDER = 256;

type Sized = Pick<CachedProposal, "sender" | "size">;

/** How many bytes they may take together: as many Adds of ordinary size, and one proposal of the largest. */
export const maxShareSize = (suite: CipherSuite): number =>
  MAX_PROPOSALS_OF_SENDER * keyPackageSize(suite) + MAX_PROPOSAL_SIZE;

function nameOf(sender: Sender): string {
  if (sender.senderType === SenderType.member) return `member ${sender.leafIndex}`;
  return sender.senderType === SenderType.external ? `external ${sender.senderIndex}` : "new member";
}

/** What a sender has sent. */
interface Share {
  readonly count: number;
  readonly size: number;
}

const NOTHING: Share = { count: 0, size: 0 };

const isTooLarge = (suite: CipherSuite, { count, size }: Share): boolean =>
  count > MAX_PROPOSALS_OF_SENDER || size > maxShareSize(suite);

const plus = ({ count, size }: Share, one: Sized): Share => ({ count: count + 1, size: size + one.size });

/**
 * Tells whether the sender of a cached proposal has kept to its share. Own commits have nothing of one who hasn't: of
 * such a sender other members may have kept other proposals, if these came in another order.
 */
export function keepsToShare(suite: CipherSuite, known: readonly Sized[]): (one: Sized) => boolean {
  const shares = new Map<string, Share>();
  for (const one of known) {
    const name = nameOf(one.sender);
    shares.set(name, plus(shares.get(name) ?? NOTHING, one));
  }
  return ({ sender }) => !isTooLarge(suite, shares.get(nameOf(sender)) ?? NOTHING);
}

/**
 * Checks that there is room for one more proposal. It depends on what its sender has sent before, and on nothing else.
 * Nobody sends more than a share. A receiver keeps one proposal above it, which shows who does. A dropped one takes its
 * room too: another member may commit it, and its key is consumed.
 * @throws MlsError `limit`
 */
export function checkRoom(
  suite: CipherSuite,
  known: readonly Sized[],
  one: Sized,
  direction: "sending" | "receiving",
): void {
  const name = nameOf(one.sender);
  const before = known.filter(({ sender }) => nameOf(sender) === name).reduce(plus, NOTHING);
  if (isTooLarge(suite, direction === "sending" ? plus(before, one) : before)) {
    throw new MlsError(
      "limit",
      `expected at most ${MAX_PROPOSALS_OF_SENDER} proposals and ${maxShareSize(suite)} bytes of one sender in an epoch`,
    );
  }
}

/**
 * At most so many proposals, in their order: if there are more, the first of each sender, then the second of each, and
 * so on, so that nobody can keep out those of others.
 */
export function fairly<S extends { readonly sender: Sender }>(
  list: readonly S[],
  most: number,
): readonly S[] {
  if (list.length <= most) return list;
  const counts = new Map<string, number>();
  const ranked = list.map((one, index) => {
    const name = nameOf(one.sender);
    const rank = counts.get(name) ?? 0;
    counts.set(name, rank + 1);
    return { one, index, rank };
  });
  const chosen = ranked.sort((a, b) => a.rank - b.rank).slice(0, most);
  return chosen.sort((a, b) => a.index - b.index).map(({ one }) => one);
}
