// RFC 9420 §10, §11: the entries of a client in its storage: what it is read from when it is opened.
import { concat, isBytes } from "../../bytes.js";
import { MlsError } from "../../errors.js";
import type { GroupStatus } from "../../group/index.js";
import type { ClientStorage, StorageChange, StoredEntry } from "./client-storage.js";

/** Everything but the groups themselves, so that one list has it as it is at one moment. */
export const CLIENT = "client/";
const GROUPS = `${CLIENT}groups/`;
const KEY_PACKAGES = `${CLIENT}key-packages/`;

export const VERSION_KEY: string = `${CLIENT}version`;
export const SIGNER_KEY: string = `${CLIENT}signer`;
/** Those that calls were given, by their public keys. */
export const SIGNERS: string = `${CLIENT}signers/`;

/** @param name that of the group in the storage: a group may be there twice, while this client joins it anew */
export const prefixOf = (name: string): string => `group/${name}/`;

/** @param id the hexadecimal KeyPackageRef */
export const keyPackageKey = (id: string): string => `${KEY_PACKAGES}${id}`;

/** The status of a group that a client has: one that is closed isn't there. */
export type StoredStatus = Exclude<GroupStatus, "closed">;
const STATUSES: readonly GroupStatus[] = ["active", "removed", "reinitialized", "joining"];

/** The key of the entry that lists a group. */
export const groupKey = (name: string): string => `${GROUPS}${name}`;

/** The entry that lists a group. */
export function groupEntry(name: string, status: StoredStatus, groupId: Uint8Array): StorageChange {
  return { key: groupKey(name), value: concat(Uint8Array.of(STATUSES.indexOf(status)), groupId) };
}

export const noGroupEntry = (name: string): StorageChange => ({ key: groupKey(name), value: undefined });

/** What a storage has of a client. */
export interface FoundClient {
  readonly version: Uint8Array | undefined;
  readonly signer: Uint8Array | undefined;
  readonly signers: readonly Pick<StoredEntry, "value">[];
  readonly groups: readonly {
    readonly name: string;
    readonly status: StoredStatus;
    readonly groupId: Uint8Array;
  }[];
  /** By the hexadecimal KeyPackageRef. */
  readonly keyPackages: ReadonlyMap<string, Uint8Array>;
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

/** @throws MlsError `state` for an entry that no client wrote, `storage` */
export async function readClient(storage: ClientStorage): Promise<FoundClient> {
  const entries = new Map((await readList(storage, CLIENT)).map(({ key, value }) => [key, value]));
  const below = (prefix: string) =>
    Array.from(entries).flatMap(([key, value]) =>
      key.startsWith(prefix) ? [[key.slice(prefix.length), value] as const] : [],
    );
  return {
    version: entries.get(VERSION_KEY),
    signer: entries.get(SIGNER_KEY),
    signers: below(SIGNERS).map(([, value]) => ({ value })),
    groups: below(GROUPS).map(([name, value]) => {
      const status = STATUSES[value[0] ?? -1];
      if (status === undefined || status === "closed")
        throw new MlsError("state", `invalid entry of a group: unknown status ${value[0]}`);
      return { name, status, groupId: value.slice(1) };
    }),
    keyPackages: new Map(below(KEY_PACKAGES)),
  };
}
