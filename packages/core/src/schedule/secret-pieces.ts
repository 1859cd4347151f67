// RFC 9420 §9.2: the pieces in which a secret tree is saved, and which of them have changed since.
import type { Ratchet } from "./ratchet.js";
import {
  nodesPiece,
  pieceNames,
  ratchetsPiece,
  type SecretPiece,
  type SecretTreeContents,
  savePiece,
  skippedPiece,
} from "./secret-tree-state.js";

export class SecretPieces {
  readonly #contents: () => SecretTreeContents;
  /** The names of those that have changed, once somebody saves them by themselves: else the set would only grow. */
  #changed: Set<string> | undefined;

  constructor(contents: () => SecretTreeContents) {
    this.#contents = contents;
  }

  /** All of them. The same tree gives the same ones. The caller must overwrite their bytes. */
  all(): SecretPiece[] {
    return [...pieceNames(this.#contents())]
      .sort()
      .map((name) => ({ name, bytes: this.get(name) as Uint8Array }));
  }

  /** A piece as it is now; `undefined` if nothing is left of it. The caller must overwrite it. */
  get(name: string): Uint8Array | undefined {
    return savePiece(this.#contents(), name);
  }

  /** The names of those that changed since {@link allSaved}, or the last call; of all at the first. */
  takeChanged(): Iterable<string> {
    const changed = this.#changed ?? pieceNames(this.#contents());
    this.allSaved();
    return changed;
  }

  /** All are saved as they are now. */
  allSaved(): void {
    this.#changed = new Set();
  }

  /** None is saved: where they were, others have taken their place meanwhile. */
  noneSaved(): void {
    this.#changed = undefined;
  }

  /** A ratchet has moved. */
  moved({ number }: Ratchet): void {
    this.#changed?.add(ratchetsPiece(Math.floor(number / 2)));
  }

  /** A ratchet has one skipped key more or less. */
  skipped({ number }: Ratchet, generation: number): void {
    this.#changed?.add(skippedPiece(number, generation));
  }

  /** There is a node secret more or less with this home. */
  node(home: number): void {
    this.#changed?.add(nodesPiece(home));
  }
}
