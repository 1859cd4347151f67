// RFC 9420 §5.3.1, §12.1.8.1: who a group lists as external senders is validated, whatever way the list comes.

import {
  type AuthenticationService,
  basicCredential,
  type Credential,
  type CredentialClaim,
  externalSenders,
  type Group,
  generateSigner,
  isBasicCredential,
} from "@copse/core";
import type { MlsExtension } from "@copse/core/extension";
import { customProposal } from "@copse/core/extension";
import { joinByExternalCommit } from "@copse/core/external";
import { PublicGroup } from "@copse/core/public-group";
import { nodeProvider } from "@copse/provider-node";
import { text } from "@copse/test-support/bytes";
import { gather, type PartyOptions, party } from "@copse/test-support/clients";
import { failure, refused, saying } from "@copse/test-support/errors";
import { describe, expect, it } from "vitest";
import { opaque } from "../../src/codec/codec.js";

const SUITE = 1;
const crypto = nodeProvider();
const TYPE = 0xf00d;

/** An extension whose one proposal replaces the external senders by one with a key of its content. */
const hiring: MlsExtension = {
  name: "hiring",
  proposals: [
    {
      proposalType: TYPE,
      name: "hire",
      codec: opaque,
      pathRequired: false,
      external: false,
      changeExtensions: (_, [one]) => [
        externalSenders([
          { credential: basicCredential("evil"), signatureKey: (one as { value: Uint8Array }).value },
        ]),
      ],
    },
  ],
};

const nameOf = (credential: Credential) => (isBasicCredential(credential) ? text(credential.identity) : "");
const isEvil = ({ credential, role }: CredentialClaim) =>
  role === "external-sender" && nameOf(credential) === "evil";

/** Alice believes anybody; Bob, a follower and Carol outside don't believe in an external sender called "evil". */
async function scene() {
  const asked: CredentialClaim[] = [];
  const careful: AuthenticationService = { validate: (claim) => asked.push(claim) > 0 && !isEvil(claim) };
  const options = { policy: { handshake: "public" }, extensions: [hiring] } as const;
  const person = (name: string, more: Partial<PartyOptions> = {}) =>
    party(name, { suite: SUITE, ...options, ...more });
  const { groups } = await gather([await person("alice"), await person("bob", { authentication: careful })]);
  const [alice, bob] = groups as [Group, Group];
  const follow = async (group = alice) =>
    PublicGroup.follow({ crypto, ...options, authentication: careful, groupInfo: await group.groupInfo() });
  const carol = (await person("carol", { authentication: careful })).client;
  return { asked, alice, bob, carol, follow, person };
}
type Scene = Awaited<ReturnType<typeof scene>>;
type Listed = ReturnType<typeof externalSenders>;

/** A group whose creator lists them, without asking anybody: in the hands of Alice. */
async function groupWith({ person }: Scene, listed: Listed): Promise<Group> {
  const lenient = nodeProvider().suite(SUITE);
  const provider = {
    ...crypto,
    suite: () => ({ ...lenient, signature: { ...lenient.signature, validatePublicKey: () => undefined } }),
  };
  const { client } = await person("alice", { crypto: provider });
  return client.createGroup({ extensions: [listed] });
}

const WAYS: readonly [string, (scene: Scene, listed: Listed) => Promise<Error>][] = [
  ["of a new group", async ({ carol }, listed) => failure(carol.createGroup({ extensions: [listed] }))],
  ["of an own commit", async ({ bob }, listed) => refused(bob, () => bob.commit({ extensions: [listed] }))],
  [
    "of an own proposal",
    async ({ bob }, listed) => refused(bob, () => bob.propose({ extensions: [listed] })),
  ],
  [
    "in a group to join by a Welcome",
    async (scene, listed) => {
      const group = await groupWith(scene, listed);
      const { welcome } = await group.add(await scene.carol.createKeyPackage());
      return failure(scene.carol.join(welcome as Uint8Array));
    },
  ],
  [
    "in a group to join by an external commit",
    async (scene, listed) => {
      const group = await groupWith(scene, listed);
      return failure(joinByExternalCommit(scene.carol, await group.groupInfo()));
    },
  ],
  ["in a group to follow", async (scene, listed) => failure(scene.follow(await groupWith(scene, listed)))],
];

