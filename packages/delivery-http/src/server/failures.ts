// How calls are refused.
import type { Duplex } from "node:stream";
import { DeliveryError, type DeliveryErrorCode } from "@copse/delivery/service";
import { ShapeError } from "../wire/cbor.js";
import type { Failure } from "../wire/structures.js";
import type { DeliveryCounters } from "./counters.js";

/** A refusal after which the client can do something, and call again. */
export class Needed extends DeliveryError {
  readonly needs: "login" | "proof";

  constructor(needs: "login" | "proof", message: string) {
    super("forbidden", message);
    this.needs = needs;
  }
}

export const refuse = (code: DeliveryErrorCode, message: string): never => {
  throw new DeliveryError(code, message);
};

/** Answers what is no request, and ends its connection: a client that keeps its half open holds nothing. */
export function refuseWith(socket: Duplex, status: string): void {
  socket.once("finish", () => socket.destroy());
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

/** Too much. @param retryAfter in milliseconds */
export const limited = (message: string, retryAfter?: number) =>
  new DeliveryError("limit", message, retryAfter === undefined ? {} : { retryAfter });

/** Counts a failure, and says what the client is told: nothing of what failed inside. */
export function failureOf(
  error: unknown,
  counters: DeliveryCounters,
  report: (error: unknown) => void,
): Failure {
  if (error instanceof ShapeError) {
    counters.invalid += 1;
    return { code: "invalid", message: error.message.slice(0, 300) };
  }
  if (!(error instanceof DeliveryError)) {
    counters.failed += 1;
    report(error);
    return { code: "unavailable", message: "the service has failed" };
  }
  if (error.code === "limit") counters.limited += 1;
  if (error.code === "invalid") counters.invalid += 1;
  if (error.code === "forbidden") counters.forbidden += 1;
  return {
    code: error.code,
    message: error.message.slice(0, 300),
    retryAfter: error.retryAfter === undefined ? undefined : Math.ceil(error.retryAfter),
    needs: error instanceof Needed ? error.needs : undefined,
  };
}
