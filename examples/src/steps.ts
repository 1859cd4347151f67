// What members do in a group, step by step, with a delivery service between them that hands all on to all.
import { equalBytes, MlsError } from "@copse/core";
import { type Agreement, compareStates, exportedSecret } from "./agreement.js";
import type { Participant, Person } from "./members.js";
import { people, type Report } from "./report.js";

/** Something went otherwise than it must. */
export class SessionError extends Error {
  override name = "SessionError";
}

export async function createGroup(creator: Person, report: Report): Promise<Participant> {
  const { value: group, milliseconds } = await timed(() => creator.client.createGroup());
  report.step(`${creator.name} creates a group`, { milliseconds });
  return { ...creator, group };
}

/** Adds people by their key packages. @returns the participants there were, and those who have joined */
export async function invite(
  inviter: Participant,
  participants: readonly Participant[],
  invited: readonly Person[],
  report: Report,
): Promise<Participant[]> {
  const { group } = inviter;
  const names = people(invited.map(({ name }) => name));
  const keyPackages = await timed(() => each(invited, ({ client }) => client.createKeyPackage()));
  report.step(plural(invited, `${names} makes a key package`, `${names} make key packages`), {
    bytes: keyPackages.value.reduce((sum, { length }) => sum + length, 0),
    milliseconds: keyPackages.milliseconds,
  });

  const added = await timed(async () => {
    const messages = await group.add(keyPackages.value);
    await group.mergePendingCommit();
    return messages;
  });
  const { commit, welcome } = added.value;
  if (welcome === undefined) throw new SessionError("there is no Welcome for those who were added");
  report.step(`${inviter.name} adds ${names}: commit`, {
    bytes: commit.length,
    milliseconds: added.milliseconds,
  });
  report.step("and the Welcome with the ratchet tree", { bytes: welcome.length });
  await each(others(participants, inviter), (participant) => participant.group.receive(commit));

  const joined = await timed(() => each(invited, ({ client }) => client.join(welcome)));
  report.step(plural(invited, `${names} joins`, `${names} join`), { milliseconds: joined.milliseconds });
  return [...participants, ...invited.map((person, i) => ({ ...person, group: joined.value[i]! }))];
}

/** Compares the states of all. @throws SessionError if they differ */
export async function checkAgreement(
  participants: readonly Participant[],
  report: Report,
): Promise<Agreement[]> {
  const agreements = await compareStates(participants);
  for (const { what, value, holds } of agreements) report.check(what, value, holds);
  report.blank();
  const differing = agreements.filter(({ holds }) => !holds).map(({ what }) => what);
  if (differing.length > 0) throw new SessionError(`the members differ in: ${differing.join(", ")}`);
  return agreements;
}

/** An application message, which all the others must read. */
export async function say(
  sender: Participant,
  participants: readonly Participant[],
  text: string,
  report: Report,
): Promise<Uint8Array> {
  const { value: message, milliseconds } = await timed(() => sender.group.encrypt(text));
  report.step(`${sender.name}: "${text}"`, { bytes: message.length, milliseconds });
  const readers = others(participants, sender);
  if (readers.length === 0) return message;
  const reading = await timed(() =>
    each(readers, async ({ name, group }) => {
      const received = await group.receive(message);
      const isRight = received.kind === "application" && new TextDecoder().decode(received.data) === text;
      if (!isRight) throw new SessionError(`${name} doesn't read what ${sender.name} wrote`);
    }),
  );
  const names = people(readers.map(({ name }) => name));
  report.step(plural(readers, `${names} reads it`, `${names} read it`), reading);
  return message;
}

/** A commit with a path: it renews the sender's leaf, and all nodes above it. */
export async function updateOwnKeys(
  member: Participant,
  participants: readonly Participant[],
  report: Report,
): Promise<void> {
  const updated = await timed(() => member.group.update());
  const { commit } = updated.value;
  report.step(`${member.name} commits to new keys`, {
    bytes: commit.length,
    milliseconds: updated.milliseconds,
  });
  await deliver(commit, member, participants, report);
}

