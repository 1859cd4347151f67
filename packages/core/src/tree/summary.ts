// RFC 9420 §7.3: what the members of a tree have in common, so that a new leaf node is checked without a scan of them.
import type { Capabilities, LeafNode } from "../wire/index.js";
import type { SubtreeSummary, TreeNode, TreeSummary } from "./tree-node.js";

const NONE: ReadonlySet<number> = new Set();
const EMPTY_SUMMARY: SubtreeSummary = {
  credentialTypes: NONE,
  supported: { versions: NONE, cipherSuites: NONE, extensions: NONE, proposals: NONE, credentials: NONE },
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
  if (a === b) return a;
  const [x, y] = [a.supported, b.supported];
  const credentialTypes = union(a.credentialTypes, b.credentialTypes);
  const versions = intersection(x.versions, y.versions);
  const cipherSuites = intersection(x.cipherSuites, y.cipherSuites);
  const extensions = intersection(x.extensions, y.extensions);
  const proposals = intersection(x.proposals, y.proposals);
  const credentials = intersection(x.credentials, y.credentials);
  for (const one of [a, b]) {
    const s = one.supported;
    if (
      one.credentialTypes === credentialTypes &&
      s.versions === versions &&
      s.cipherSuites === cipherSuites &&
      s.extensions === extensions &&
      s.proposals === proposals &&
      s.credentials === credentials
    ) {
      return one;
    }
  }
  return { credentialTypes, supported: { versions, cipherSuites, extensions, proposals, credentials } };
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

function ofLeaf({ capabilities, credential }: LeafNode): SubtreeSummary {
  const { credentialType } = credential;
  let byType = summaries.get(capabilities);
  if (byType === undefined) {
    byType = new Map();
    summaries.set(capabilities, byType);
  }
  let summary = byType.get(credentialType);
  if (summary === undefined) {
    const { versions, cipherSuites, extensions, proposals, credentials } = capabilities;
    summary = {
      credentialTypes: new Set([credentialType]),
      supported: {
        versions: new Set(versions),
        cipherSuites: new Set(cipherSuites),
        extensions: new Set(extensions),
        proposals: new Set(proposals),
        credentials: new Set(credentials),
      },
    };
    byType.set(credentialType, summary);
  }
  return summary;
}

function ofSubtree(node: TreeNode): SubtreeSummary | null {
  if (node.kind === "leaf") return node.content === undefined ? null : ofLeaf(node.content);
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
