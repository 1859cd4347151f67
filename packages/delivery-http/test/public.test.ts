// A service that follows groups with public handshakes refuses what no member would take.
import { basicCredential, Client, type Group, insecureAcceptAll } from "@copse/core";
import type { EpochKey, Submitted } from "@copse/delivery/service";
import type { HttpDelivery } from "@copse/delivery-http";
import { afterEach, expect, it } from "vitest";
import { crypto, handshake, message, newId, refusal, SUITE, TestService } from "./support.js";

let service: TestService | undefined;

afterEach(async () => {
  await service?.stop();
  service = undefined;
});

const utf8 = (text: string) => new TextEncoder().encode(text);
const policy = { handshake: "public" } as const;

async function member(name: string): Promise<Client> {
  return Client.create({
    crypto,
    suite: SUITE,
    credential: basicCredential(utf8(name)),
    authentication: insecureAcceptAll(),
    policy,
  });
}

/** The key of a group's present epoch. */
async function keyOf(group: Group): Promise<EpochKey> {
  const { hpke } = crypto.suite(SUITE);
  const { publicKey, privateKey } = await hpke.deriveKeyPair(
    await group.exportSecret("copse delivery", new Uint8Array(0), 32),
  );
  return {
    epoch: group.epoch,
    suite: SUITE,
    publicKey,
    open: (kemOutput, ciphertext) =>
      hpke.open(privateKey, kemOutput, utf8("copse delivery grant"), new Uint8Array(0), ciphertext),
  };
}

const accepted = (answer: Submitted): string => {
  if (answer.kind !== "accepted") throw new Error(JSON.stringify(answer));
  return answer.cursor;
};

/** Alice and Bob in a group that the service follows. */
async function start() {
  const running = await new TestService({ handshakes: { authentication: insecureAcceptAll() } }).start();
  service = running;
  const [alice, bob] = [await member("alice"), await member("bob")];
  const delivery = await running.connect("alice");
  const group = await alice.createGroup();
  const add = await group.commit({ add: [await bob.createKeyPackage()] });
  const nextKey = async (staged: typeof add): Promise<EpochKey> => {
    const secret = await staged.exportSecret("copse delivery", new Uint8Array(0), 32);
    return {
      ...(await crypto.suite(SUITE).hpke.deriveKeyPair(secret)),
      epoch: staged.epoch,
      suite: SUITE,
      open: () => secret,
    };
  };
  const submit = async (
    staged: typeof add,
    after: string,
    more: object = {},
    by: HttpDelivery = delivery,
  ) => {
    const key = await keyOf(group);
    return by.submit(
      handshake(group.groupId, await nextKey(staged), {
        after,
        message: staged.commit,
        groupInfo: await staged.groupInfo(),
        key: () => key,
        ...more,
      }),
    );
  };
  const made = accepted(await submit(add, ""));
  const welcome = add.welcome as Uint8Array;
  await add.merge();
  return { running, delivery, group, bobs: await bob.join(welcome), submit, made };
}

it("refuses a commit that is changed, of another epoch, or with a wrong GroupInfo, and takes the right one", async () => {
  const { running, delivery, group, submit, made } = await start();
  const before = await group.groupInfo();
  const other = await group.commit();
  const infoOfOther = await other.groupInfo();
  await other.discard();
  const staged = await group.commit();
  const changed = staged.commit.slice();
  changed[changed.length - 100]! ^= 1;
  const foreign = await (await (await member("eve")).createGroup()).groupInfo();
  for (const wrong of [
    { message: changed },
    { message: new Uint8Array(200) },
    { groupInfo: before },
    { groupInfo: infoOfOther },
    { groupInfo: foreign },
    { groupInfo: new Uint8Array(200) },
    { epoch: group.epoch + 1n },
  ])
    expect((await submit(staged, made, wrong)).kind).toBe("refused");
  expect(running.server.counters.refused).toBe(7);
  await running.restart();
  const cursor = accepted(await submit(staged, made));
  expect(await delivery.groupInfo(group.groupId)).toMatchObject({ handshake: cursor });
  await staged.merge();
  const key = await keyOf(group);
  const publish = (groupInfo: Uint8Array) =>
    refusal(delivery.publishGroupInfo(group.groupId, { groupInfo, handshake: cursor }, () => key));
  expect(await publish(before)).toBe("invalid");
  expect(await publish(foreign)).toBe("invalid");
  expect(await publish(await group.groupInfo())).toBe("done");
  // Past the order, and past the checks.
  const next = await group.commit();
  expect(await refusal(delivery.send(message(group.groupId, key, { message: next.commit })))).toBe("invalid");
  await next.discard();
  // What it doesn't order, it still tells apart: this one is late.
  expect(await submit(await group.commit(), made)).toMatchObject({ kind: "stale", first: { cursor } });
});

it("knows the proposals that a commit refers to, also after a restart", async () => {
  const { running, delivery, group, bobs, submit, made } = await start();
  const proposal = await bobs.propose({ update: true });
  await group.receive(proposal);
  const staged = await group.commit();
  expect((await submit(staged, made)).kind).toBe("refused");
  const key = await keyOf(group);
  await delivery.send(message(group.groupId, key, { id: newId(), message: proposal }));
  await running.restart();
  const cursor = accepted(await submit(staged, made));
  await staged.merge();
  await bobs.receive(staged.commit);
  const next = await bobs.propose({ update: true });
  await group.receive(next);
  await delivery.send(message(group.groupId, await keyOf(group), { message: next }));
  accepted(await submit(await group.commit(), cursor));
});
