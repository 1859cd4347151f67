// RFC 9420 §10 to §15: what a page can call, of a client, a group, a staged commit or a staged Welcome.
import type { Client, StagedWelcome } from "@copse/core";
import { joinByExternalCommit, proposeJoin } from "@copse/core/external";
import { importKeyPackage } from "@copse/core/import";
import { branch, reinitialize } from "@copse/core/resumption";
import type { StoredClient } from "@copse/core/storage";
import { KnownGroup } from "./snapshot.js";
import {
  CLIENT_FUNCTIONS,
  CLIENT_METHODS,
  type ClientFunctions,
  GROUP_METHODS,
  GROUP_REQUESTS,
  type Kind,
  STAGED_METHODS,
  STAGED_REQUESTS,
  STORED_METHODS,
  WELCOME_METHODS,
  WELCOME_REQUESTS,
} from "./surface.js";

/** Whether a client has a storage. Not by its class, with which all code of storages would come. */
export const isStored = (client: Client): client is StoredClient => "knownGroups" in client;

type Kinds = Readonly<Record<string, Kind>>;

/** The tables of a client, a group, one of its staged commits, or a staged Welcome: methods, and getters that are requested. */
export function tablesFor(
  target: KnownGroup | StagedWelcome | undefined,
  staged: number | undefined,
): readonly [Kinds, Kinds] {
  if (target === undefined) return [{ ...CLIENT_METHODS, ...CLIENT_FUNCTIONS, ...STORED_METHODS }, {}];
  if (!(target instanceof KnownGroup)) return [WELCOME_METHODS, WELCOME_REQUESTS];
  return staged === undefined ? [GROUP_METHODS, GROUP_REQUESTS] : [STAGED_METHODS, STAGED_REQUESTS];
}

const FUNCTIONS: ClientFunctions = {
  branch,
  reinitialize,
  joinByExternalCommit,
  proposeJoin,
  importKeyPackage,
};

/** A property of an object; or a function that takes a client first, as a method of this one. */
export function propertyOf(receiver: object, name: string): unknown {
  if (!Object.hasOwn(FUNCTIONS, name)) return Reflect.get(receiver, name);
  const work = FUNCTIONS[name as keyof ClientFunctions] as (...args: unknown[]) => unknown;
  return (...args: unknown[]) => work(receiver, ...args);
}

export function kindIn(table: Kinds, name: string): Kind | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
