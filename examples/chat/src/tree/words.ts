// A node of the tree in words: for those who can't see the drawing, and for whoever points at it.
import type { DrawnNode } from "./layout.js";

const list = new Intl.ListFormat("en", { type: "conjunction" });

const listed = (names: readonly string[]): string => list.format(names).replace(/, and /, " and ");

const NEWS: Record<DrawnNode["state"], string> = {
  blank: "",
  kept: "",
  renewed: " The last commit gave it a new key.",
  reached: " The last commit's secret was encrypted to it.",
};

export function wordsFor({ index, isLeaf, state, name, knownTo, key }: DrawnNode): string {
  if (isLeaf) {
    if (name === undefined) return `Leaf ${index / 2}: empty. The next new member sits here.`;
    return `Leaf ${index / 2}: ${name}, with the public key …${key}. Only ${name} knows its private key.${NEWS[state]}`;
  }
  if (state === "blank") {
    return `Node ${index}: blank. It has no key: who encrypts to those below it does so one by one.`;
  }
  return `Node ${index}: public key …${key}. ${listed(knownTo)} know its private key: one ciphertext to it reaches ${knownTo.length === 2 ? "both" : "them all"}.${NEWS[state]}`;
}
