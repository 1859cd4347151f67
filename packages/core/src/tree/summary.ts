// RFC 9420 §7.3: what the members of a tree have in common, so that a new leaf node is checked without a scan of them.
import type { Capabilities, LeafNode, LeafNodeHead } from "../wire/index.js";
import type { SubtreeSummary, TreeNode, TreeSummary } from "./tree-node.js";

/** The lists of `capabilities` (§7.2). */
const LISTS = ["versions", "cipherSuites", "extensions", "proposals", "credentials"] as const;

type Supported = SubtreeSummary["supported"];

/** A set for each list. */
function forEachList(make: (list: (typeof LISTS)[number]) => ReadonlySet<number>): Supported {
  // The cast: LISTS names each field once, which fromEntries() can't tell.
  return Object.fromEntries(LISTS.map((list) => [list, make(list)])) as unknown as Supported;
}

const NONE: ReadonlySet<number> = /* @__PURE__ */ new Set();
const EMPTY_SUMMARY: SubtreeSummary = {
  credentialTypes: NONE,
  supported: /* @__PURE__ */ forEachList(() => NONE),
};

function includesAll(a: ReadonlySet<number>, b: ReadonlySet<number>): boolean {
  if (a === b) return true;
  for (const value of b) if (!a.has(value)) return false;
  return true;
}

/** The intersection of two sets: one of the given objects where that is equal to it. */
function intersection(a: ReadonlySet<number>, b: ReadonlySet<number>): ReadonlySet<number> {
  if (includesAll(b, a)) return a;
  if (includesAll(a, b)) return b;
  const both = new Set<number>();
  for (const value of a) if (b.has(value)) both.add(value);
  return both;
}

/** The union of two sets: one of the given objects where that is equal to it. */
function union(a: ReadonlySet<number>, b: ReadonlySet<number>): ReadonlySet<number> {
  if (includesAll(a, b)) return a;
  if (includesAll(b, a)) return b;
  return new Set([...a, ...b]);
}

/** The summary of two subtrees together: one of the given objects where that is equal to it. */
function combined(a: SubtreeSummary, b: SubtreeSummary): SubtreeSummary {
  if (a === b || isWithin(a, b)) return a;
  if (isWithin(b, a)) return b;
  return {
    credentialTypes: union(a.credentialTypes, b.credentialTypes),
    supported: forEachList((list) => intersection(a.supported[list], b.supported[list])),
  };
}

/** Whether the members of `a` support nothing that those of `b` don't, and use all credential types that those use. */
function isWithin(a: SubtreeSummary, b: SubtreeSummary): boolean {
  return (
    includesAll(a.credentialTypes, b.credentialTypes) &&
    LISTS.every((list) => includesAll(b.supported[list], a.supported[list]))
  );
}

/**
 * The summaries of leaves, by capabilities and credential type. The decoder gives equal capabilities the same object,
 * so members with equal capabilities share one summary, and so do the parents above them.
 */
const summaries = new WeakMap<Capabilities, Map<number, SubtreeSummary>>();

/** What a leaf's `capabilities` list, as sets. */
export function supportOf(leafNode: LeafNode): TreeSummary["supported"] {
  return ofLeaf(leafNode).supported;
}

function ofLeaf({ capabilities, credential }: LeafNodeHead): SubtreeSummary {
  const { credentialType } = credential;
  let byType = summaries.get(capabilities);
  if (byType === undefined) {
    byType = new Map();
    summaries.set(capabilities, byType);
  }
  let summary = byType.get(credentialType);
  if (summary === undefined) {
    summary = {
      credentialTypes: new Set([credentialType]),
      supported: forEachList((list) => new Set(capabilities[list])),
    };
    byType.set(credentialType, summary);
  }
  return summary;
}

function ofSubtree(node: TreeNode): SubtreeSummary | null {
  if (node.kind === "leaf") {
    const { head } = node;
    return head === undefined ? null : ofLeaf(head);
  }
  if (node.summary === undefined) {
    const [a, b] = [ofSubtree(node.left), ofSubtree(node.right)];
    node.summary = a === null ? b : b === null ? a : combined(a, b);
  }
  return node.summary;
}

/** The summary of a tree. Only nodes without a cached summary are visited. */
export function summaryOf(root: TreeNode): TreeSummary {
  return { members: root.memberCount, ...(ofSubtree(root) ?? EMPTY_SUMMARY) };
}
