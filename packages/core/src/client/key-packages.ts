// RFC 9420 §10, §16.8: the key packages of a client, with their private keys.
import { type Bytes, copied, EMPTY, equalBytes, type Owned, toHex } from "../bytes.js";
import { destroyKey, isStored } from "../crypto/index.js";
import { MlsError } from "../errors.js";
import { type ClientConfig, secondsNow } from "../group/index.js";
import {
  type Invitation,
  type JoinedGroup,
  type KeptKeyPackage,
  lifetimeOf,
  type OwnKeyPackage,
} from "../key-package/index.js";
import type { HpkePart, HpkePrivateKey } from "../provider/index.js";
import {
  type Capabilities,
  type Credential,
  type Extension,
  findGroupSecrets,
  type KeyPackage,
  type Lifetime,
  newMembersOf,
  type Welcome,
} from "../wire/index.js";

/** A key package that this client keeps the private keys of. */
export interface KeyPackageInfo {
  /** KeyPackageRef, §5.2: `Nh` bytes */
  readonly reference: Bytes;
  /** Its lifetime (§7.2), in seconds since 1970. */
  readonly notBefore: bigint;
  readonly notAfter: bigint;
  /** Whether `notAfter` is over, by this client's clock: nobody can add it any more. */
  readonly expired: boolean;
  /** Whether it may be used more than once, as one of last resort. */
  readonly lastResort: boolean;
}

/** What a verified key package says. */
export interface KeyPackageDetails {
  /** KeyPackageRef, §5.2: as many bytes as the hash of its suite has */
  readonly reference: Bytes;
  /** The code point of its cipher suite (§17.1). */
  readonly suite: number;
  /** Whose it is. The authentication service accepted it. */
  readonly credential: Owned<Credential>;
  /** `Npk` bytes */
  readonly signatureKey: Bytes;
  /** Its lifetime (§7.2), in seconds since 1970. */
  readonly notBefore: bigint;
  readonly notAfter: bigint;
  /** Whether `notBefore` is still to come, by this client's clock. */
  readonly notYetValid: boolean;
  /** Whether `notAfter` is over, by this client's clock. */
  readonly expired: boolean;
  readonly capabilities: Capabilities;
  /** Those of the key package. */
  readonly extensions: readonly Owned<Extension>[];
  /** Those of its leaf node. */
  readonly leafExtensions: readonly Owned<Extension>[];
  /** Whether it may be used more than once, as one of last resort, as far as the extensions of this client tell. */
  readonly lastResort: boolean;
}

export function detailsOf(
  keyPackage: KeyPackage,
  reference: Uint8Array,
  { registry, policy }: ClientConfig,
): KeyPackageDetails {
  const { cipherSuite: suite, extensions, leafNode } = keyPackage;
  const { credential, signatureKey, capabilities } = leafNode;
  const { notBefore, notAfter } = lifetimeOf(keyPackage);
  const now = BigInt(secondsNow(policy));
  return {
    reference: copied(reference),
    suite,
    credential: copied(credential),
    signatureKey: copied(signatureKey),
    notBefore,
    notAfter,
    notYetValid: now < notBefore,
    expired: now > notAfter,
    capabilities: copied(capabilities),
    extensions: copied(extensions),
    leafExtensions: copied(leafNode.extensions),
    lastResort: registry.isReusable(keyPackage),
  };
}

/** The private keys of a key package. */
export function keysOfPackage({ initKey, leafKey }: OwnKeyPackage): readonly HpkePrivateKey[] {
  return [initKey, leafKey];
}

/**
 * How many groups one key package is used for, if it may be used more than once. They are remembered, so that no Welcome
 * is used twice. To forget one would bring back the keys of its messages.
 */
export const MAX_JOINED = 1000;

/** How many references of a Welcome an error has. */
const MAX_TOLD = 64;

/** Keeps key packages in a storage. */
export interface KeyPackageKeeper {
  /** @param id the hexadecimal KeyPackageRef */
  has(id: string): boolean;
  /** Calls {@link KeyPackageStore.end} for a deleted key package when nothing refers to its stored keys. */
  endLater(own: KeptKeyPackage): void;
}

