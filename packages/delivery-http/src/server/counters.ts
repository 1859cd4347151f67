// What the service counts, for its operator.

/** What a service has done since it was started. */
export interface DeliveryCounters {
  /** Calls that were answered, of whatever answer. */
  requests: number;
  /** Messages and handshakes taken into logs. */
  messages: number;
  handshakes: number;
  /** Handshakes for whose place another one had come first. */
  stale: number;
  /** Commits of groups with public handshakes that no member would take. */
  refused: number;
  /** Writes to the disk: one has what several calls asked for. */
  writes: number;
  keyPackagesClaimed: number;
  welcomes: number;
  /** Welcomes for key packages that nobody has published, or for inboxes that are full. */
  welcomesDropped: number;
  logins: number;
  /** Logins that weren't taken: wrong signatures, challenges that are over or used, another origin. */
  loginsRefused: number;
  /** Calls without a valid token, or for what the client may not do. */
  forbidden: number;
  /** Malformed calls and frames. */
  invalid: number;
  /** Calls over a rate, a quota or a size. */
  limited: number;
  /** Calls that failed inside: the log has the reason. */
  failed: number;
  sockets: number;
  /** Sockets that were ended because they broke a rule, or answered no more. */
  socketsEnded: number;
  /** At present: bytes of answers and frames that clients haven't taken, and of requests that are received and worked on. */
  sending: number;
  receiving: number;
  /** Log entries and Welcomes deleted by age or size. */
  expired: number;
  /** Groups that nobody has used for too long. */
  groupsEnded: number;
}

export const newCounters = (): DeliveryCounters => ({
  requests: 0,
  messages: 0,
  handshakes: 0,
  stale: 0,
  refused: 0,
  writes: 0,
  keyPackagesClaimed: 0,
  welcomes: 0,
  welcomesDropped: 0,
  logins: 0,
  loginsRefused: 0,
  forbidden: 0,
  invalid: 0,
  limited: 0,
  failed: 0,
  sockets: 0,
  socketsEnded: 0,
  sending: 0,
  receiving: 0,
  expired: 0,
  groupsEnded: 0,
});
