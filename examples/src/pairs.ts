// Groups of two providers, reported in one line each: each provider accepts everything that the other one makes.
import type { CryptoProvider } from "@copse/core";
import { makePeople, type Participant, type Person } from "./members.js";
import { Report } from "./report.js";
import {
  checkAgreement,
  createGroup,
  exportSecrets,
  invite,
  say,
  shutOut,
  updateByProposal,
  updateOwnKeys,
} from "./steps.js";

/** What became of a pair. */
export interface PairResult {
  readonly epoch: bigint;
  readonly milliseconds: number;
}

/**
 * Three members, of whom the second is on another provider than the others: each of the two providers adds, and
 * joins by the other's Welcome; all write, all renew their keys; one is removed.
 * @throws SessionError, MlsError as {@link runStory}
 */
export async function playPair(suite: number, pair: readonly CryptoProvider[]): Promise<PairResult> {
  const start = performance.now();
  const report = new Report(SILENT);
  const [first, second, third] = (await makePeople(suite, 3, pair)) as [Person, Person, Person];
  const alice = await createGroup(first, report);
  const two = await invite(alice, [alice], [second], report);
  const bob = two[1] as Participant;
  const three = await invite(bob, two, [third], report);
  const carol = three[2] as Participant;
  for (const sender of three) await say(sender, three, `Hello from ${sender.name}.`, report);
  for (const member of three) await updateOwnKeys(member, three, report);
  await updateByProposal(bob, carol, three, report);
  await exportSecrets(three, report);
  const left = await shutOut(carol, bob, three, report);
  for (const sender of left) await say(sender, left, "Still here.", report);
  await checkAgreement(left, report);
  return { epoch: alice.group.epoch, milliseconds: performance.now() - start };
}

/** All pairs of the items, each once. */
export function pairsOf<T>(items: readonly T[]): [T, T][] {
  return items.flatMap((a, i) => items.slice(i + 1).map((b): [T, T] => [a, b]));
}

const SILENT = { stdout: () => undefined, stderr: () => undefined, colour: false };
