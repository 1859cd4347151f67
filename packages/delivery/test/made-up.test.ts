// RFC 9420 §12.4.2, §12.4.3.2: an insider's commit that members refuse, and beside it a GroupInfo of a group without somebody.
import { generateSigner, ProposalType } from "@copse/core";
import type { Conversation, DeliveryService } from "@copse/delivery";
import { by } from "@copse/test-support/insiders";
import { expect, it } from "vitest";
import { type Junk, spoilt, submitJunk } from "./support/mallory.js";
import { turned } from "./support/outlaw.js";
import {
  agree,
  crypto,
  heard,
  names,
  problems,
  type Someone,
  SUITE,
  together,
  until,
  World,
} from "./support/people.js";

const ALL = ["alice", "bob", "carol", "mallory"];

type Three<T> = [T, T, T];

/** What a service shows Carol instead of the newest GroupInfo. */
class Show {
  groupInfo: Uint8Array | undefined;
  isOn = false;
  #looks = 0;
  #look: () => void = () => undefined;

  /** Waits until she has looked so often. */
  looked(count: number): Promise<void> {
    this.#looks = 0;
    return new Promise((resolve) => {
      this.#look = () => this.#looks >= count && resolve();
    });
  }

  readonly wrap = (service: DeliveryService, name: string): DeliveryService =>
    turned(service, {
      submit: (handshake, options) => {
        if (name === "mallory") this.groupInfo = handshake.groupInfo;
        return service.submit(handshake, options);
      },
      groupInfo: async (groupId, options) => {
        const found = await service.groupInfo(groupId, options);
        if (name !== "carol" || !this.isOn || found === undefined || this.groupInfo === undefined)
          return found;
        this.#looks++;
        this.#look();
        return { ...found, groupInfo: this.groupInfo };
      },
    });
}

/** Alice, Bob, Carol and Mallory at leaves 0 to 3. Mallory's messenger is closed when the junk is there. */
async function infiltrated(junk: Junk, show = new Show()) {
  const world = new World({ wrap: show.wrap });
  const signer = await generateSigner(crypto, SUITE);
  const people = (await world.people("alice", "bob", "carol")) as Three<Someone>;
  const mallory = await world.person("mallory", { signer });
  await mallory.messenger.settled();
  const all = await together([...people, mallory]);
  await agree([...people, mallory], all);
  const m = all.pop() as Conversation;
  await submitJunk(world.connect("mallory", signer.publicKey), m, signer, junk);
  await mallory.messenger.close();
  return { people, all: all as Three<Conversation> };
}

/** All are there, and were all the time; everybody can change the group, speak in it and be heard. */
async function goesOn(people: readonly Someone[], all: readonly Conversation[]) {
  await agree(people, all);
  await all[2]?.update();
  await all[0]?.update();
  for (const one of all) await (await one.send("here")).sent;
  for (const [i, one] of people.entries()) await heard(one, all[i] as Conversation, all.length);
  await agree(people, all);
  for (const one of all) expect(names(one)).toEqual(ALL);
  const removed = people.flatMap(({ events }) =>
    events.flatMap((one) => (one.kind === "members" ? one.entry.removed : [])),
  );
  expect(removed).toEqual([]);
}

const isJoiningAgain = (text: string) => text.includes("joined the group again");
const PSK = {
  proposalType: ProposalType.psk,
  psk: { pskType: 1, pskId: new Uint8Array(8), pskNonce: new Uint8Array(32) },
} as const;
const other = (junk: Omit<Junk, "beside">): Junk => ({ ...junk, beside: "other" });

it.each([false, true])(
  "isn't followed by who alone can't take it, whatever the service shows; after a restart: %s",
  async (isRestarted) => {
    const show = new Show();
    show.isOn = true;
    const looked = show.looked(3);
    const { people, all } = await infiltrated(other({ path: spoilt(0), isConfirmed: true }), show);
    const [alice, bob, carol] = people;
    await looked;
    const again = isRestarted ? await carol.reopen() : carol;
    if (isRestarted) await show.looked(2);
    expect([carol, again].flatMap(problems).filter(isJoiningAgain)).toEqual([]);
    show.isOn = false;
    const c = again.messenger.conversation(all[2].id) as Conversation;
    await goesOn([alice, bob, again], [all[0], all[1], c]);
    expect(problems(again).filter(isJoiningAgain)).not.toEqual([]);
  },
);

it.each([
  ["that is too large", other({ excess: 1_000_000 })],
  ["in the name of one of them", other({ sender: { senderType: 1, leafIndex: 2 }, wireFormat: 2 })],
  ["with a key that nobody has", other({ proposals: by(3, PSK), wireFormat: 2 })],
] as const)("isn't followed by those who refuse a commit %s", async (_, junk) => {
  const { people, all } = await infiltrated(junk);
  await until(people, () => people.every((one) => problems(one).some((text) => text.startsWith("junk"))));
  await goesOn(people, all);
  expect(people.flatMap(problems).filter(isJoiningAgain)).toEqual([]);
});
