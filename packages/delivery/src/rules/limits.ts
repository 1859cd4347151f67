// How large and how many: what a service takes from its clients.

/** The limits of a service. Sizes are in bytes. What exceeds one is refused with `limit`, and changes nothing. */
export interface DeliveryLimits {
  /** Of an application message or a proposal. Default: 1 MiB. */
  readonly message: number;
  /** Of a commit, of a GroupInfo, and of a Welcome, each. Default: 4 MiB. */
  readonly handshake: number;
  /** Welcomes of one handshake. Default: 1000. */
  readonly welcomes: number;
  /** Of a key package. Default: 64 KiB. */
  readonly keyPackage: number;
  /** Key packages that one client may have published at a time, of all suites. Default: 1000. */
  readonly keyPackages: number;
  /** Welcomes in an inbox: further ones are dropped. Default: 1000. */
  readonly inbox: number;
  /** Clients of one user. Default: 100. */
  readonly clients: number;
  /** Users. Default: 100,000. */
  readonly users: number;
  /** Groups. Default: 100,000. */
  readonly groups: number;
}

const KIB = 1024;

export const DEFAULT_DELIVERY_LIMITS: DeliveryLimits = {
  message: KIB * KIB,
  handshake: 4 * KIB * KIB,
  welcomes: 1000,
  keyPackage: 64 * KIB,
  keyPackages: 1000,
  inbox: 1000,
  clients: 100,
  users: 100_000,
  groups: 100_000,
};
