import type { Planted } from "./bundle.mjs";

/** The faults of `npm run simulate -- --planted`: those of the core's sources, and `undefined` for the others. */
export const PLANTED: Readonly<Record<string, Planted | undefined>>;
