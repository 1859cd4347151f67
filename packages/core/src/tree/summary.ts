// RFC 9420 §7.3: what the members of a tree have in common, so that a newcomer is checked without asking each of them.
import type { Capabilities, LeafNode } from "../wire/index.js";
import type { SubtreeSummary, TreeNode, TreeSummary } from "./tree-node.js";

const NONE: ReadonlySet<number> = new Set();
const NOTHING: SubtreeSummary = {
  credentialTypes: NONE,
  supported: { versions: NONE, cipherSuites: NONE, extensions: NONE, proposals: NONE, credentials: NONE },
};

function includesAll(a: ReadonlySet<number>, b: ReadonlySet<number>): boolean {
  if (a === b) return true;
  for (const value of b) if (!a.has(value)) return false;
  return true;
}

/** Both at once; one of the two given sets if it is the answer. */
function intersection(a: ReadonlySet<number>, b: ReadonlySet<number>): ReadonlySet<number> {
  if (includesAll(b, a)) return a;
  if (includesAll(a, b)) return b;
  const both = new Set<number>();
  for (const value of a) if (b.has(value)) both.add(value);
  return both;
}

function union(a: ReadonlySet<number>, b: ReadonlySet<number>): ReadonlySet<number> {
  if (includesAll(a, b)) return a;
  if (includesAll(b, a)) return b;
  return new Set([...a, ...b]);
}

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
 * Summaries by what they are made of: members with the same capabilities, which decoding gives the same object, get
 * the same summary, so that all above them share it too.
 */
const summaries = new WeakMap<Capabilities, Map<number, SubtreeSummary>>();

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

function ofSubtree(treeNode: TreeNode): SubtreeSummary | null {
  if (treeNode.kind === "leaf") return treeNode.node === undefined ? null : ofLeaf(treeNode.node);
  if (treeNode.summary === undefined) {
    const [a, b] = [ofSubtree(treeNode.left), ofSubtree(treeNode.right)];
    treeNode.summary = a === null ? b : b === null ? a : combined(a, b);
  }
  return treeNode.summary;
}

/** The summary of a tree; only what changed since an earlier one is looked at. */
export function summaryOf(root: TreeNode): TreeSummary {
  return { members: root.memberCount, ...(ofSubtree(root) ?? NOTHING) };
}
