// RFC 9420 §10: the unused key packages of a client, with their private keys.
import { EMPTY, toHex } from "../bytes.js";
import { MlsError } from "../errors.js";
import type { OwnKeyPackage } from "../key-package/index.js";
import { findGroupSecrets, type Welcome } from "../wire/index.js";

export class KeyPackageStore {
  /** By the hexadecimal KeyPackageRef. */
  readonly #all = new Map<string, OwnKeyPackage>();

  get all(): readonly OwnKeyPackage[] {
    return [...this.#all.values()];
  }

  add(own: OwnKeyPackage): void {
    this.#all.set(toHex(own.reference), own);
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

  /** @throws MlsError `missing` if it was used since */
  need({ reference }: OwnKeyPackage): void {
    if (!this.#all.has(toHex(reference)))
      throw new MlsError("missing", "another call joined a group with this key package");
  }

  delete({ reference }: OwnKeyPackage): void {
    this.#all.delete(toHex(reference));
  }
}
