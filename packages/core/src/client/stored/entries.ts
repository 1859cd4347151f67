// RFC 9420 §10, §11: the entries of a client in its storage: what it is read from when it is opened.
import { equalBytes, fromHex, isBytes, toHex, wipe } from "../../bytes.js";
import { decode, encode, opaque, optional, struct, uint8, vector } from "../../codec/index.js";
import { MlsError } from "../../errors.js";
import type { GroupState, GroupStatus } from "../../group/index.js";
import type { ClientStorage, StorageChange, StoredEntry } from "./client-storage.js";

/** Everything but the groups themselves, so that one list has it as it is at one moment. */
export const CLIENT = "client/";
/** Before the names of groups. */
export const GROUP = "group/";
const GROUPS = `${CLIENT}groups/`;
const KEY_PACKAGES = `${CLIENT}key-packages/`;

const KEYS = `${CLIENT}keys/`;

export const VERSION_KEY: string = `${CLIENT}version`;
export const SIGNER_KEY: string = `${CLIENT}signer`;
/** Those that calls were given, by their public keys. */
export const SIGNERS: string = `${CLIENT}signers/`;

/** @param name that of the group in the storage: a group may be there twice, while this client joins it anew */
export const prefixOf = (name: string): string => `${GROUP}${name}/`;

/** @param id the hexadecimal KeyPackageRef */
export const keyPackageKey = (id: string): string => `${KEY_PACKAGES}${id}`;

/** Before the names of a key package's private keys, where the storage keeps handles of them. */
export const keyRowsOf = (id: string): string => `${KEYS}${id}/`;

/** The status of a group that a client has: one that is closed isn't there. */
export type StoredStatus = Exclude<GroupStatus, "closed">;
const STATUSES: readonly GroupStatus[] = ["active", "removed", "reinitialized", "joining"];

/** The key of the entry that lists a group. */
export const groupKey = (name: string): string => `${GROUPS}${name}`;

/** What the list says of a group: so much is known of one that can't be loaded, too. */
export interface ListedGroup {
  readonly status: StoredStatus;
  readonly groupId: Uint8Array;
  /** The ID of the group that follows it, if it ended by a ReInit. */
  readonly successor: Uint8Array | undefined;
  /** The names of the signers that it needs. */
  readonly signers: readonly string[];
}

const GroupEntry = struct({
  status: uint8,
  groupId: opaque,
  successor: optional(opaque),
  signers: vector(opaque),
});

/** Whether two values are the same, or both aren't there. */
export const isSame = (one: Uint8Array | undefined, other: Uint8Array | undefined): boolean =>
  one === other || (one !== undefined && other !== undefined && equalBytes(one, other));

/** The ID in the ReInit that ended a group. */
export const successorOf = ({ status, reinit }: GroupState): Uint8Array | undefined =>
  status === "reinitialized" ? reinit?.groupId : undefined;

/** The entry that lists a group. */
export function groupEntry(name: string, { status, signers, ...rest }: ListedGroup): StorageChange {
  const value = encode(GroupEntry, {
    ...rest,
    status: STATUSES.indexOf(status),
    signers: signers.map(fromHex),
  });
  return { key: groupKey(name), value };
}

/** @throws MlsError `state` */
function readGroupEntry(value: Uint8Array): ListedGroup {
  try {
    const { status: index, groupId, successor, signers } = decode(GroupEntry, value);
    const status = STATUSES[index];
    if (status === undefined || status === "closed") throw new Error(`unknown status ${index}`);
    // Copies: what was read is overwritten.
    return { status, groupId: groupId.slice(), successor: successor?.slice(), signers: signers.map(toHex) };
  } catch (cause) {
    throw new MlsError("state", "invalid entry of a group: the client didn't write it", { cause });
  }
}

export const noGroupEntry = (name: string): StorageChange => ({ key: groupKey(name), value: undefined });

/** What a storage has of a client. */
export interface FoundClient {
  readonly version: Uint8Array | undefined;
  readonly signer: StoredEntry | undefined;
  readonly signers: readonly StoredEntry[];
  readonly groups: readonly (ListedGroup & { readonly name: string })[];
  /** By the hexadecimal KeyPackageRef. */
  readonly keyPackages: ReadonlyMap<string, Uint8Array>;
  /** Their private keys, where the storage keeps handles of them. */
  readonly keyRows: readonly StoredEntry[];
}

const wrong = (name: string, expected: string) =>
  new MlsError("storage", `expected ${expected} of the storage's ${name}()`);

/** What a storage lists. @throws MlsError `storage` for anything else than entries */
export async function readList(storage: ClientStorage, prefix: string): Promise<readonly StoredEntry[]> {
  const entries: readonly (Partial<StoredEntry> | null | undefined)[] = await storage.list(prefix);
  const isEntry = (one: Partial<StoredEntry> | null | undefined) =>
    typeof one?.key === "string" && isBytes(one.value);
  if (!Array.isArray(entries) || !entries.every(isEntry))
    throw wrong("list", "entries of a string and a Uint8Array");
  return entries;
}

/** A value of a storage. @throws MlsError `storage` for anything else than bytes, or undefined */
export async function readValue(storage: ClientStorage, key: string): Promise<Uint8Array | undefined> {
  const value: unknown = await storage.get(key);
  if (value !== undefined && !isBytes(value)) throw wrong("get", "a Uint8Array or undefined");
  return value;
}

/** Overwrites what was found: its keys have been taken over, or nobody needs them. */
export function wipeFound({ signer, signers, keyPackages }: FoundClient): void {
  wipe(signer?.value, ...signers.map(({ value }) => value), ...keyPackages.values());
}

/** @throws MlsError `state` for an entry that no client wrote, `storage` */
export async function readClient(storage: ClientStorage): Promise<FoundClient> {
  const found = await readList(storage, CLIENT);
  const entries = new Map(found.map((entry) => [entry.key, entry]));
  const below = (prefix: string) => found.filter(({ key }) => key.startsWith(prefix));
  const named = (prefix: string) =>
    below(prefix).map(({ key, value }) => [key.slice(prefix.length), value] as const);
  let groups: FoundClient["groups"];
  try {
    groups = named(GROUPS).map(([name, value]) => ({ name, ...readGroupEntry(value) }));
  } catch (error) {
    wipe(...found.map(({ value }) => value));
    throw error;
  }
  return {
    version: entries.get(VERSION_KEY)?.value,
    signer: entries.get(SIGNER_KEY),
    signers: below(SIGNERS),
    keyRows: below(KEYS),
    groups,
    keyPackages: new Map(named(KEY_PACKAGES)),
  };
}
