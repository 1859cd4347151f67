// RFC 9420 §6, §12: messages to a group: of an insider, of an external sender, of a new member, and damaged ones.

import type { Group } from "@copse/core";
import { joinByExternalCommit, proposeJoin } from "@copse/core/external";
import { equalBytes } from "../../../packages/core/src/bytes.js";
import type { SourcedProposal } from "../../../packages/core/src/framing/sourced-proposal.js";
import type { Proposal } from "../../../packages/core/src/wire/proposal.js";
import { publicIn } from "../../../tests/support/clients.js";
import { by, forge } from "../../../tests/support/insiders.js";
import { followerDiffers, mayRefuse, problemOf, type Said, tell } from "../agreement.js";
import { PSK_ID, Room, type Seat } from "../room.js";
import { type FramePlan, frameOf, freshTree, MALLORY, noteUntouched, resigned, seal } from "../seal.js";
import { type ByteEdit, editBytes } from "../steps.js";
import type { Outcome, Target } from "../target.js";
import { isBytes, NoSuchPlace } from "../values.js";
import { judge, type Verdict } from "../verdict.js";

/** A commit of Mallory's with these proposals, with a good path and the right confirmation tag. */
interface ForgePlan {
  readonly kind: "forge";
  readonly proposals: readonly Proposal[];
  /** Indices of received proposals. */
  readonly references: readonly number[];
  readonly path: number;
  readonly wireFormat: number;
  readonly resign: number;
}

type Plan = FramePlan | ForgePlan | { readonly kind: "raw"; readonly message: Uint8Array };

async function encoded(room: Room, plan: Plan): Promise<Uint8Array> {
  if (plan.kind === "raw") {
    if (!isBytes(plan.message)) throw new NoSuchPlace();
    return plan.message;
  }
  if (plan.kind === "frame") return seal(room, plan);
  const changed = plan.resign === 1 ? await resigned(room, plan.proposals, MALLORY) : plan.proposals;
  const { mallory, proposals: received } = room;
  const references = plan.references.map((i) => received[i % received.length] as SourcedProposal);
  return forge(
    { ...mallory, epoch: { ...mallory.epoch, secretTree: freshTree(mallory) } },
    {
      proposals: [...references, ...by(MALLORY, ...(changed as Proposal[]))],
      ...(plan.path === 0 ? { path: "none" as const } : {}),
      wireFormat: plan.wireFormat === 2 ? 2 : 1,
    },
  );
}

/** What Mallory's client makes, taken apart. */
async function honestFrames(room: Room): Promise<[string, FramePlan][]> {
  const seat = room.seat("mallory");
  const { newMember } = room;
  const keyPackage = () => newMember.client.createKeyPackage();
  const others = room.seats.length - 1;
  const frames: [string, FramePlan][] = [];
  const note = (name: string, message: Uint8Array, from = 0) => {
    const { content, auth } = publicIn(message);
    const { groupId, epoch, sender, authenticatedData } = content;
    const { confirmationTag = new Uint8Array(32) } = auth;
    frames.push([
      name,
      frameOf(room, content.content, { from, groupId, epoch, sender, authenticatedData, confirmationTag }),
    ]);
  };
  const propose = async (name: string, request: Parameters<Group["propose"]>[0]) => {
    note(name, await seat.group.propose(request));
    await room.reset([seat]);
  };
  await propose("propose update", { update: true });
  await propose("propose add", { add: await keyPackage() });
  await propose("propose remove", { remove: 1 });
  await propose("propose psk", { psk: { external: PSK_ID } });
  await propose("propose extensions", { extensions: seat.group.extensions });
  await propose("propose reinit", {
    reinit: { groupId: new Uint8Array([1]), cipherSuite: newMember.client.cipherSuite.id, extensions: [] },
  });
  const commit = async (name: string, options: Parameters<Group["commit"]>[0]) => {
    note(name, (await seat.group.commit(options)).commit);
    await room.reset([seat]);
  };
  await commit("commit update", { forcePath: true });
  await commit("commit add", { add: [await keyPackage()] });
  await commit("commit remove", { remove: [others] });
  await commit("commit psk", { psks: [{ external: PSK_ID }] });
  await commit("commit extensions", { extensions: seat.group.extensions });
  const { groupId, epoch } = seat.group;
  note("new member proposes", await proposeJoin(newMember.client, { groupId, epoch }), 1);
  note("server proposes", await room.follower.propose(room.server, { remove: others }), 2);
  for (const [name, resync] of [
    ["external commit", false],
    ["external resync", true],
  ] as const) {
    const isMallory = ({ leafIndex }: { leafIndex: number }) => leafIndex === MALLORY;
    const joined = await joinByExternalCommit(
      newMember.client,
      room.groupInfo,
      resync ? { resync: isMallory } : {},
    );
    await joined.group.close();
    note(name, joined.commit, 1);
  }
  return frames;
}

