// RFC 9420 §9, §14, §15.3: what must become of a letter, by what its reader has.
import { type Device, MAX_PAST_EPOCHS, type Membership } from "./device.js";
import type { Entry, Letter } from "./letter.js";

/** The kinds of a result, and the codes of errors, that are right. */
export function expectedOf(
  device: Device,
  membership: Membership,
  { letter, taken }: Entry,
): readonly string[] {
  const { kind, epoch, from } = letter;
  const { status, epoch: now, since } = membership;
  const isOwn = from === device;
  if (status === "removed") return ["removed"];
  if (epoch > now) return ["future-epoch"];
  const isForgotten = epoch < since || now - epoch > MAX_PAST_EPOCHS;
  switch (kind) {
    case "application":
      if (isForgotten) return ["forgotten"];
      if (isOwn) return ["own"];
      return taken === "yes" ? ["duplicate"] : ["application"];
    case "proposal":
      if (epoch < now) return ["past-epoch"];
      if (isOwn) return ["own"];
      // In public the same one may come again, and changes nothing.
      return taken === "yes" ? ["duplicate", "proposal"] : ["proposal"];
    case "commit":
      if (epoch === now) return waitsFor(device, letter) ? ["commit", "proposal-missing"] : ["commit"];
      // By its own external commit a member has joined in the epoch after it.
      if (isForgotten) return isOwn && epoch === since - 1 ? ["own", "past-epoch"] : ["past-epoch"];
      return [isOwn ? "own" : "duplicate"];
    case "welcome":
      return [];
  }
}

/** Whether proposals that a commit may refer to are still on their way. */
function waitsFor({ inbox }: Device, { room, epoch }: Letter): boolean {
  for (const { letter, taken } of inbox.values()) {
    if (letter.room === room && letter.epoch === epoch && letter.kind === "proposal" && taken !== "yes")
      return true;
  }
  return false;
}
