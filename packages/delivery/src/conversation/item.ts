// A message of the outbox, and how it is stored.
import type { Bytes } from "@copse/core";
import { pack, unpack } from "../messenger/wire.js";
import type { EntryChange, SavedItem } from "./record.js";

/** A message to be sent. */
export interface Item extends Omit<SavedItem, "epoch"> {
  readonly data: Bytes;
  /** Encrypted, in this epoch. */
  readonly message: Bytes | undefined;
  readonly epoch: bigint | undefined;
}

export function packItem(item: Item): Uint8Array {
  const { data, message = new Uint8Array(), epoch, ...rest } = item;
  const saved: SavedItem = { ...rest, epoch: epoch?.toString() };
  return pack(saved, data, message);
}

export function readItem(value: Uint8Array): Item {
  const { header, parts } = unpack<SavedItem>(value);
  const [data = new Uint8Array(), message] = parts;
  const epoch = header.epoch === undefined ? undefined : BigInt(header.epoch);
  return { ...header, data, message: message?.length ? message : undefined, epoch };
}

/** Compares by the order in which they are sent: first what is said again, as it was said. */
export function byOrder(one: Item, other: Item): number {
  if (one.place !== undefined && other.place !== undefined) return one.place - other.place;
  if (one.place !== other.place) return one.place === undefined ? 1 : -1;
  return one.number - other.number;
}

/** The ID at the service: another one each time when it came there too late. */
export const idAtService = ({ id, version }: Pick<Item, "id" | "version">): string =>
  version === 0 ? id : `${id}-${version}`;

/** A number that the message had at no time before. */
export const someVersion = (): number => 1 + Math.floor(Math.random() * 2 ** 40);

/** A change that is made in memory when it is written. */
export interface Later {
  readonly changes: readonly EntryChange[];
  apply(): void;
}