export class KeyPackageStore {
  readonly #hpke: HpkePart;
  readonly #isUsed: (key: HpkePrivateKey) => boolean;
  /** By the hexadecimal KeyPackageRef. */
  readonly #all = new Map<string, KeptKeyPackage>();
  /** No key package ends before this time (§7.2), in seconds since 1970. */
  #earliest: bigint | undefined;
  /** Whether any has ended so since {@link takeExpired}. */
  #hasExpired = false;
  /** Init keys that saved key packages have too. */
  readonly #recorded = new WeakSet<HpkePrivateKey>();
  /** Init keys of those that were brought in: the application has their bytes. */
  readonly #broughtIn = new WeakSet<HpkePrivateKey>();
  #keeper: KeyPackageKeeper | undefined;

  /** @param isUsed whether an open group has a private key */
  constructor(hpke: HpkePart, isUsed: (key: HpkePrivateKey) => boolean) {
    this.#hpke = hpke;
    this.#isUsed = isUsed;
  }

  /** Notes that key packages were saved. */
  recorded(all: readonly OwnKeyPackage[]): void {
    for (const { initKey } of all) this.#recorded.add(initKey);
  }

  /** The private keys of a key package, if it was saved. */
  recordedKeys(own: OwnKeyPackage): readonly HpkePrivateKey[] {
    return this.#recorded.has(own.initKey) ? keysOfPackage(own) : [];
  }

  hasLeafKey(key: HpkePrivateKey): boolean {
    return this.all.some(({ leafKey }) => leafKey === key);
  }

