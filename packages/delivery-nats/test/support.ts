// What the tests of this package share: clients, and what they send.

import type {
  AddressedWelcome,
  Batch,
  Cursor,
  DeliveryService,
  Handshake,
  OfferedKeyPackage,
  OutgoingMessage,
  Submitted,
} from "@copse/delivery/service";
import { type NatsDeliveryOptions, natsDelivery, natsPermissions } from "@copse/delivery-nats";
import type { NatsConnection } from "@nats-io/nats-core";

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (data: Uint8Array | undefined): string => new TextDecoder().decode(data);

let count = 0;
export const newId = (): string => `id-${String(++count).padStart(20, "0")}`;

export const clientOf = (
  connection: NatsConnection,
  name: string,
  options: Partial<NatsDeliveryOptions> = {},
): Promise<DeliveryService> =>
  natsDelivery({ connection, user: name, client: bytes(`key of ${name}`), heartbeat: 500, ...options });

export interface HandshakeParts {
  readonly id?: string;
  readonly welcomes?: readonly AddressedWelcome[];
  readonly groupInfo?: Uint8Array;
  readonly message?: Uint8Array;
}

export const handshake = (
  group: string,
  after: Cursor,
  name: string,
  parts: HandshakeParts = {},
): Handshake => ({
  id: parts.id ?? newId(),
  groupId: bytes(group),
  epoch: 7n,
  after,
  message: parts.message ?? bytes(name),
  groupInfo: parts.groupInfo ?? bytes(`GroupInfo of ${name}`),
  welcomes: parts.welcomes ?? [],
  nextKey: { epoch: 8n, suite: 1, publicKey: bytes("public") },
});

export const message = (group: string, content: Uint8Array | string, id = newId()): OutgoingMessage => ({
  id,
  groupId: bytes(group),
  epoch: 8n,
  message: typeof content === "string" ? bytes(content) : content,
});

export const keyPackage = (name: string, parts: Partial<OfferedKeyPackage> = {}): OfferedKeyPackage => ({
  reference: bytes(`reference of ${name}`),
  keyPackage: bytes(`key package ${name}`),
  suite: 1,
  notAfter: BigInt(Math.floor(Date.now() / 1000) + 3600),
  lastResort: false,
  ...parts,
});

/** Submits, and says at which cursor it was accepted. */
export async function accepted(submitted: Promise<Submitted>): Promise<Cursor> {
  const answer = await submitted;
  if (answer.kind !== "accepted") throw new Error(`expected it to be accepted, got ${answer.kind}`);
  return answer.cursor;
}

/** The first entries that are read. */
export async function first<T>(batches: AsyncIterable<Batch<T>>, wanted: number): Promise<T[]> {
  const found: T[] = [];
  for await (const { entries } of batches) {
    found.push(...entries);
    if (found.length >= wanted) break;
  }
  return found;
}

/** Random bytes that can't be told from others of the same length without all of them. */
export function someBytes(length: number): Uint8Array {
  const made = new Uint8Array(length);
  for (let start = 0; start < length; start += 65_536)
    crypto.getRandomValues(made.subarray(start, Math.min(length, start + 65_536)));
  return made;
}

const quoted = (subjects: readonly string[]) => `[${subjects.map((subject) => `"${subject}"`).join(", ")}]`;

/**
 * Of a server's configuration: users who have just what clients need, and `admin`, who may do all. Their passwords are their names.
 * @param denied what some of them may not publish to all the same
 */
export async function authorization(
  names: readonly string[],
  partitions: number,
  denied: Readonly<Record<string, readonly string[]>> = {},
): Promise<string> {
  const users = await Promise.all(
    names.map(async (name) => {
      const { publish, subscribe } = await natsPermissions({
        user: name,
        client: bytes(`key of ${name}`),
        partitions,
        inboxPrefix: `_INBOX_${name}`,
      });
      const deny = denied[name] ? `, deny: ${quoted(denied[name])}` : "";
      return `{ user: ${name}, password: ${name}, permissions {
        publish { allow: ${quoted(publish)}${deny} }, subscribe { allow: ${quoted(subscribe)} } } }`;
    }),
  );
  return `authorization { users: [{ user: admin, password: admin }, ${users.join(", ")}] }`;
}
