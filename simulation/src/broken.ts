// What a simulation finds.

/** An invariant that doesn't hold. */
export class Broken extends Error {
  override name = "Broken";
  /** Which one, without the particulars: two courses that break the same one have the same defect. */
  readonly invariant: string;

  constructor(invariant: string, particulars: string, options?: ErrorOptions) {
    super(`${invariant}: ${particulars}`, options);
    this.invariant = invariant;
  }
}

export function hold(holds: boolean, invariant: string, particulars: () => string): asserts holds {
  if (!holds) throw new Broken(invariant, particulars());
}
