// Which users and clients a call is about.
import { toHex } from "@copse/core";
import { MessengerError } from "../messenger/errors.js";
import type { Participant } from "../messenger/types.js";
import { takeUser } from "../rules/input.js";
import type { Wish } from "./record.js";

/** How many users a call takes. */
const MAX_USERS = 1000;

/** @throws MessengerError `usage` */
export function needUsers(users: readonly string[]): readonly string[] {
  const got = Array.isArray(users) ? users.length : typeof users;
  if (!Array.isArray(users) || users.length > MAX_USERS)
    throw new MessengerError("usage", `expected an array of up to ${MAX_USERS} users, got ${got}`);
  try {
    return [...new Set(users.map(takeUser))];
  } catch (cause) {
    throw new MessengerError("usage", cause instanceof Error ? cause.message : "expected users", cause);
  }
}

/** A client of a user, as calls name it. */
export type Client = Pick<Participant, "signatureKey">;

/** @throws MessengerError `usage` */
export function needClients(
  who: readonly (string | Client)[],
): Required<Pick<Wish, "users">> & { clients: string[] } {
  const isClient = (one: string | Client): one is Client =>
    typeof one === "object" && one?.signatureKey instanceof Uint8Array;
  if (!Array.isArray(who))
    throw new MessengerError("usage", `expected a list of users or members, got ${typeof who}`);
  const clients = who.filter(isClient).map(({ signatureKey }) => toHex(signatureKey));
  return { users: needUsers(who.filter((one) => !isClient(one))), clients };
}
