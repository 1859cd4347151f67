// Why something wasn't done, and what one can do about it.
import { MlsError } from "@copse/core";
import { DeliveryError, MessengerError } from "@copse/delivery";
import type { Problem } from "../shared/view.js";
import { sentence } from "./words.js";

const MESSENGER: Readonly<Record<string, string>> = {
  "unknown-user": "Check the name. Who is invited must have opened this page once, with exactly this name.",
  refused: "Look at the group's members and try something else.",
  "gave-up": "Others changed the group at the same time, or the service didn't answer. Try again.",
  removed: "You aren't a member any more: ask one to invite you.",
  left: "You aren't a member any more: ask one to invite you.",
  gone: "It was answered already, perhaps on another device.",
  limit: "Too much waits to be sent. Go online, and try again when it is gone.",
  closed: "Load the page again.",
};

const DELIVERY: Readonly<Record<string, string>> = {
  unavailable: "Check that you are online and that the service runs. Then try again.",
  limit: "Wait a moment, and try again.",
  forbidden:
    "Choose another one. If it is yours: the device that has it must be open in another tab of this browser, and let this one in.",
  closed: "Load the page again.",
};

export function explain(error: unknown): Problem {
  if (error instanceof MessengerError) {
    return { what: sentence(error.message), advice: MESSENGER[error.code] ?? "Load the page again." };
  }
  if (error instanceof DeliveryError) {
    return { what: sentence(error.message), advice: DELIVERY[error.code] ?? "Load the page again." };
  }
  if (error instanceof MlsError && error.code === "storage") {
    return { what: "The browser didn't keep the data.", advice: "Make room on the disk, and try again." };
  }
  return {
    what: sentence(error instanceof Error ? error.message : String(error)),
    advice: "Load the page again. If it stays so, it is a defect of this chat.",
  };
}
