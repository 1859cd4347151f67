// What streams, subjects and keys are called. All that comes from outside is hashed first: so every name is safe in a subject,
// and has one length.

const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

/** In base32 of RFC 4648, in lower case and without padding. */
function toBase32(bytes: Uint8Array): string {
  let text = "";
  let bits = 0;
  let count = 0;
  for (const byte of bytes) {
    bits = ((bits << 8) | byte) & 0xffff;
    count += 8;
    for (; count >= 5; count -= 5) text += ALPHABET[(bits >>> (count - 5)) & 31];
  }
  return count === 0 ? text : text + ALPHABET[(bits << (5 - count)) & 31];
}

/** SHA-256, as 52 characters. */
export async function digest(bytes: Uint8Array): Promise<string> {
  return toBase32(new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(bytes))));
}

/** 32 characters, the first 160 bits of the hash: what a group, a user, a client or a key package is called in subjects. */
export async function tokenOf(name: Uint8Array | string): Promise<string> {
  const bytes = typeof name === "string" ? new TextEncoder().encode(name) : name;
  return (await digest(bytes)).slice(0, 32);
}

/** What of a service is kept in a partition, each in a stream of its own. */
export type StreamKind = "log" | "parcels" | "keys" | "inbox" | "state";

/** What a record is about. */
export type RecordKind = "group" | "user" | "shelf";

/** The names of one service. */
export class Names {
  readonly #prefix: string;
  readonly #partitions: number;

  /** @param prefix see `checkPrefix` */
  constructor(prefix: string, partitions: number) {
    this.#prefix = prefix;
    this.#partitions = partitions;
  }

  /** The partition of what has this token: the same for everybody, and for as long as the service lives. */
  partitionOf(token: string): number {
    let value = 0;
    for (const character of token.slice(0, 6)) value = value * 32 + ALPHABET.indexOf(character);
    return value % this.#partitions;
  }

  stream(kind: StreamKind, partition: number): string {
    return `${this.#prefix}-${kind}-${partition}`;
  }

  /** Of all messages of a stream. */
  pattern(kind: StreamKind, partition: number): string {
    return `${this.#prefix}.${kind}.${partition}.>`;
  }

  /** The one subject whose last sequence is the rule that one handshake follows another. */
  handshakes(group: string): string {
    return `${this.log(group)}.h`;
  }

  messages(group: string): string {
    return `${this.log(group)}.m`;
  }

  log(group: string): string {
    return `${this.#prefix}.log.${this.partitionOf(group)}.${group}`;
  }

  /** @param id begins with a hash */
  chunk(id: string, index: number): string {
    return `${this.#prefix}.parcels.${this.partitionOf(id)}.${id}.${index}`;
  }

  record(kind: RecordKind, token: string): string {
    return `${this.#prefix}.state.${this.partitionOf(token)}.${kind}.${token}`;
  }

  inbox(client: string): string {
    return `${this.#prefix}.inbox.${this.partitionOf(client)}.${client}`;
  }

  /** Where something is written to a stream for nobody to read: see `Link.get`. */
  probe(kind: StreamKind, partition: number): string {
    // Of states, clients may write records alone.
    return `${this.#prefix}.${kind}.${partition}.${kind === "state" ? "shelf." : ""}probe`;
  }

  /** @param token of its reference */
  keyPackage(token: string): string {
    return `${this.#prefix}.keys.${this.partitionOf(token)}.${token}`;
  }
}
