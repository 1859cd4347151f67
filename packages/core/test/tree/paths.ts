// RFC 9420 §4.1.2: paths as the RFC defines them, to compare the tree with.
import { parent } from "../../src/tree/math.js";

/** The nodes above, from the parent to the root. */
export function directPath(nodeIndex: number, width: number): number[] {
  const path: number[] = [];
  for (let at = parent(nodeIndex, width); at !== undefined; at = parent(at, width)) path.push(at);
  return path;
}
