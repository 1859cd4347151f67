// RFC 9420 §5.1.1, §7.3: every signature key that enters a group is validated, whichever way it comes.

import {
  Client,
  type CryptoProvider,
  type Group,
  generateSigner,
  insecureAcceptAll,
  type Signer,
} from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { type CipherSuiteProvider, CryptoError } from "@copse/core/provider";
import { PublicGroup } from "@copse/core/public-group";
import { nodeProvider } from "@copse/provider-node";
import { everyone, gather, type Meeting, type Party, party } from "@copse/test-support/clients";
import { failure, refused, saying } from "@copse/test-support/errors";
import { beforeEach, describe, expect, it } from "vitest";
import { toHex } from "../../src/bytes.js";
import { validateSignatureKey } from "../../src/crypto/signature-keys.js";

const SUITE = 1;
const RULE = "5.1.1: a public signature key must be one of the suite's signature scheme";

/**
 * A provider that says of some keys that they are none, though it verifies signatures under them. A library may do so
 * with a point of small order. Only who validates keys notices.
 */
function provider(banned: ReadonlySet<string>, says: () => Error): CryptoProvider {
  const node = nodeProvider();
  const inner = node.suite(SUITE);
  const suite: CipherSuiteProvider = {
    ...inner,
    signature: {
      ...inner.signature,
      validatePublicKey(key) {
        if (banned.has(toHex(key))) throw says();
      },
    },
  };
  return { ...node, suites: [inner.suite], suite: () => suite };
}

const banned = new Set<string>();
const noKey = () => new CryptoError("a point of small order");
const strict = () => party("strict", { suite: SUITE, crypto: provider(banned, noKey) });
const ordinary = (name: string, signer?: Signer) => party(name, { suite: SUITE, ...(signer && { signer }) });

let bad: Signer;
let meeting: Meeting;
let own: Group;
let other: Group;

/** A strict member at leaf 0 and an ordinary one at leaf 1, and a key that only the ordinary one takes for one. */
beforeEach(async () => {
  bad = await generateSigner(nodeProvider(), SUITE);
  banned.add(toHex(bad.publicKey));
  meeting = await gather([await strict(), await ordinary("ordinary")]);
  [own, other] = meeting.groups as [Group, Group];
});

const refusedByRule = async (attempt: Uint8Array | (() => Promise<unknown>)) =>
  expect(saying(await refused(own, attempt))).toBe(RULE);

describe("a signature key that is none of the scheme is refused", () => {
  it("in a key package, by who would add it and by who receives the Add", async () => {
    const keyPackage = await (await ordinary("new", bad)).client.createKeyPackage();
    await refusedByRule(() => own.add(keyPackage));
    await refusedByRule(await other.propose({ add: keyPackage }));
    await refusedByRule((await other.add(keyPackage)).commit);
  });

  it("in an Update", async () => {
    await refusedByRule(await other.propose({ update: { signer: bad } }));
  });

  it("in a path", async () => {
    await refusedByRule((await other.update({ signer: bad })).commit);
  });

  it("in the path of an external commit", async () => {
    const newMember = await ordinary("new", bad);
    const { commit } = await joinByExternalCommit(newMember.client, await other.groupInfo());
    await refusedByRule(commit);
  });

  it("in the tree of a group to join or to follow", async () => {
    await other.update({ signer: bad });
    await other.mergePendingCommit();
    const newMember = await strict();
    const invited = await other.add(await newMember.client.createKeyPackage());
    await other.mergePendingCommit();
    expect(saying(await failure(newMember.client.join(invited.welcome as Uint8Array)))).toBe(RULE);
    const groupInfo = await other.groupInfo();
    expect(saying(await failure(joinByExternalCommit(newMember.client, groupInfo)))).toBe(RULE);
    const crypto = provider(banned, noKey);
    const follow = PublicGroup.follow({ crypto, groupInfo, authentication: insecureAcceptAll() });
    expect(saying(await failure(follow))).toBe(RULE);
  });

  it("of one's own, before it is published", async () => {
    const crypto = provider(banned, noKey);
    const options = { crypto, suite: SUITE, credential: "x", authentication: insecureAcceptAll() };
    expect(saying(await failure(Client.create({ ...options, signer: bad })))).toBe(RULE);
    await refusedByRule(() => own.update({ signer: bad }));
    await refusedByRule(() => own.propose({ update: { signer: bad } }));
  });

  it("and nothing else is", async () => {
    const good = await generateSigner(nodeProvider(), SUITE);
    const { commit } = await other.update({ signer: good });
    await own.receive(commit);
    await other.mergePendingCommit();
    const newMember: Party = await ordinary("new", await generateSigner(nodeProvider(), SUITE));
    const added = await own.add(await newMember.client.createKeyPackage());
    await everyone(meeting.groups, added.commit, 0);
    await own.mergePendingCommit();
    expect(own.epochAuthenticator).toEqual(other.epochAuthenticator);
  });
});

it("a provider that can't tell whether it is a key has given no verdict on it", async () => {
  const unreachable = new Error("the token is gone");
  const suite = provider(banned, () => unreachable).suite(SUITE);
  expect(() => validateSignatureKey(suite, bad.publicKey)).toThrow(unreachable);
});
