// RFC 9420 §10, §11: clients for tests, what each of them alone knows, and groups of them.

import {
  Client,
  type ClientOptions,
  type CryptoProvider,
  type Group,
  generateSigner,
  insecureAcceptAll,
  type Signer,
} from "@copse/core";
import { nodeProvider } from "@copse/provider-node";
import { expect } from "vitest";
import { decode, type TypeOf } from "../../packages/core/src/codec/codec.js";
import type { GroupConfig } from "../../packages/core/src/group/config.js";
import { Registry } from "../../packages/core/src/group/extensions/registry.js";
import { DEFAULT_POLICY, type Policy } from "../../packages/core/src/group/policy.js";
import { SavedKeyPackages } from "../../packages/core/src/group/storage/saved-key-packages.js";
import { WireFormat } from "../../packages/core/src/wire/framed-content.js";
import type { KeyPackage } from "../../packages/core/src/wire/key-package.js";
import { MlsMessage } from "../../packages/core/src/wire/mls-message.js";
import { text } from "./bytes.js";

/** A client, with what it alone knows. */
export interface Party {
  readonly name: string;
  readonly client: Client;
  readonly signer: Signer;
  readonly config: GroupConfig;
  /** A further client of the same identity, as after a restart: with the same options, and no group or key package. */
  again(): Promise<Client>;
}

export interface PartyOptions extends Partial<ClientOptions> {
  readonly suite: number;
}

export async function party(name: string, options: PartyOptions): Promise<Party> {
  const crypto: CryptoProvider = options.crypto ?? nodeProvider();
  const { suite } = options;
  const signer = options.signer ?? (await generateSigner(crypto, suite));
  const policy: Policy = { ...DEFAULT_POLICY, ...options.policy };
  const authentication = options.authentication ?? insecureAcceptAll();
  const again = () => Client.create({ credential: name, ...options, crypto, suite, signer, authentication });
  const client = await again();
  const registry = new Registry(options.extensions);
  const config: GroupConfig = {
    provider: crypto.suite(suite),
    authentication,
    policy,
    psk: () => undefined,
    registry,
  };
  return { name, client, signer, config, again };
}

/** The same group after it was saved, closed and restored. */
export async function reopened(client: Client, group: Group): Promise<Group> {
  const saved = await group.save();
  await group.close();
  return client.restore(saved);
}

/** A copy of a group, in a further client of the same identity. */
export async function copyOf(party: Party, group: Group): Promise<Group> {
  return (await party.again()).restore(await group.save());
}

export interface Meeting {
  readonly parties: readonly Party[];
  readonly groups: readonly Group[];
}

/** A group of these parties, at leaves 0, 1, ... in their order; all have joined by one Welcome. */
export async function gather(parties: readonly Party[]): Promise<Meeting> {
  const [first, ...others] = parties as readonly [Party, ...Party[]];
  const group = await first.client.createGroup();
  const groups = [group];
  if (others.length > 0) {
    const invited = await group.add(await Promise.all(others.map(({ client }) => client.createKeyPackage())));
    await group.mergePendingCommit();
    const { welcome, ratchetTree } = invited;
    for (const { client } of others) groups.push(await client.join(welcome as Uint8Array, { ratchetTree }));
  }
  return { parties, groups };
}

/** A group of Alice and Bob. */
export async function pair(
  options: PartyOptions,
): Promise<{ alice: Client; bob: Client; a: Group; b: Group }> {
  const { parties, groups } = await gather([await party("alice", options), await party("bob", options)]);
  const [alice, bob] = parties as [Party, Party];
  const [a, b] = groups as [Group, Group];
  return { alice: alice.client, bob: bob.client, a, b };
}

/** Alice, Bob, Mallory and Dave at leaves 0 to 3, in a tree whose parents are filled by Mallory and Dave. */
export async function four(suite: number, options: Omit<PartyOptions, "suite"> = {}): Promise<Meeting> {
  const names = ["alice", "bob", "mallory", "dave"];
  const meeting = await gather(await Promise.all(names.map((name) => party(name, { ...options, suite }))));
  for (const committer of [2, 3]) {
    const group = meeting.groups[committer] as Group;
    const { commit } = await group.update();
    await everyone(meeting.groups, commit, committer);
    await group.mergePendingCommit();
  }
  return meeting;
}

/** Has all but one receive a message. */
export async function everyone(groups: readonly Group[], message: Uint8Array, but: number): Promise<void> {
  for (const [i, group] of groups.entries()) if (i !== but) await group.receive(message);
}

/** The saved key packages of a client, without the digest at their end. */
export async function savedKeyPackages(
  client: Client,
): Promise<TypeOf<typeof SavedKeyPackages>["keyPackages"]> {
  const saved = await client.saveKeyPackages();
  return decode(SavedKeyPackages, saved.subarray(0, saved.length - client.cipherSuite.hash.Nh)).keyPackages;
}

/** The key package in an MLSMessage. */
export function keyPackageIn(message: Uint8Array): KeyPackage {
  const decoded = decode(MlsMessage, message);
  if (decoded.wireFormat !== WireFormat.keyPackage) throw new Error("no key package");
  return decoded.keyPackage;
}

/** The content of a public message, and the rest of it. */
export function publicIn(message: Uint8Array) {
  const decoded = decode(MlsMessage, message);
  if (decoded.wireFormat !== WireFormat.publicMessage) throw new Error("no public message");
  return decoded.publicMessage;
}

/** Sends a message that all of the others must be able to read. */
export async function send(from: Group, to: readonly Group[], message: string): Promise<void> {
  const sealed = await from.encrypt(message);
  for (const group of to) {
    const received = await group.receive(sealed);
    expect(received.kind === "application" && text(received.data)).toBe(message);
  }
}
