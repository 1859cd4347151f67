// RFC 9420 §10, §12.1.1: key packages that a server hands out. What a member commits, everybody must accept; and what
// is refused here, everybody must refuse from a member who commits it all the same.
import { equalBytes } from "../../../packages/core/src/bytes.js";
import type { KeyPackage } from "../../../packages/core/src/wire/key-package.js";
import { writeKeyPackage } from "../../../packages/core/src/wire/mls-message.js";
import { ProposalType } from "../../../packages/core/src/wire/proposal.js";
import { keyPackageIn, type Party, party } from "../../../tests/support/clients.js";
import { by, forge } from "../../../tests/support/insiders.js";
import { mayRefuse, problemOf, tell } from "../agreement.js";
import { Room } from "../room.js";
import { freshTree, MALLORY, noteUntouched, resigned } from "../seal.js";
import { type ByteEdit, editBytes } from "../steps.js";
import type { Outcome, Target } from "../target.js";
import { judge } from "../verdict.js";

interface AddPlan {
  readonly keyPackages: readonly KeyPackage[];
  readonly resign: number;
}

/**
 * What a committer refuses and a receiver must take: lifetimes bind senders only (§7.3). And what only bytes can have,
 * which no other message can carry.
 */
const BY_SENDING: readonly RegExp[] = [/^validation 7\.[23]: .*lifetime/, /^decode$/, /^usage$/, /^limit$/];

/** A key package with extensions in each place that takes some. */
async function extendedKeyPackage({ signer }: Party, suite: number): Promise<KeyPackage> {
  const types = [0xf001, 0xf002];
  const extensions = types.map((extensionType) => ({ extensionType, extensionData: new Uint8Array(4) }));
  const capabilities = { extensions: types };
  const { client } = await party("extended", { suite, signer, capabilities, leafExtensions: extensions });
  return keyPackageIn(await client.createKeyPackage({ extensions }));
}

export async function addTarget(suite: number): Promise<Target> {
  const room = await Room.create(suite);
  const packages: KeyPackage[] = [];
  for (let i = 0; i < 3; i++) packages.push(keyPackageIn(await room.newMember.client.createKeyPackage()));
  const extended = await extendedKeyPackage(room.newMember, suite);
  const plans = new Map<string, AddPlan>([
    ["key package", { keyPackages: packages.slice(0, 1), resign: 1 }],
    ["key packages", { keyPackages: packages.slice(1), resign: 1 }],
    ["with extensions", { keyPackages: [extended], resign: 1 }],
  ]);
  noteUntouched([...plans.values()]);

  /** Whether the same Adds are accepted from Mallory, who checks nothing. */
  async function fromInsider(keyPackages: readonly KeyPackage[]): Promise<string> {
    const { mallory } = room;
    const adds = keyPackages.map((keyPackage) => ({ proposalType: ProposalType.add, keyPackage }) as const);
    const from = { ...mallory, epoch: { ...mallory.epoch, secretTree: freshTree(mallory) } };
    const message = await forge(from, { proposals: by(MALLORY, ...adds) });
    const verdict = await judge(() => room.bob.group.receive(message), mayRefuse);
    if (verdict.said === "accepted") await room.reset([room.bob]);
    return verdict.problem ?? verdict.said;
  }

  async function run(plan: unknown, edits: readonly ByteEdit[]): Promise<Outcome | undefined> {
    const { keyPackages, resign } = plan as AddPlan;
    const { bob, seats } = room;
    let made: readonly KeyPackage[];
    let messages: Uint8Array[];
    try {
      made = (resign === 1 ? await resigned(room, keyPackages, 0) : keyPackages) as readonly KeyPackage[];
      messages = made.map((one) => edits.reduce(editBytes, writeKeyPackage(one)));
    } catch {
      return undefined;
    }
    const size = messages.reduce((sum, { length }) => sum + length, 0);
    const verdict = await judge(() => bob.group.commit({ add: messages }), mayRefuse);
    let { problem } = verdict;
    if (verdict.said === "accepted") {
      const { commit } = verdict.value as { readonly commit: Uint8Array };
      const members = await tell(seats, commit);
      problem ??= problemOf(room, members, undefined);
      if (members.some((one) => one.verdict.said !== "accepted"))
        problem ??= `committed, but refused: ${members.map((one) => one.verdict.said).join()}`;
      await room.reset();
    } else if (edits.length === 0 && made.length < 10 && !BY_SENDING.some((one) => one.test(verdict.said))) {
      const insider = await fromInsider(made);
      if (insider === "accepted")
        problem ??= `refused when committed, accepted when received: ${verdict.said}`;
    }
    return { ...verdict, feature: verdict.detail, problem, size };
  }

  async function settle(): Promise<string | undefined> {
    const { bob } = room;
    if (equalBytes(await bob.group.save(), bob.saved)) return undefined;
    await room.reset([bob]);
    return "a refused key package changed the state";
  }
  return { name: "add", plans, run, settle };
}
