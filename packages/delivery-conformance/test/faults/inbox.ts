// Services with one fault each, in Welcomes and in the newest GroupInfo.
import { DeliveryError, type DeliveryService, type Handshake } from "@copse/delivery";
import { changing, type Fault, faulty, freshId, hex, note, of, turns } from "./faulty.js";

/** Delivers a handshake's Welcomes whatever becomes of it: with another group's handshake. */
async function deliver(inner: DeliveryService, { welcomes, nextKey }: Handshake): Promise<void> {
  const id = freshId();
  const some = new Uint8Array(Buffer.from(id));
  const parts = { groupId: some, epoch: 0n, after: "", message: some, groupInfo: some };
  await inner.submit({ ...parts, id, nextKey, welcomes });
}

const publishing = (
  publish: (
    inner: DeliveryService,
    ...call: Parameters<DeliveryService["publishGroupInfo"]>
  ) => Promise<boolean>,
) => faulty(({ inner }) => ({ publishGroupInfo: (...call) => publish(inner, ...call) }));

/** What it does with a handshake that has Welcomes for key packages that nobody has published. */
const judging = (judge: (handshake: Handshake) => Handshake) =>
  faulty(({ inner, shared }) => {
    const published = () => note(shared, "published", new Set<string>());
    return {
      async publishKeyPackages(keyPackages, options) {
        await inner.publishKeyPackages(keyPackages, options);
        for (const { reference } of keyPackages) published().add(hex(reference));
      },
      async submit(handshake, options) {
        const areAll = handshake.welcomes.every(({ reference }) => published().has(hex(reference)));
        return inner.submit(areAll ? handshake : judge(handshake), options);
      },
    };
  });

const NOBODYS = "inbox: a Welcome for nobody stops neither the handshake nor the others";
const PLACES = "inbox: it goes on from each place, and with what comes";
const CLEARED = "inbox: what is cleared is gone, and the rest is there";

export const FAULTS: readonly Fault[] = [
  of(
    "refuses a handshake that has a Welcome for nobody",
    NOBODYS,
    judging(() => {
      throw new DeliveryError("invalid", "nobody has published this key package");
    }),
  ),
  of(
    "drops all Welcomes of a handshake that has one for nobody",
    NOBODYS,
    judging((handshake) => ({ ...handshake, welcomes: [] })),
  ),
  of(
    "doesn't say by which handshake a client was added",
    "inbox: a Welcome comes to the client whose key package it names",
    faulty(({ inner }) => ({
      inbox: (after) =>
        changing(inner.inbox(after), (entries) => entries.map((entry) => ({ ...entry, handshake: "" }))),
    })),
  ),
  of(
    "has one inbox for all clients of a user",
    "inbox: a Welcome comes to the client whose key package it names",
    faulty(({ shared, user }) => {
      const phone = shared.memory.connect(user, "phone");
      return {
        publishKeyPackages: (some) => phone.publishKeyPackages(some),
        inbox: (after, options) => phone.inbox(after, options),
        close: () => phone.close(),
      };
    }),
  ),
  of(
    "delivers the Welcomes of late handshakes",
    "inbox: Welcomes of a late handshake aren't delivered",
    faulty(({ inner }) => ({
      async submit(handshake, options) {
        const answer = await inner.submit(handshake, options);
        if (answer.kind === "stale" && handshake.welcomes.length > 0) await deliver(inner, handshake);
        return answer;
      },
    })),
  ),
  of(
    "delivers the Welcomes of a handshake each time that it is sent",
    "inbox: a handshake that is sent twice delivers its Welcomes once",
    faulty(({ inner, shared }) => ({
      async submit(handshake, options) {
        const known = note(shared, "known", new Set<string>());
        if (known.has(handshake.id)) await deliver(inner, handshake);
        known.add(handshake.id);
        return inner.submit(handshake, options);
      },
    })),
  ),
  of(
    "delivers one Welcome for each key package",
    "inbox: one of last resort has several Welcomes",
    faulty(({ inner, shared }) => ({
      submit(handshake, options) {
        const known = note(shared, "known", new Set<string>());
        const welcomes = handshake.welcomes.filter(({ reference }) => !known.has(hex(reference)));
        for (const { reference } of welcomes) known.add(hex(reference));
        return inner.submit({ ...handshake, welcomes }, options);
      },
    })),
  ),
  of(
    "reads an inbox from its beginning",
    PLACES,
    faulty(({ inner }) => ({ inbox: (_, options) => inner.inbox("", options) })),
  ),
  of(
    "gives what is in an inbox, and nothing that comes",
    PLACES,
    faulty(({ inner }) => ({
      async *inbox(after, options) {
        for await (const batch of inner.inbox(after, options)) {
          yield batch;
          if (batch.behind === 0) await new Promise(() => undefined);
        }
      },
    })),
  ),
  of(
    "clears nothing",
    CLEARED,
    faulty(() => ({ clearInbox: async () => undefined })),
  ),
  of(
    "clears all",
    CLEARED,
    faulty(({ inner }) => ({
      async clearInbox() {
        for await (const { entries, behind } of inner.inbox("")) {
          const last = entries.at(-1);
          if (last !== undefined) await inner.clearInbox(last.cursor);
          if (behind === 0) return;
        }
      },
    })),
  ),
  of(
    "takes the GroupInfo of a late handshake",
    "group info: it is that of the newest handshake",
    faulty(({ inner }) => ({
      async submit(handshake, options) {
        const answer = await inner.submit(handshake, options);
        const newest = answer.kind === "stale" && (await inner.groupInfo(handshake.groupId));
        if (newest)
          await inner.publishGroupInfo(
            handshake.groupId,
            { ...newest, groupInfo: handshake.groupInfo },
            () => undefined,
          );
        return answer;
      },
    })),
  ),
  of(
    "publishes no other GroupInfo",
    "group info: another one takes its place",
    publishing(async () => true),
  ),
  of(
    "takes a GroupInfo after another handshake",
    "group info: none takes its place when another handshake has come",
    publishing(async (inner, groupId, { groupInfo }, key) => {
      const newest = await inner.groupInfo(groupId);
      return newest !== undefined && inner.publishGroupInfo(groupId, { ...newest, groupInfo }, key);
    }),
  ),
  of(
    "compares the handshake first, and takes the GroupInfo later",
    "group info: of two that come with a handshake, the handshake's stays",
    publishing(async (inner, groupId, { groupInfo, handshake }, key) => {
      const now = await inner.groupInfo(groupId);
      if (now?.handshake !== handshake) return false;
      await turns(20);
      const newest = (await inner.groupInfo(groupId)) ?? now;
      return inner.publishGroupInfo(groupId, { ...newest, groupInfo }, key);
    }),
  ),
];
