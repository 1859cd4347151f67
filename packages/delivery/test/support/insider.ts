// A conversation with an insider: Mallory's group is in other hands.
import { type Group, generateSigner, type Signer } from "@copse/core";
import type { Conversation, DeliveryService } from "@copse/delivery";
import { hasHeard } from "./led.js";
import { copyOf, Schemer } from "./outlaw.js";
import {
  agree,
  crypto,
  problems,
  type Someone,
  SUITE,
  together,
  until,
  World,
  type WorldOptions,
} from "./people.js";

export const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export interface Insider {
  readonly world: World;
  /** The others, in the order of their names, and their conversations. */
  readonly people: Someone[];
  readonly all: Conversation[];
  readonly mallory: Someone;
  readonly m: Conversation;
  readonly signer: Signer;
  /** Mallory's line, and a copy of its group. */
  readonly service: DeliveryService;
  readonly copy: Group;
}

/**
 * All of these, and Mallory, at a service that doesn't know who is a member.
 * @param names with Mallory's, if it isn't the last one
 * @param stays whether Mallory's messenger stays open
 */
export async function withMallory(
  names: readonly string[],
  options: WorldOptions,
  stays = false,
): Promise<Insider> {
  const world = new World({ members: "unchecked", ...options });
  const signer = await generateSigner(crypto, SUITE);
  const everybody: Someone[] = [];
  for (const name of names.includes("mallory") ? names : [...names, "mallory"])
    everybody.push(await world.person(name, name === "mallory" ? { signer } : {}));
  for (const one of everybody) await one.messenger.settled();
  const conversations = await together(everybody);
  await agree(everybody, conversations);
  for (const one of everybody) await one.messenger.settled();
  const at = everybody.findIndex(({ name }) => name === "mallory");
  const [mallory] = everybody.splice(at, 1) as [Someone];
  const [m] = conversations.splice(at, 1) as [Conversation];
  const copy = await copyOf(m.group, "mallory", signer);
  if (!stays) await mallory.messenger.close();
  const service = world.connect("mallory", signer.publicKey);
  return { world, people: everybody, all: conversations, mallory, m, signer, service, copy };
}

/** Has all refuse a handshake. From now on the copy is where nobody else is. */
export async function disturb(people: readonly Someone[], { service, copy }: Insider): Promise<void> {
  const count = (one: Someone) => problems(one).filter((text) => text.startsWith("junk")).length;
  const before = people.map(count);
  await (await copy.commit({ forcePath: true })).merge();
  await (await Schemer.at(service, copy)).fork(1);
  await until(people, () => people.every((one, i) => count(one) > (before[i] ?? 0)));
}

/** Somebody says something, and all who are there hear it. */
export async function tell(text: string, one: Conversation, people: readonly Someone[]): Promise<void> {
  await (await one.send(text)).sent;
  await until(people, () => people.every((who) => hasHeard(who, text)));
}