  get all(): readonly KeptKeyPackage[] {
    return [...this.#all.values()];
  }

  /** Deletes the key packages whose lifetime is over. Looks at each only if one may be. */
  endExpired(isOver: (lifetime: Pick<Lifetime, "notAfter">) => boolean): void {
    const earliest = this.#earliest;
    if (earliest === undefined || !isOver({ notAfter: earliest })) return;
    this.#earliest = undefined;
    for (const { keyPackage, reference } of this.all) {
      const lifetime = lifetimeOf(keyPackage);
      if (isOver(lifetime)) this.#hasExpired = this.delete(reference);
      else this.#expect(lifetime);
    }
  }

  /** Whether any has expired since this was asked last. */
  takeExpired(): boolean {
    const hasExpired = this.#hasExpired;
    this.#hasExpired = false;
    return hasExpired;
  }

  #expect({ notAfter }: Lifetime): void {
    if (this.#earliest === undefined || notAfter < this.#earliest) this.#earliest = notAfter;
  }

  keepIn(keeper: KeyPackageKeeper): void {
    this.#keeper = keeper;
  }

  /**
   * Adds those that were saved. One that is here or in the storage, or was, stays as it is, because it may have been used since;
   * what one of last resort was used for before is added.
   */
  bringIn(loaded: readonly KeptKeyPackage[]): void {
    for (const own of loaded) {
      const id = toHex(own.reference);
      const mine = this.#all.get(id);
      if (mine === undefined && !this.#keeper?.has(id)) {
        this.#broughtIn.add(own.initKey);
        this.add(own);
        continue;
      }
      if (mine && own.joined.length > 0) this.add({ ...mine, joined: unionOf(mine.joined, own.joined) });
      this.leave(own);
    }
    this.recorded(loaded);
  }

  wasBroughtIn({ initKey }: OwnKeyPackage): boolean {
    return this.#broughtIn.has(initKey);
  }

  /** Ends the keys of one that was loaded, and isn't needed: a key store has them still. */
  leave(own: KeptKeyPackage): void {
    if (!isStored(this.#hpke, own.initKey)) this.end(own);
  }

  /** Adds a key package, or has it as it is given, if it is here. */
  add(own: KeptKeyPackage): void {
    this.#all.set(toHex(own.reference), own);
    this.#expect(lifetimeOf(own.keyPackage));
  }

  /** @throws MlsError `usage` if it is here already, or is or was in the storage */
  addNew(own: OwnKeyPackage): void {
    const id = toHex(own.reference);
    if (this.#all.has(id) || this.#keeper?.has(id))
      throw new MlsError("usage", "expected a key package that this client doesn't have, and hasn't had");
    this.add({ ...own, joined: [] });
  }

  /** The key package that a Welcome is for, and its entry in the Welcome. @throws MlsError `not-invited` */
  for(welcome: Welcome): Invitation {
    // All references have the size of the suite's hash.
    const [{ reference } = { reference: EMPTY }] = this.#all.values();
    const known = (newMember: Uint8Array) => this.#all.get(toHex(newMember));
    const entry = findGroupSecrets(welcome, reference.length, known);
    if (entry === undefined) {
      // Anybody can send a Welcome with very many.
      const references = newMembersOf(welcome, MAX_TOLD);
      throw new MlsError("not-invited", "the Welcome is for none of this client's key packages", {
        references,
      });
    }
    return entry;
  }

  /**
   * Uses a key package to enter a group. It is then deleted, unless it may be used again; and that not for a group that
   * it was used for, by the same or an older Welcome, which would bring deleted message keys back (§9.2).
   * @param isReusable whether an extension allows that
   * @throws MlsError `not-invited` if it was used since, `duplicate` for a Welcome that was used before, `limit` after
   *   {@link MAX_JOINED} groups
   */
  use<T>(
    { reference, initKey }: OwnKeyPackage,
    isReusable: boolean,
    { groupId, epoch }: JoinedGroup,
    enter: () => T,
  ): T {
    const id = toHex(reference);
    const own = this.#all.get(id);
    // Loaded again, it has other handles: those that the Welcome was read with may have ended.
    if (own === undefined || own.initKey !== initKey)
      throw new MlsError("not-invited", "the key package was used, deleted or loaded again since", {
        references: [reference.slice()],
      });
    const before = own.joined.find((one) => equalBytes(one.groupId, groupId));
    if (before !== undefined && epoch <= before.epoch) {
      const message = `this key package was used to join the group in epoch ${before.epoch}, got epoch ${epoch}`;
      throw new MlsError("duplicate", message, { groupId: groupId.slice(), epoch });
    }
    if (before === undefined && own.joined.length >= MAX_JOINED) {
      const message = `this key package was used to join ${MAX_JOINED} groups: replace it by a new one`;
      throw new MlsError("limit", message);
    }
    const result = enter();
    if (isReusable) {
      // A copy of the ID: a view would keep the whole Welcome in memory.
      const others = own.joined.filter((one) => one !== before);
      this.#all.set(id, { ...own, joined: [...others, { groupId: groupId.slice(), epoch }] });
    } else this.#all.delete(id);
    return result;
  }

  /**
   * Deletes a key package and its private keys.
   * @param keep whether keys in a key store or a token stay there, because a storage may have the key package
   * @returns whether it was there
   */
  delete(reference: Uint8Array, keep = false): boolean {
    const id = toHex(reference);
    const own = this.#all.get(id);
    if (own === undefined) return false;
    this.#all.delete(id);
    const stored = isStored(this.#hpke, own.initKey);
    if (!stored || this.#keeper === undefined) this.end(own);
    else if (!keep) this.#keeper.endLater(own);
    return true;
  }

  /** Ends the private keys of a key package. */
  end(own: KeptKeyPackage): void {
    destroyKey(this.#hpke, own.initKey);
    // An open group may have its leaf key still; and, where it is in a key store or a token, one that isn't open.
    const isSaved = own.joined.length > 0 && isStored(this.#hpke, own.leafKey);
    if (!isSaved && !this.#isUsed(own.leafKey)) destroyKey(this.#hpke, own.leafKey);
  }
}

/** The groups of both lists; of one that is in both, the later epoch. */
export function unionOf(some: readonly JoinedGroup[], others: readonly JoinedGroup[]): JoinedGroup[] {
  const all = new Map<string, JoinedGroup>();
  for (const one of [...some, ...others]) {
    const id = toHex(one.groupId);
    const known = all.get(id);
    if (known === undefined || known.epoch < one.epoch) all.set(id, one);
  }
  return [...all.values()];
}
