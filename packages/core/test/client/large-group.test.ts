// A group of 1,000 members: joining, committing, messaging, removing, saving and restoring.
import { Client, type Group, generateSigner, insecureAcceptAll } from "@copse/core";
import { text } from "@copse/test-support/bytes";
import { reopened } from "@copse/test-support/clients";
import { providers } from "@copse/test-support/providers";
import { expect, it } from "vitest";

const SIZE = 1000;

async function heard(group: Group, message: Uint8Array): Promise<string> {
  const received = await group.receive(message);
  return received.kind === "application" ? text(received.data) : received.kind;
}

it.each([1, 3])("1,000 members in suite %i, three of them on different providers", async (suite) => {
  const all = await providers();
  const clients = await Promise.all(
    all.map(async (crypto, i) => {
      const signer = await generateSigner(crypto, suite);
      const authentication = insecureAcceptAll();
      return Client.create({ crypto, suite, credential: `live ${i}`, authentication, signer });
    }),
  );
  const [creator, ...joiners] = clients as [Client, ...Client[]];
  const crowd: Uint8Array[] = [];
  for (let i = 0; i < SIZE - clients.length; i++) {
    const client = await Client.create({
      crypto: all[0] as (typeof all)[number],
      suite,
      credential: `member ${i}`,
      authentication: insecureAcceptAll(),
    });
    crowd.push(await client.createKeyPackage());
  }
  const [second, third] = await Promise.all(joiners.map((client) => client.createKeyPackage()));
  const a = await creator.createGroup();
  // One at the front and one at the end of the tree.
  const { welcome } = await a.add([second as Uint8Array, ...crowd, third as Uint8Array]);
  await a.mergePendingCommit();
  const groups = [a];
  for (const client of joiners) groups.push(await client.join(welcome as Uint8Array));
  const [, b, c] = groups as [Group, Group, Group];
  expect(groups.map((group) => group.members.length)).toEqual([SIZE, SIZE, SIZE]);
  expect([b.ownLeafIndex, c.ownLeafIndex]).toEqual([1, SIZE - 1]);

  for (const committer of [a, c, b]) {
    const { commit } = await committer.update();
    for (const group of groups) if (group !== committer) await group.receive(commit);
    await committer.mergePendingCommit();
    const message = await committer.encrypt("after a commit");
    for (const group of groups)
      if (group !== committer) expect(await heard(group, message)).toBe("after a commit");
  }
  const { commit } = await a.remove([10, 500, 997]);
  for (const group of [b, c]) await group.receive(commit);
  await a.mergePendingCommit();
  expect(groups.map((group) => group.members.length)).toEqual([SIZE - 3, SIZE - 3, SIZE - 3]);
  expect(b.epochAuthenticator).toEqual(a.epochAuthenticator);
  expect(c.epochAuthenticator).toEqual(a.epochAuthenticator);

  const restored = await reopened(joiners[1] as Client, c);
  const last = await a.update();
  for (const group of [b, restored]) await group.receive(last.commit);
  await a.mergePendingCommit();
  expect(await heard(a, await restored.encrypt("restored"))).toBe("restored");
  expect(restored.epochAuthenticator).toEqual(b.epochAuthenticator);
});
