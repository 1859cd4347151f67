// What IndexedDB's failures are called.

/**
 * Why a storage in IndexedDB failed:
 * - `unavailable`: there is no IndexedDB here, or the browser refuses it to this page (a sandboxed frame, a setting, some private
 *   windows): keep the state elsewhere, or only in memory
 * - `full`: the site's quota, or the disk, is used up: nothing was written
 * - `deleted`: the database was deleted, by another opener or by the user: open the client anew
 * - `newer`: another opener has a newer version of this package, and its database: load the page again
 * - `blocked`: the database will be deleted when others that have it open, and don't close it, are gone
 * - `closed`: this storage was closed
 * - `failed`: all else, such as a disk that can't be read: try again
 */
export type IndexedDbReason = "unavailable" | "full" | "deleted" | "newer" | "blocked" | "closed" | "failed";

const MESSAGES: Readonly<Record<IndexedDbReason, string>> = {
  unavailable: "IndexedDB isn't available here, or the browser refuses it to this page",
  full: "the browser's storage for this site is full: nothing was written",
  deleted: "the database was deleted: open the client anew",
  newer: "the database is of a newer version of @copse/storage-indexeddb: load the page again",
  blocked: "the database will be deleted when those who have it open are gone",
  closed: "this storage was closed",
  failed: "IndexedDB failed",
};

/**
 * What the calls of a storage in IndexedDB reject with. Calls of a client reject with an `MlsError`, at whose end of `cause`s
 * this one is.
 */
export class IndexedDbError extends Error {
  override readonly name = "IndexedDbError";
  readonly reason: IndexedDbReason;

  /** @internal */
  constructor(reason: IndexedDbReason, cause?: unknown) {
    super(MESSAGES[reason], cause === undefined ? undefined : { cause });
    this.reason = reason;
  }
}

const REASONS: Readonly<Record<string, IndexedDbReason>> = {
  QuotaExceededError: "full",
  SecurityError: "unavailable",
  VersionError: "newer",
};

/** The error for what IndexedDB threw. */
export function saidError(cause: unknown): IndexedDbError {
  if (cause instanceof IndexedDbError) return cause;
  const name = (cause as { name?: unknown } | undefined)?.name;
  return new IndexedDbError(REASONS[String(name)] ?? "failed", cause);
}
