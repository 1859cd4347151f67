// RFC 9420 §9.2, §16.2: the private keys of one group, and those that its saved states need.
import type { CipherSuiteProvider, HpkePart, HpkePrivateKey } from "../provider/index.js";
import { KeyScope } from "./key-scope.js";

/** Whether saved states have only a reference to a private key, to a key store or a token. */
export function isStored(hpke: HpkePart, key: HpkePrivateKey): boolean {
  return hpke.savePrivateKey !== undefined && hpke.isStored?.(key) !== false;
}

/** The private keys with which a group begins here. */
export interface KnownKeys {
  /** Those that saved bytes need: the record that the group was restored from, or saved key packages. */
  readonly recorded?: Iterable<HpkePrivateKey>;
  /** Those that only the record before needs. */
  readonly retired?: readonly HpkePrivateKey[];
  /** The leaf key of the key package that the client joined by, if that may be used again: other groups may have it too. */
  readonly shared?: HpkePrivateKey | undefined;
}

/**
 * Ends private keys when neither the group's state nor a saved one needs them. Where a saved state has only a reference,
 * to a key store or a token, its key ends when the second record after it is saved: then the first one is in a safe
 * place. Each record lists the keys that only the one before it needs, so that another process goes on.
 */
export class HeldKeys {
  readonly scope: KeyScope;
  /** Whether a record of the state is on its way to a storage, and nobody knows yet whether that has it. */
  isRecording = false;
  /** As in {@link KnownKeys}. It stays the same when the group has another leaf key. */
  shared: HpkePrivateKey | undefined;
  readonly #isNeeded: (key: HpkePrivateKey) => boolean;
  /** Those that the last record needs. */
  #recorded!: ReadonlySet<HpkePrivateKey>;
  /** Those of them that the state doesn't need any more. */
  #last: HpkePrivateKey[] = [];
  /** Those that only earlier records need. */
  #earlier!: readonly HpkePrivateKey[];

  /** @param isNeeded whether another group or a key package of this client has a key too */
  constructor(provider: CipherSuiteProvider, known: KnownKeys, isNeeded: (key: HpkePrivateKey) => boolean) {
    this.scope = new KeyScope(provider);
    this.#isNeeded = isNeeded;
    this.begin(known);
  }

  /** Begins, or begins anew, with the keys of a state that was loaded. */
  begin({ recorded = [], retired = [], shared }: KnownKeys): void {
    this.shared = shared;
    this.#recorded = this.#storedAmong(recorded);
    this.#last = [];
    this.#earlier = retired;
    this.isRecording = false;
  }

  /** What the next record lists: the keys that only the last one needs. */
  get retired(): readonly HpkePrivateKey[] {
    return this.#last;
  }

  #isStored(key: HpkePrivateKey): boolean {
    return isStored(this.scope.provider.hpke, key);
  }

  #storedAmong(keys: Iterable<HpkePrivateKey>): Set<HpkePrivateKey> {
    return new Set([...keys].filter((key) => this.#isStored(key)));
  }

  #ending(keys: Iterable<HpkePrivateKey>): HpkePrivateKey[] {
    // Where it is stored, groups that aren't open may need it.
    return [...keys].filter((key) => key !== this.shared || !(this.#isStored(key) || this.#isNeeded(key)));
  }

  /** Ends keys that the state doesn't need any more: with the running operation, or when no record needs them. */
  retire(keys: Iterable<HpkePrivateKey>): void {
    for (const key of this.#ending(keys)) {
      if (this.#recorded.has(key)) this.#last.push(key);
      else this.scope.add(key);
    }
  }

  /** Notes that a record was saved. @param keys those of the state in it */
  saved(keys: Iterable<HpkePrivateKey>): void {
    this.scope.add(...this.#earlier);
    this.#earlier = this.#last;
    this.#last = [];
    this.#recorded = this.#storedAmong(keys);
    this.isRecording = false;
  }

  /** Takes over the keys of a group that this one replaces: saved states of it are there until this one is saved. */
  inherit(from: HeldKeys): void {
    this.#last.push(...from.#ending([...from.#recorded, ...from.#last, ...from.#earlier]));
  }

  /**
   * Ends the keys of a group that is left.
   * @param keys those of its state
   * @param records whether there are saved states of it, and whether any may be restored
   */
  leave(keys: readonly HpkePrivateKey[], records: "none" | "needed" | "useless"): void {
    // What may be in the storage may need the new keys.
    if (this.isRecording) this.saved(keys);
    if (records === "needed") this.scope.add(...this.#ending(keys).filter((key) => !this.#recorded.has(key)));
    else this.scope.add(...this.#ending([...keys, ...this.#recorded]));
    if (records === "useless") this.scope.add(...this.#last, ...this.#earlier);
    this.scope.end(() => []);
  }
}
