// RFC 9420 §11, §12: a short life of a group, which throws where something isn't as it should be.
import { Client, type CryptoProvider, type Group, insecureAcceptAll } from "@copse/core";

function check(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`session: ${what}`);
}

const same = (a: Uint8Array, b: Uint8Array) => a.length === b.length && a.every((byte, i) => byte === b[i]);

async function send(from: Group, to: Group, text: string): Promise<void> {
  const got = await to.receive(await from.encrypt(text));
  check(got.kind === "application", "a message was read as something else");
  check(String.fromCharCode(...got.data) === text, "a message says something else");
}

/**
 * Alice creates a group, Bob and Carol join, all talk, Bob updates, Carol is removed, and those who remain
 * export the same secret. Bob's cryptography is `other`'s where that serves the suite.
 */
export async function session(suite: number, provider: CryptoProvider, other: CryptoProvider): Promise<void> {
  const common = { suite, authentication: insecureAcceptAll() };
  const mixed = other.suites.some(({ id }) => id === suite) ? other : provider;
  const [alice, bob, carol] = [
    await Client.create({ ...common, crypto: provider, credential: "alice" }),
    await Client.create({ ...common, crypto: mixed, credential: "bob" }),
    await Client.create({ ...common, crypto: provider, credential: "carol" }),
  ];
  const a = await alice.createGroup();
  const { welcome } = await a.add([await bob.createKeyPackage(), await carol.createKeyPackage()]);
  check(welcome !== undefined, "there is no Welcome");
  await a.mergePendingCommit();
  const [b, c] = [await bob.join(welcome), await carol.join(welcome)];
  await send(a, b, "from alice");
  await send(b, c, "from bob");
  await send(c, a, "from carol");

  const updated = await b.update();
  for (const group of [a, c]) await group.receive(updated.commit);
  await b.mergePendingCommit();
  for (const group of [a, c])
    check(same(group.epochAuthenticator, b.epochAuthenticator), "members don't agree");

  const removal = await a.remove(c.ownLeafIndex);
  await b.receive(removal.commit);
  const got = await c.receive(removal.commit);
  check(got.kind === "commit" && !got.active, "who is removed doesn't learn of it");
  await a.mergePendingCommit();
  await send(a, b, "without carol");
  await send(b, a, "indeed");
  const [context, length] = [Uint8Array.of(1, 2, 3), 40];
  const secrets = [
    await a.exportSecret("platforms", context, length),
    await b.exportSecret("platforms", context, length),
  ] as const;
  check(secrets[0].length === length && same(secrets[0], secrets[1]), "exported secrets differ");
}
