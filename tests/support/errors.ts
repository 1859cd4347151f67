// RFC 9420 §12: operations that must be refused, and what their errors say.

import type { Group, MlsErrorCode } from "@copse/core";
import { expect } from "vitest";
import { equalBytes } from "../../packages/core/src/bytes.js";
import { MlsError, ValidationError } from "../../packages/core/src/errors.js";

/** The error that something fails with, which must be an MlsError. */
export async function failure(work: Promise<unknown> | (() => Promise<unknown>)): Promise<MlsError> {
  let result: unknown;
  try {
    result = await (typeof work === "function" ? work() : work);
  } catch (error) {
    if (error instanceof MlsError) return error;
    throw new Error(`not an MlsError: ${String(error)}`, { cause: error });
  }
  throw new Error(`accepted: ${JSON.stringify(result, (_, v) => (typeof v === "bigint" ? `${v}` : v))}`);
}

/** What equals an MlsError of this code. */
export const code = (expected: MlsErrorCode) => expect.objectContaining({ code: expected });

/** What an error says of itself in a table of expectations: the rule's section, or else its code. */
export function saying(error: MlsError): string {
  return error instanceof ValidationError ? error.rule : error.code;
}

/** The name of a rule as a test's table gives it, its beginning: for `toMatch`. */
export const named = (rule: string) => new RegExp(`^${rule.replaceAll(/[.()]/g, "\\$&")}`);

/** Expects a message or an operation to be refused, and the group to be the same as before in every byte. */
export async function refused(
  group: Group,
  attempt: Uint8Array | (() => Promise<unknown>),
  saved?: Uint8Array,
): Promise<MlsError> {
  const before = saved ?? (await group.save());
  const error = await failure(typeof attempt === "function" ? attempt : group.receive(attempt));
  expect(equalBytes(await group.save(), before), `state unchanged after ${error.message}`).toBe(true);
  return error;
}
