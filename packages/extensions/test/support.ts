// Members, servers and insiders for the tests of extensions.
import {
  Client,
  type ClientOptions,
  type Group,
  insecureAcceptAll,
  MlsError,
  ValidationError,
} from "@copse/core";
import type { MlsExtension } from "@copse/core/extension";
import { PublicGroup } from "@copse/core/public-group";
import { nodeProvider } from "@copse/provider-node";
import { expect } from "vitest";

export const crypto = nodeProvider();
export const authentication = insecureAcceptAll();
export const SUITE = 1;

export function client(
  credential: string,
  extensions: readonly MlsExtension[] | undefined,
  more: Partial<ClientOptions> = {},
): Promise<Client> {
  return Client.create({
    crypto,
    suite: SUITE,
    credential,
    authentication,
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
  const { welcome } = await group.add(...(await Promise.all(others.map((one) => one.createKeyPackage()))));
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

/** The error that something fails with, which must be an MlsError. */
export async function failure(work: Promise<unknown>): Promise<MlsError> {
  const error = await work.then(
    () => new Error("accepted"),
    (reason: unknown) => reason,
  );
  if (error instanceof MlsError) return error;
  throw error;
}

/** What an error says of itself: the rule, or else its code. */
export async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await failure(work);
  return error instanceof ValidationError ? error.rule : error.code;
}

/** Expects something to be refused, and the group to be the same as before in every byte. */
export async function refused(group: Group, work: () => Promise<unknown>): Promise<string> {
  const before = await group.save();
  const said = await refusal(work());
  expect(await group.save()).toEqual(before);
  return said;
}

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
