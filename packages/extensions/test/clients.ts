// Members, servers and insiders for the tests of extensions.
import { Client, type ClientOptions, type Group, generateSigner, insecureAcceptAll } from "@copse/core";
import type { MlsExtension } from "@copse/core/extension";
import { PublicGroup } from "@copse/core/public-group";
import { nodeProvider } from "@copse/provider-node";
import { failure, refused as refusedUnchanged, saying } from "@copse/test-support/errors";
import { expect } from "vitest";

export const crypto = nodeProvider();
export const authentication = insecureAcceptAll();
export const SUITE = 1;

export async function client(
  credential: string,
  extensions: readonly MlsExtension[] | undefined,
  more: Partial<ClientOptions> = {},
): Promise<Client> {
  return Client.create({
    crypto,
    suite: SUITE,
    credential,
    authentication,
    signer: await generateSigner(crypto, SUITE),
    ...(extensions === undefined ? {} : { extensions }),
    ...more,
  });
}

/** A group of these clients, at leaves 0, 1, ... in their order. */
export async function gather(
  clients: readonly Client[],
  options: Parameters<Client["createGroup"]>[0] = {},
): Promise<Group[]> {
  const [first, ...others] = clients as readonly [Client, ...Client[]];
  const group = await first.createGroup(options);
  if (others.length === 0) return [group];
  const { welcome } = await group.add(await Promise.all(others.map((one) => one.createKeyPackage())));
  await group.mergePendingCommit();
  return [group, ...(await Promise.all(others.map((one) => one.join(welcome as Uint8Array))))];
}

/** Alice, Bob and Carol with the same extensions. */
export async function three(
  make: () => readonly MlsExtension[],
  options: Parameters<Client["createGroup"]>[0] = {},
  more: Partial<ClientOptions> = {},
): Promise<[Group, Group, Group]> {
  const clients = await Promise.all(["alice", "bob", "carol"].map((name) => client(name, make(), more)));
  return (await gather(clients, options)) as [Group, Group, Group];
}

/** Has all others receive a message, one after the other. */
export async function deliver(message: Uint8Array, ...groups: readonly (Group | PublicGroup)[]) {
  const received = [];
  for (const group of groups) received.push(await group.receive(message));
  return received;
}

/** Expects all to be in the same epoch. */
export function agree(first: Group, ...others: readonly Group[]): void {
  for (const other of others) {
    expect(other.epoch).toBe(first.epoch);
    expect(other.epochAuthenticator).toEqual(first.epochAuthenticator);
    expect(other.extensions).toEqual(first.extensions);
  }
}

/** What the error says of itself that something fails with: the rule, or else its code. */
export const refusal = async (work: Promise<unknown>): Promise<string> => saying(await failure(work));

/** The same of something that must leave the group as it was in every byte. */
export const refused = async (group: Group, work: () => Promise<unknown>): Promise<string> =>
  saying(await refusedUnchanged(group, work));

export async function publicGroupOf(
  group: Group,
  extensions?: readonly MlsExtension[],
): Promise<PublicGroup> {
  return PublicGroup.follow({
    crypto,
    authentication,
    groupInfo: await group.groupInfo(),
    ...(extensions === undefined ? {} : { extensions }),
  });
}
