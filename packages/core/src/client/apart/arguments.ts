// What functions that aren't methods check of their first arguments: JavaScript has no type checker.
import { MlsError } from "../../errors.js";
import type { Client } from "../client.js";
import type { Group } from "../group.js";

/** @throws MlsError `usage` for anything else, such as a group */
export function needClient(client: Client): void {
  need(client, "createGroup", "a Client");
}

/** @throws MlsError `usage` for anything else, such as a client */
export function needGroup(group: Group): void {
  need(group, "encrypt", "a Group");
}

/** By a method: there may be two copies of this package. */
function need(value: object | undefined | null, method: string, what: string): void {
  if (typeof Reflect.get(Object(value), method) === "function") return;
  throw new MlsError("usage", `expected ${what}, got ${value?.constructor?.name ?? String(value)}`);
}