/** What Alice sends although it isn't to be believed. */
const SENT: readonly [string, (scene: Scene, listed: Listed) => Promise<Uint8Array>][] = [
  ["of a received proposal", async ({ alice }, listed) => alice.propose({ extensions: [listed] })],
  [
    "of a received commit",
    async ({ alice }, listed) => (await alice.commit({ extensions: [listed] })).commit,
  ],
];

describe("external senders", () => {
  const evil = async () =>
    externalSenders([
      {
        credential: basicCredential("server"),
        signatureKey: (await generateSigner(crypto, SUITE)).publicKey,
      },
      { credential: basicCredential("evil"), signatureKey: (await generateSigner(crypto, SUITE)).publicKey },
    ]);

  it.each(WAYS)("that the application doesn't believe in are refused, %s", async (_, way) => {
    const here = await scene();
    const error = await way(here, await evil());
    expect(error).toMatchObject({ code: "authentication" });
    expect(here.asked.at(-1)).toMatchObject({ role: "external-sender" });
  });

  it.each(SENT)(
    "that the application doesn't believe in are refused, %s, also by a follower",
    async (_, send) => {
      const here = await scene();
      const follower = await here.follow();
      const message = await send(here, await evil());
      expect((await refused(here.bob, message)).code).toBe("authentication");
      expect((await failure(follower.receive(message))).code).toBe("authentication");
    },
  );

  const short = externalSenders([{ credential: basicCredential("x"), signatureKey: new Uint8Array(31) }]);
  const identity = Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 1 : 0));
  const small = externalSenders([{ credential: basicCredential("x"), signatureKey: identity }]);
  const keys = [
    ["of another length", short],
    ["of small order", small],
  ] as const;
  const cases = WAYS.flatMap(([name, way]) =>
    keys.map(([kind, listed]) => [kind, name, way, listed] as const),
  );
  it.each(cases)("with a key %s are refused, %s", async (_kind, _name, way, listed) => {
    expect(saying((await way(await scene(), listed)) as never)).toMatch(/^5\.1\.1: a public signature key/);
  });

  it("are validated when they are listed and when the list changes, and not again", async () => {
    const { alice, bob, carol, follow, asked } = await scene();
    const signer = await generateSigner(crypto, SUITE);
    const server = { credential: basicCredential("server"), signatureKey: signer.publicKey };
    const senders = () =>
      asked.filter(({ role }) => role === "external-sender").map((one) => nameOf(one.credential));
    await bob.receive((await alice.commit({ extensions: [externalSenders([server])] })).commit);
    await alice.mergePendingCommit();
    expect(senders()).toEqual(["server"]);
    expect(asked.find(({ role }) => role === "external-sender")).toMatchObject({
      groupId: alice.groupId,
      signatureKey: signer.publicKey,
    });
    // The same list again, in a proposal and a commit.
    await bob.receive(await alice.propose({ extensions: alice.extensions }));
    await bob.commit();
    await bob.mergePendingCommit();
    expect(senders()).toEqual(["server"]);
    await joinByExternalCommit(carol, await bob.groupInfo());
    await follow(bob);
    expect(senders()).toEqual(["server", "server", "server"]);
    const second = { ...server, credential: basicCredential("second") };
    await bob.commit({ extensions: [externalSenders([server, second])] });
    expect(senders().slice(3)).toEqual(["server", "second"]);
  });

  it("that a proposal of a registered type lists are validated too", async () => {
    const { alice, bob, follow } = await scene();
    const follower = await follow();
    const { publicKey } = await generateSigner(crypto, SUITE);
    const hire = customProposal(TYPE, Uint8Array.from([32, ...publicKey]));
    expect((await refused(bob, () => bob.commit({ proposals: [hire] }))).code).toBe("authentication");
    const { commit } = await alice.commit({ proposals: [hire] });
    expect((await refused(bob, commit)).code).toBe("authentication");
    expect((await failure(follower.receive(commit))).code).toBe("authentication");
  });

  it("that nobody believes in any more don't keep a member from committing", async () => {
    let strict = false;
    const authentication = { validate: (claim: CredentialClaim) => !(strict && isEvil(claim)) };
    const options = { suite: SUITE, policy: { handshake: "public" } } as const;
    const { groups } = await gather([
      await party("alice", options),
      await party("bob", { ...options, authentication }),
    ]);
    const [alice, bob] = groups as [Group, Group];
    await bob.receive(await alice.propose({ extensions: [await evil()] }));
    strict = true;
    await bob.update();
  });
});
