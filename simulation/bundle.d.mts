/** A text of a source, and what replaces it. */
export interface Planted {
  /** The end of the source's path. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** Writes the bundle of the simulation to the folder `dist`, with a fault in it if one is given. Returns its path. */
export function bundle(name: string, fault?: Planted): Promise<string>;
