// What Alice's process is told before it begins, and what it says.
import type { Place } from "./places.js";

/** What Bob sends to Alice: a message or a commit of the group in which she only receives, or a Welcome. */
export interface Item {
  readonly n: number;
  readonly kind: "message" | "commit" | "welcome";
  /** Hexadecimal, as all bytes here. */
  readonly bytes: string;
}

export interface Orders {
  readonly place: Place;
  /** An extension comes while the app is there, receives what has just come, answers, and goes. */
  readonly role: "app" | "extension";
  /** The IDs of the group in which Alice sends and commits, and of the one in which Bob does. */
  readonly alices: string;
  readonly bobs: string;
  readonly inbox: readonly Item[];
}

/** What Alice's process finds when it opens her storage. */
export interface Found {
  readonly groups: readonly string[];
  readonly keyPackages: readonly string[];
  readonly epochs: { readonly alices: string; readonly bobs: string };
  /** The commits that are staged in her group. */
  readonly staged: readonly string[];
}
