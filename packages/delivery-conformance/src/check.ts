// What a check of a delivery service is, and what comes of it. Knows no test runner.
import { DeliveryError } from "@copse/delivery/service";
import { Calls, callOf } from "./calls.js";
import { Room } from "./room.js";
import { inTime, TimedOut } from "./time.js";
import { DeliveryConformanceError, fail, said } from "./tools.js";
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
  async function result(): Promise<DeliveryCheckResult> {
    if (skipped !== undefined) return { name, outcome: "skipped", detail: skipped };
    try {
      await attempt(under as DeliveryUnderTest, body, timeLimit);
      return { name, outcome: "passed", detail: "" };
    } catch (error) {
      const detail = detailOf(error, under as DeliveryUnderTest);
      const failed: DeliveryCheckResult = { name, outcome: "failed", detail };
      if (error instanceof TimedOut && error.hangs !== undefined) hanging.set(failed, error.hangs);
      return failed;
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

const hanging = new WeakMap<DeliveryCheckResult, string>();

/** The call for whose answer a check has waited until its time was over. */
export const hangsOf = (result: DeliveryCheckResult): string | undefined => hanging.get(result);

/** How long what is left of a check whose time was over may take to end: a service that hangs does so there, too. */
const END_OF_LATE = 1000;

async function attempt(under: DeliveryUnderTest, body: Body, timeLimit: number): Promise<void> {
  const calls = new Calls();
  let room: Room | undefined;
  const work = async () => {
    room = new Room(under, await calls.author("start", () => under.start()), calls);
    await body(room);
  };
  try {
    await inTime(calls, timeLimit, work());
  } catch (error) {
    calls.end();
    // Why it has failed is more than how it ends.
    const limit = error instanceof TimedOut ? Math.min(timeLimit, END_OF_LATE) : timeLimit;
    await room?.leave(limit).catch(() => undefined);
    throw error;
  }
  calls.end();
  await room?.leave(timeLimit);
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
