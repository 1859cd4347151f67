// RFC 9420 §10, §16.8: the key packages of a client, with their private keys.
import { type Bytes, EMPTY, equalBytes, toHex } from "../bytes.js";
import { destroyKey } from "../crypto/index.js";
import { MlsError } from "../errors.js";
import type { JoinedGroup, KeptKeyPackage, OwnKeyPackage } from "../key-package/index.js";
import type { HpkePart, HpkePrivateKey } from "../provider/index.js";
import { findGroupSecrets, LeafNodeSource, type Welcome } from "../wire/index.js";

/** A key package that this client keeps the private keys of. */
export interface KeyPackageInfo {
  /** KeyPackageRef, §5.2: `Nh` bytes */
  readonly reference: Bytes;
  /** Its lifetime (§7.2), in seconds since 1970. */
  readonly notBefore: bigint;
  readonly notAfter: bigint;
  /** Whether it may be used more than once, as one of last resort. */
  readonly reusable: boolean;
}

/** The private keys of a key package. */
export function keysOfPackage({ initKey, leafKey }: OwnKeyPackage): readonly HpkePrivateKey[] {
  return [initKey, leafKey];
}

export class KeyPackageStore {
  readonly #hpke: HpkePart;
  readonly #isReusable: (own: OwnKeyPackage) => boolean;
  /** By the hexadecimal KeyPackageRef. */
  readonly #all = new Map<string, KeptKeyPackage>();

  constructor(hpke: HpkePart, isReusable: (own: OwnKeyPackage) => boolean) {
    this.#hpke = hpke;
    this.#isReusable = isReusable;
  }

  get all(): readonly KeptKeyPackage[] {
    return [...this.#all.values()];
  }

  get infos(): KeyPackageInfo[] {
    return this.all.map((own) => {
      const { leafNodeSource } = own.keyPackage.leafNode;
      // A leaf node of a key package has a lifetime (§7.2).
      const { notBefore, notAfter } =
        leafNodeSource.type === LeafNodeSource.keyPackage
          ? leafNodeSource.lifetime
          : { notBefore: 0n, notAfter: 0n };
      return { reference: own.reference.slice(), notBefore, notAfter, reusable: this.#isReusable(own) };
    });
  }

  add(own: OwnKeyPackage, joined: readonly JoinedGroup[] = []): void {
    this.#all.set(toHex(own.reference), { ...own, joined });
  }

  /** The key package that a Welcome is for. @throws MlsError `missing` */
  for(welcome: Welcome): OwnKeyPackage {
    // All references have the size of the suite's hash.
    const [{ reference } = { reference: EMPTY }] = this.#all.values();
    const known = (newMember: Uint8Array) => this.#all.get(toHex(newMember));
    const entry = findGroupSecrets(welcome, reference.length, known);
    if (entry !== undefined) return entry.found;
    throw new MlsError("missing", "the Welcome is for none of this client's key packages");
  }

  /**
   * Uses a key package to enter a group. It is then deleted, unless it may be used again; and that not for a group that
   * it was used for, by the same or an older Welcome, which would bring deleted message keys back (§9.2).
   * @throws MlsError `missing` if it was used since, `consumed` for a Welcome that was used before
   */
  use<T>({ reference }: OwnKeyPackage, { groupId, epoch }: JoinedGroup, enter: () => T): T {
    const id = toHex(reference);
    const own = this.#all.get(id);
    if (own === undefined) throw new MlsError("missing", "another call joined a group with this key package");
    const before = own.joined.find((one) => equalBytes(one.groupId, groupId));
    if (before !== undefined && epoch <= before.epoch) {
      const message = `this key package was used to join the group in epoch ${before.epoch}, got epoch ${epoch}`;
      throw new MlsError("consumed", message, { epoch });
    }
    const result = enter();
    if (this.#isReusable(own)) {
      const others = own.joined.filter((one) => one !== before);
      this.#all.set(id, { ...own, joined: [...others, { groupId, epoch }] });
    } else this.#all.delete(id);
    return result;
  }

  /** Deletes a key package and its private keys. Returns whether it was there. */
  delete(reference: Uint8Array): boolean {
    const id = toHex(reference);
    const own = this.#all.get(id);
    if (own === undefined) return false;
    this.#all.delete(id);
    destroyKey(this.#hpke, own.initKey);
    // A group that was joined by it may have its leaf key still.
    if (own.joined.length === 0) destroyKey(this.#hpke, own.leafKey);
    return true;
  }
}
