// The entries of a group's log, as messages of a stream. Whoever may publish can publish anything: nothing that is read here
// is trusted, and nothing of it throws.
import type { LogEntry } from "@copse/delivery/service";
import type { Received } from "./link.js";
import type { Parcels } from "./parcels.js";

/** The headers of entries. */
export const HEADER = {
  id: "Copse-Id",
  epoch: "Copse-Epoch",
  sender: "Copse-Sender",
  /** Of a handshake: the one that it follows. */
  after: "Copse-After",
  /** Where the message is, if it isn't the body. */
  parcel: "Copse-Parcel",
  /** Of a handshake: the parcel of its GroupInfo. */
  groupInfo: "Copse-Group-Info",
  /** Of a handshake: the parcel that says whose its Welcomes are, and where. */
  welcomes: "Copse-Welcomes",
  reference: "Copse-Reference",
  group: "Copse-Group",
  handshake: "Copse-Handshake",
  /** What has become of a key package, by whom, and in which call. */
  client: "Copse-Client",
  state: "Copse-State",
  call: "Copse-Call",
} as const;

const SEQUENCE = /^[1-9][0-9]{0,15}$/;
const UINT64 = /^(0|[1-9][0-9]{0,19})$/;

/** A sequence as a cursor or a header says it: 0 for "". @returns `undefined` if it is none */
export function toSequence(text: string): number | undefined {
  if (text === "") return 0;
  return SEQUENCE.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : undefined;
}

export const toCursor = (sequence: number): string => (sequence === 0 ? "" : String(sequence));

/** A uint64 as a header says it, or 0. */
export function toUint64(text: string): bigint {
  const value = UINT64.test(text) ? BigInt(text) : 0n;
  return value < 2n ** 64n ? value : 0n;
}

export function fromHex(text: string): Uint8Array | undefined {
  if (!/^([0-9a-f]{2})+$/.test(text)) return undefined;
  return Uint8Array.from({ length: text.length / 2 }, (_, index) =>
    Number.parseInt(text.slice(2 * index, 2 * index + 2), 16),
  );
}

/** Whether an entry of the log of handshakes and messages is a handshake. */
export const isHandshake = (entry: Received): boolean => entry.subject.endsWith(".h");

/** @returns with an empty message if a parcel isn't there: members refuse it, and go on */
export async function toLogEntry(entry: Received, parcels: Parcels): Promise<LogEntry> {
  const parcel = entry.header(HEADER.parcel);
  return {
    cursor: toCursor(entry.sequence),
    kind: isHandshake(entry) ? "handshake" : "message",
    id: entry.header(HEADER.id),
    epoch: toUint64(entry.header(HEADER.epoch)),
    message: parcel === "" ? entry.data : ((await parcels.get(parcel)) ?? new Uint8Array()),
    time: entry.time,
  };
}

/** A Welcome of a handshake: whose inbox it goes to, and where it is. */
export interface KeptWelcome {
  readonly reference: string;
  readonly client: string;
  readonly parcel: string;
}

export const fromWelcomes = (welcomes: readonly KeptWelcome[]): Uint8Array =>
  new TextEncoder().encode(
    JSON.stringify(welcomes.map(({ reference, client, parcel }) => [reference, client, parcel])),
  );

/** Those of the list that have the right form. */
export function toWelcomes(bytes: Uint8Array): readonly KeptWelcome[] {
  let list: unknown;
  try {
    list = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return [];
  }
  if (!Array.isArray(list)) return [];
  return list.flatMap((one: unknown) => {
    const [reference, client, parcel]: unknown[] = Array.isArray(one) ? one : [];
    if (typeof reference !== "string" || !/^([0-9a-f]{2}){1,64}$/.test(reference)) return [];
    if (typeof client !== "string" || !/^[a-z2-7]{32}$/.test(client)) return [];
    return typeof parcel === "string" && parcel.length <= 100 ? [{ reference, client, parcel }] : [];
  });
}
