// What the tests play with other implementations, for the table at the end of a run (tests/interop/counts.ts). Workers
// append to files in the folder that COPSE_PLAYED names, each test file once, when its tests have ended.
import { appendFileSync } from "node:fs";
import { afterAll } from "vitest";

/** What is counted: an epoch if all members agreed in it, a message or frame once for each who decrypted it. */
export type Column = "groups" | "epochs" | "joins" | "messages" | "frames";

export type PlayedLine =
  | { readonly peer: string; readonly counts: Partial<Record<Column, number>> }
  | { readonly peer: string; readonly missing: string };

const totals = new Map<string, Partial<Record<Column, number>>>();

function append(line: PlayedLine): void {
  const folder = process.env.COPSE_PLAYED;
  if (folder !== undefined) appendFileSync(`${folder}/${process.pid}.jsonl`, `${JSON.stringify(line)}\n`);
}

/** Counts what was played with a peer. */
export function played(peer: string, what: Column, count = 1): void {
  const counts = totals.get(peer) ?? {};
  totals.set(peer, counts);
  counts[what] = (counts[what] ?? 0) + count;
}

/** Counts something for each of the peers. */
export function playedBy(peers: Iterable<string>, what: Column, count = 1): void {
  for (const peer of new Set(peers)) played(peer, what, count);
}

/** Reports that a peer was not played with, and why. */
export function notPlayed(peer: string, missing: string): void {
  append({ peer, missing });
}

afterAll(() => {
  for (const [peer, counts] of totals) append({ peer, counts });
  totals.clear();
});
