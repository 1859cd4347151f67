// RFC 9420 §5.3: who a member is, for people, and the numbers by which two of them check it.
import {
  type Credential,
  equalBytes,
  type HashPart,
  isBasicCredential,
  type Member,
  toHex,
} from "@copse/core";
import { MessengerError } from "./errors.js";
import type { Person } from "./types.js";
import { nameOf, utf8 } from "./wire.js";

/** The user of a basic credential: the text that its bytes are, exactly. What isn't UTF-8 names nobody. */
export function userOfBasic(credential: Credential): string | undefined {
  return isBasicCredential(credential) ? nameOf(credential.identity) : undefined;
}

/** Tells who somebody is. */
export class People {
  readonly #userOf: (credential: Credential) => string | undefined;
  readonly #own: () => Uint8Array;

  /** @param own the signature key of this client */
  constructor(userOf: (credential: Credential) => string | undefined, own: () => Uint8Array) {
    this.#userOf = userOf;
    this.#own = own;
  }

  /** @returns `""`: nobody that the application knows */
  user(credential: Credential): string {
    try {
      return this.#userOf(credential) ?? "";
    } catch {
      return "";
    }
  }

  person({ credential, signatureKey }: Pick<Member, "credential" | "signatureKey">): Person {
    return { user: this.user(credential), signatureKey, own: equalBytes(signatureKey, this.#own()) };
  }
}

/** How many groups of five digits a safety number has: with 199 bits nobody finds two keys with the same number. */
const GROUPS = 12;

/** @param hash of at least 32 bytes */
function digits(hash: Uint8Array): string {
  let number = BigInt(`0x${toHex(hash.subarray(0, 32))}`);
  const groups: string[] = [];
  for (let i = 0; i < GROUPS; i++) {
    groups.push(String(number % 100_000n).padStart(5, "0"));
    number /= 100_000n;
  }
  return groups.join(" ");
}

type Side = Pick<Person, "user" | "signatureKey">;

/** The number of two clients, the same for both. @throws MessengerError `usage` */
export async function safetyNumber(hash: HashPart, a: Side, b: Side): Promise<string> {
  if (!(b?.signatureKey instanceof Uint8Array))
    throw new MessengerError("usage", `expected a member, as members has it, got ${typeof b}`);
  const sides = [a, b].map(({ user, signatureKey }) => JSON.stringify([user, toHex(signatureKey)])).sort();
  return digits(await hash.hash(utf8(`copse safety number\n${sides.join("\n")}`)));
}

/** The number of a group in an epoch, the same for all its members. */
export async function groupNumber(hash: HashPart, epochAuthenticator: Uint8Array): Promise<string> {
  return digits(await hash.hash(utf8(`copse group number\n${toHex(epochAuthenticator)}`)));
}
