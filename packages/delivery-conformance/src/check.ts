// What a check of a delivery service is, and what comes of it. Knows no test runner.
import { DeliveryError } from "@copse/delivery/service";
import { callOf } from "./calls.js";
import { Room } from "./room.js";
import { authors, DeliveryConformanceError, fail, said } from "./tools.js";
import type { DeliveryUnderTest } from "./under.js";

/** What came of one check. */
export interface DeliveryCheckResult {
  /** Such as `log: it goes on from each place`. Stable from version to version. */
  readonly name: string;
  readonly outcome: "passed" | "failed" | "skipped";
  /** Why it failed or was skipped; empty if it passed. */
  readonly detail: string;
}

/** One check, ready to be run as a test of its own, as often as one likes. */
export interface DeliveryCheck {
  readonly name: string;
  /** Why it can't be run against this service; `undefined` if it can. */
  readonly skipped: string | undefined;
  /** Runs it. Never throws. */
  result(): Promise<DeliveryCheckResult>;
  /** Runs it as a test, unless it is to be skipped. @throws DeliveryConformanceError */
  run(): Promise<void>;
}

/** The body of a check, which throws if it fails. */
export type Body = (room: Room) => unknown;

/** What a service must have for a check. */
export type Need = keyof typeof LACKS;

/** A check as it is written down. */
export interface Definition {
  readonly needs: readonly Need[];
  readonly body: Body;
}

/** Why a service can't be checked, by what a check needs; empty if it can. */
const LACKS = {
  order: (under: DeliveryUnderTest) =>
    under.ordering === "none" ? "the service doesn't order handshakes" : "",
  "no order": (under: DeliveryUnderTest) =>
    under.ordering !== "none" ? "the service orders handshakes" : "",
  restart: (under: DeliveryUnderTest) =>
    under.restart === undefined ? "there is no restart() to restart the service" : "",
  members: (under: DeliveryUnderTest) =>
    under.members !== "checked" ? "the service doesn't check membership" : "",
  "any sender": (under: DeliveryUnderTest) =>
    under.members === "checked" ? "the service lets nobody make a group anew" : "",
  "message limit": (under: DeliveryUnderTest) =>
    under.limits?.message === undefined ? "limits.message isn't given" : "",
  "key package limit": (under: DeliveryUnderTest) =>
    under.limits?.keyPackages === undefined ? "limits.keyPackages isn't given" : "",
};

/** A check that needs more of a service than each has. */
export const needing = (needs: readonly Need[], body: Body): Definition => ({ needs, body });

/** @param timeLimit in milliseconds */
export function check<Service>(
  under: DeliveryUnderTest<Service>,
  name: string,
  { needs, body }: Definition,
  timeLimit: number,
): DeliveryCheck {
  const skipped = needs.map((need) => LACKS[need](under as DeliveryUnderTest)).find((lack) => lack !== "");
  async function attempt(): Promise<void> {
    const room = new Room(under as DeliveryUnderTest, await authors("start", () => under.start()));
    try {
      await inTime(Promise.resolve(body(room)), timeLimit);
    } finally {
      await inTime(room.leave(), timeLimit);
    }
  }
  async function result(): Promise<DeliveryCheckResult> {
    if (skipped !== undefined) return { name, outcome: "skipped", detail: skipped };
    try {
      await attempt();
      return { name, outcome: "passed", detail: "" };
    } catch (error) {
      return { name, outcome: "failed", detail: detailOf(error, under as DeliveryUnderTest) };
    }
  }
  return {
    name,
    skipped,
    result,
    async run() {
      const { outcome, detail } = await result();
      if (outcome === "failed") fail(`${under.name}: ${name}: ${detail}`);
    },
  };
}

/** What a check has found; or what it didn't expect, from which call. */
function detailOf(error: unknown, { members }: DeliveryUnderTest): string {
  if (error instanceof DeliveryConformanceError) return error.message;
  const call = callOf(error);
  const isForbidden = error instanceof DeliveryError && error.code === "forbidden";
  const hint = isForbidden && members !== "checked" ? `. ${HINT}` : "";
  return `${call === undefined ? "" : `${call}: `}unexpected ${said(error)}${hint}`;
}

/** Who forgets the option sees half of the checks fail for want of a key. */
const HINT = 'If the service checks members, test it with members: "checked"';

/** The timers of all platforms, if it has them. */
interface Timers {
  setTimeout?(work: () => void, milliseconds: number): unknown;
  clearTimeout?(timer: unknown): void;
}

async function inTime(work: Promise<unknown>, limit: number): Promise<void> {
  const { setTimeout, clearTimeout } = globalThis as Timers;
  let timer: unknown;
  const late = new Promise<never>((_, reject) => {
    const error = new DeliveryConformanceError(`something has not come after ${limit / 1000} seconds`);
    timer = setTimeout?.(() => reject(error), limit);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout?.(timer);
  }
}