/** An Update proposal of one member, which another commits. */
export async function updateByProposal(
  proposer: Participant,
  committer: Participant,
  participants: readonly Participant[],
  report: Report,
): Promise<void> {
  const proposed = await timed(() => proposer.group.propose({ update: true }));
  const proposal = proposed.value;
  report.step(`${proposer.name} proposes an Update`, {
    bytes: proposal.length,
    milliseconds: proposed.milliseconds,
  });
  await each(others(participants, proposer), ({ group }) => group.receive(proposal));

  const committed = await timed(() => committer.group.commit());
  report.step(`${committer.name} commits it`, {
    bytes: committed.value.commit.length,
    milliseconds: committed.milliseconds,
  });
  await deliver(committed.value.commit, committer, participants, report);
}

/** Takes a commit to everybody, its sender included: all enter the epoch that it starts. */
async function deliver(
  commit: Uint8Array,
  sender: Participant,
  participants: readonly Participant[],
  report: Report,
): Promise<void> {
  const delivery = await timed(() => each(participants, ({ group }) => group.receive(commit)));
  const names = people(participants.map(({ name }) => name));
  const { epoch } = sender.group;
  report.step(
    plural(participants, `${names} enters epoch ${epoch}`, `${names} enter epoch ${epoch}`),
    delivery,
  );
}

export async function exportSecrets(participants: readonly Participant[], report: Report): Promise<void> {
  const { value: secrets, milliseconds } = await timed(() =>
    each(participants, ({ group }) => exportedSecret(group)),
  );
  if (!secrets.every((secret) => equalBytes(secret, secrets[0] as Uint8Array))) {
    throw new SessionError("the members export different secrets");
  }
  const names = people(participants.map(({ name }) => name));
  report.step(`${names} export the same ${secrets[0]?.length} bytes`, { milliseconds });
}

/** Removes a member, and shows that it can do nothing more. @returns those who are left */
export async function shutOut(
  removed: Participant,
  remover: Participant,
  participants: readonly Participant[],
  report: Report,
): Promise<Participant[]> {
  const left = others(participants, removed);
  const { value, milliseconds } = await timed(() => remover.group.remove(removed.group.ownLeafIndex));
  report.step(`${remover.name} removes ${removed.name}: commit`, {
    bytes: value.commit.length,
    milliseconds,
  });
  await deliver(value.commit, remover, left, report);
  const message = await say(remover, left, `Now without ${removed.name}.`, report);

  // First as one who holds on to its old state, then as one who follows the protocol.
  const { name, group } = removed;
  await refused(`${name} tries to read it`, () => group.receive(message), report);
  if (equalBytes(await exportedSecret(group), await exportedSecret(remover.group))) {
    throw new SessionError(`${name} still exports the group's secret`);
  }
  report.step(`${name} exports another secret than the group`);
  const told = await group.receive(value.commit);
  if (told.kind !== "commit" || told.active) throw new SessionError(`${name} isn't told of its removal`);
  report.step(`${name} takes the commit, and learns of its removal`);
  await refused(`${name} tries to read it again`, () => group.receive(message), report);
  await refused(`${name} tries to write`, () => group.encrypt("Let me in!"), report);
  return left;
}

async function refused(text: string, attempt: () => Promise<unknown>, report: Report): Promise<void> {
  try {
    await attempt();
  } catch (error) {
    if (!(error instanceof MlsError)) throw error;
    report.step(`${text}: refused (${error.code})`);
    return;
  }
  throw new SessionError(`${text}, and isn't refused`);
}

function others(participants: readonly Participant[], one: Participant): Participant[] {
  return participants.filter((participant) => participant !== one);
}

/** One after the other, so that times add up. */
async function each<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}

async function timed<T>(work: () => Promise<T>): Promise<{ value: T; milliseconds: number }> {
  const start = performance.now();
  const value = await work();
  return { value, milliseconds: performance.now() - start };
}

function plural(items: readonly unknown[], one: string, many: string): string {
  return items.length === 1 ? one : many;
}
