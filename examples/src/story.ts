// The story of one group, from its creation to the removal of a member.
import type { Participant, Person } from "./members.js";
import { people, type Report } from "./report.js";
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

/**
 * Lets the people create a group and use it, and reports each step. There are at least two of them.
 * @throws SessionError if a message isn't read, is read by somebody who mustn't, or the members don't agree;
 *   MlsError if an operation fails
 */
export async function runStory(everybody: readonly Person[], report: Report): Promise<void> {
  report.columns();
  report.section("Create and invite");
  const [creator, ...invited] = everybody as [Person, ...Person[]];
  const alice = await createGroup(creator, report);
  let participants = await invite(alice, [alice], invited, report);
  const active = oneOfEachProvider(participants);
  const last = active.at(-1) as Participant;

  report.section("Talk");
  await say(alice, participants, "Hello, everybody!", report);
  for (const member of active.slice(1)) await say(member, participants, `Hello, ${alice.name}.`, report);

  report.section("Renew keys");
  for (const member of active.slice(1)) await updateOwnKeys(member, participants, report);
  await updateByProposal(participants[2] ?? last, alice, participants, report);

  report.section("Export a secret");
  await exportSecrets(participants, report);

  report.section("Remove");
  const removed = participants.at(-1) as Participant;
  participants = await shutOut(removed, removed === last ? alice : last, participants, report);
  report.blank();

  const names = people(participants.map(({ name }) => name));
  report.section(participants.length === 1 ? `Check: ${names} is alone` : `Check: do ${names} agree?`);
  await checkAgreement(participants, report);
}

/** The first member of each provider; the first two members, if all use the same one. */
function oneOfEachProvider(participants: readonly Participant[]): Participant[] {
  const first = new Map<string, Participant>();
  for (const participant of participants) {
    if (!first.has(participant.provider)) first.set(participant.provider, participant);
  }
  return first.size > 1 ? [...first.values()] : participants.slice(0, 2);
}
