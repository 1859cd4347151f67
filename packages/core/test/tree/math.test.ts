// RFC 9420 Appendix C: paths, and the ancestors of leaves. The working group's vectors are in ../vectors.
import { describe, expect, it } from "vitest";
import { commonAncestor, isLeafBelow, level } from "../../src/tree/math.js";
import { directPath } from "./paths.js";

describe("paths", () => {
  it("a common ancestor is the lowest node on both direct paths", () => {
    const width = 32;
    for (let a = 0; a < width; a++) {
      for (let b = 0; b < width; b++) {
        const pathA = [2 * a, ...directPath(2 * a, width)];
        const onB = new Set([2 * b, ...directPath(2 * b, width)]);
        expect(commonAncestor(a, b)).toBe(pathA.find((node) => onB.has(node)));
      }
    }
    expect(commonAncestor(0, 2 ** 29)).toBe(2 ** 30 - 1);
  });

  it("a leaf is below itself and the nodes of its direct path", () => {
    const width = 16;
    for (let leaf = 0; leaf < width; leaf++) {
      const above = new Set([2 * leaf, ...directPath(2 * leaf, width)]);
      for (let node = 0; node < 2 * width - 1; node++) expect(isLeafBelow(leaf, node)).toBe(above.has(node));
    }
  });

  it("levels count from the leaves", () => {
    expect([0, 1, 2, 3, 7, 11, 2 ** 30 - 1].map(level)).toEqual([0, 1, 0, 2, 3, 2, 30]);
  });
});
