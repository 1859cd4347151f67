// One value of each kind that an application gets. None is `any`: then it could be a number.

import {
  basicCredential,
  type Client,
  type CredentialClaim,
  type CryptoProvider,
  customProposal,
  externalSenders,
  type Group,
  generateSigner,
  isBasicCredential,
  MlsError,
  type Received,
  requiredCapabilities,
  type StagedCommit,
} from "@copse/core";
import { decode, encode, struct, uint8 } from "@copse/core/extension";
import { joinByExternalCommit } from "@copse/core/external";
import { readMessage } from "@copse/core/message";
import type { PublicGroup } from "@copse/core/public-group";
import { componentDataIn, safeExportSecret, selfRemoveProposal } from "@copse/extensions";
import { webCryptoProvider } from "@copse/provider-webcrypto";
import { connectClient, type Port } from "@copse/worker";

export interface Given {
  readonly client: Client;
  readonly group: Group;
  readonly staged: StagedCommit;
  readonly follower: PublicGroup;
  readonly received: Received;
  readonly crypto: CryptoProvider;
  readonly claim: CredentialClaim;
  readonly port: Port;
}

/** Bytes of each kind. */
export async function bytesOf(given: Given) {
  const { client, group, staged, follower, received, crypto, claim, port } = given;
  const remote = await connectClient(port);
  const made = await group.commit();
  const joined = await joinByExternalCommit(client, await group.groupInfo());
  const known = isBasicCredential(claim.credential) ? claim.credential.identity : new Uint8Array();
  const error = new MlsError("usage", "");
  return [
    await client.createKeyPackage(),
    await client.saveKeyPackages(),
    client.signatureKey,
    client.keyPackages()[0]?.reference,
    await group.encrypt("hello"),
    await group.propose({ update: true }),
    made.commit,
    made.welcome,
    made.ratchetTree,
    joined.commit,
    joined.group.ratchetTree,
    await group.exportSecret("label", new Uint8Array(), 32),
    await group.save(),
    group.groupId,
    group.epochAuthenticator,
    group.treeHash,
    group.extensions[0]?.extensionData,
    group.members[0]?.signatureKey,
    group.leafNode(0)?.encryptionKey,
    group.proposals[0]?.reference,
    staged.epochAuthenticator,
    follower.ratchetTree,
    received.authenticatedData,
    received.kind === "application" ? received.data : undefined,
    received.kind === "proposal" ? received.reference : undefined,
    basicCredential("alice").identity,
    customProposal(0xf001, new Uint8Array()).data,
    externalSenders([]).extensionData,
    requiredCapabilities({}).extensionData,
    selfRemoveProposal().data,
    componentDataIn(group.extensions, 1),
    await safeExportSecret(group, 1),
    (await generateSigner(crypto, 1)).publicKey,
    await remote.createKeyPackage(),
    claim.signatureKey,
    claim.groupId,
    known,
    error.groupId,
    error.references?.[0],
    encode(struct({ a: uint8 }), { a: 1 }),
  ] as const;
}

/** All else, of each kind. */
export async function othersOf(given: Given) {
  const { client, group, staged, follower, received } = given;
  return [
    client,
    group,
    staged,
    follower,
    received,
    group.members,
    group.proposals,
    group.cipherSuite.name,
    client.credential,
    group.resumes,
    await group.receive(new Uint8Array()),
    await client.createGroup(),
    await webCryptoProvider(),
    readMessage(new Uint8Array()),
    decode(struct({ a: uint8 }), new Uint8Array()),
    new MlsError("usage", "").retry,
  ] as const;
}

type Values = readonly [...Awaited<ReturnType<typeof bytesOf>>, ...Awaited<ReturnType<typeof othersOf>>];

/** The places of the values that are taken for a number, as `const n: number = value` takes them. */
type Numbers = {
  [K in keyof Values & `${number}`]: [Values[K]] extends [number] ? K : never;
}[keyof Values & `${number}`];

export const none: [Numbers] extends [never] ? "none" : Numbers = "none";

export async function number(given: Given): Promise<void> {
  const [bytes] = await bytesOf(given);
  // @ts-expect-error: bytes aren't a number
  const n: number = bytes;
  const [, other] = await othersOf(given);
  // @ts-expect-error: nor is a group
  const m: number = other;
  void [n, m];
}