async function plansFor(room: Room): Promise<Map<string, Plan>> {
  const frames = await honestFrames(room);
  const plans = new Map<string, Plan>(frames);
  for (const [name, plan] of frames) {
    if (plan.from === 0) plans.set(`private ${name}`, { ...plan, wireFormat: 2, padding: new Uint8Array(3) });
  }
  const application = { contentType: 1, applicationData: new Uint8Array([1, 2, 3]) } as const;
  plans.set("application", frameOf(room, application, { wireFormat: 2, padding: new Uint8Array(5) }));
  const proposals = frames.flatMap(([, { content }]) => ("proposal" in content ? [content.proposal] : []));
  const forged = { kind: "forge", references: [], path: 1, wireFormat: 1, resign: 1 } as const;
  plans.set("forge nothing", { ...forged, proposals: [] });
  for (const [i, proposal] of proposals.slice(1).entries()) {
    plans.set(`forge ${i}`, { ...forged, path: i % 2, proposals: [proposal] });
  }
  plans.set("forge references", { ...forged, proposals: [], references: [0, 1, 2] });
  plans.set("forge several", { ...forged, proposals: proposals.slice(1, 3), references: [1] });
  for (const [name, message] of room.old) plans.set(name, { kind: "raw", message });
  noteUntouched([...plans.values()]);
  return plans;
}

/** A group, and the messages that are sent to it. */
export async function messagesTo(suite: number) {
  const room = await Room.create(suite);
  const plans: ReadonlyMap<string, unknown> = await plansFor(room);
  const message = async (plan: unknown, edits: readonly ByteEdit[]): Promise<Uint8Array | undefined> => {
    try {
      return edits.reduce(editBytes, await encoded(room, plan as Plan));
    } catch {
      return undefined;
    }
  };
  return { room, plans, encoded: message };
}

const isPublic = (message: Uint8Array): boolean => message[3] === 1;

class Receiver implements Target {
  readonly name: string;
  readonly plans: ReadonlyMap<string, unknown>;
  readonly #room: Room;
  readonly #encoded: Awaited<ReturnType<typeof messagesTo>>["encoded"];
  /** Whether everybody gets each message, not only those that somebody accepts. */
  readonly #all: boolean;
  /** How often a message of each kind was taken. */
  readonly #taken = new Map<string, number>();

  constructor(name: string, { room, plans, encoded }: Awaited<ReturnType<typeof messagesTo>>, all: boolean) {
    this.name = name;
    this.plans = plans;
    this.#room = room;
    this.#encoded = encoded;
    this.#all = all;
  }

  async run(plan: unknown, edits: readonly ByteEdit[]): Promise<Outcome | undefined> {
    const room = this.#room;
    const message = await this.#encoded(plan, edits);
    if (message === undefined) return undefined;
    const { bob, seats, follower } = room;
    const [said] = (await tell([bob], message)) as [Said];
    const outside = isPublic(message) ? await judge(() => follower.receive(message), mayRefuse) : undefined;
    const isTaken = said.verdict.said === "accepted" || outside?.said === "accepted";
    // Mallory's own client knows her commits, and calls everything else her own.
    const others = seats.filter((seat) => seat !== bob && seat.name !== "mallory");
    const members =
      this.#all || (isTaken && this.#asksAll(said)) ? [said, ...(await tell(others, message))] : [said];
    const problem = await this.#judge(members, outside);
    if (isTaken || members.some(({ verdict }) => verdict.said === "accepted"))
      await this.#reset(members, outside);
    const { detail, milliseconds, memory } = said.verdict;
    const feature = `${detail}${outside === undefined ? "" : ` / ${outside.said}`}${kindOf(said.verdict)}`;
    return { feature, problem, size: message.length, milliseconds, memory };
  }

  /** Whether to ask everybody about a message that was taken: always for a new kind, then now and then. */
  #asksAll({ verdict }: Said): boolean {
    const kind = `${verdict.said} ${kindOf(verdict)}`;
    const times = (this.#taken.get(kind) ?? 0) + 1;
    this.#taken.set(kind, times);
    return times % 8 === 1;
  }

  async #judge(members: readonly Said[], outside: Verdict | undefined): Promise<string | undefined> {
    const problem = problemOf(this.#room, members, outside);
    if (problem !== undefined || outside === undefined) return problem;
    return outside.problem ?? followerDiffers(members[0] as Said, outside);
  }

  async #reset(members: readonly Said[], outside: Verdict | undefined): Promise<void> {
    const changed = members.filter(({ verdict }) => verdict.said === "accepted");
    await this.#room.reset(changed.map(({ seat }) => seat as Seat));
    if (outside?.said === "accepted") await this.#room.resetFollower();
  }

  /** Refused messages must leave every state as it was, byte for byte. */
  async settle(): Promise<string | undefined> {
    const { seats, bob } = this.#room;
    for (const seat of this.#all ? seats : [bob]) {
      if (equalBytes(await seat.group.save(), seat.saved)) continue;
      await this.#room.reset([seat]);
      return "a refused message changed the state";
    }
    return undefined;
  }
}

/** What was accepted. */
function kindOf({ value }: Verdict): string {
  const { kind, proposal } = (value ?? {}) as { kind?: string; proposal?: { proposalType?: number } };
  return kind === undefined ? "" : ` ${kind} ${proposal?.proposalType ?? ""}`;
}

async function receiver(name: string, suite: number, all: boolean): Promise<Target> {
  return new Receiver(name, await messagesTo(suite), all);
}

export const receiveTarget = (suite: number): Promise<Target> => receiver("receive", suite, false);
export const differentialTarget = (suite: number): Promise<Target> => receiver("differential", suite, true);
