// RFC 9420 §7.3: what the members of a tree have in common, so that a newcomer is checked without asking each of them.
import type { LeafNode } from "./leaf-node.js";
import type { Slot } from "./slot.js";

/** What holds for all members at once. */
export interface TreeSummary {
  readonly members: number;
  /** The credential types of the members. */
  readonly credentialTypes: ReadonlySet<number>;
  /** What every member's `capabilities` list. */
  readonly supported: {
    readonly versions: ReadonlySet<number>;
    readonly cipherSuites: ReadonlySet<number>;
    readonly extensions: ReadonlySet<number>;
    readonly proposals: ReadonlySet<number>;
    readonly credentials: ReadonlySet<number>;
  };
}

/** The summary of a subtree. It has no number of members, so that subtrees with the same one can share it. */
export type SubtreeSummary = Omit<TreeSummary, "members">;

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

/** The summaries of leaves met so far: members with the same capabilities get the same object. */
type Known = Map<string, SubtreeSummary>;

function ofLeaf({ capabilities, credential }: LeafNode, known: Known): SubtreeSummary {
  const { versions, cipherSuites, extensions, proposals, credentials } = capabilities;
  const name = `${credential.credentialType}/${versions}/${cipherSuites}/${extensions}/${proposals}/${credentials}`;
  let summary = known.get(name);
  if (summary === undefined) {
    summary = {
      credentialTypes: new Set([credential.credentialType]),
      supported: {
        versions: new Set(versions),
        cipherSuites: new Set(cipherSuites),
        extensions: new Set(extensions),
        proposals: new Set(proposals),
        credentials: new Set(credentials),
      },
    };
    known.set(name, summary);
  }
  return summary;
}

function ofSubtree(slot: Slot, known: Known): SubtreeSummary | null {
  if (slot.kind === "leaf") return slot.node === undefined ? null : ofLeaf(slot.node, known);
  if (slot.summary === undefined) {
    const [a, b] = [ofSubtree(slot.left, known), ofSubtree(slot.right, known)];
    slot.summary = a === null ? b : b === null ? a : combined(a, b);
  }
  return slot.summary;
}

/** The summary of a tree; only what changed since an earlier one is looked at. */
export function summaryOf(head: Slot): TreeSummary {
  return { members: head.memberCount, ...(ofSubtree(head, new Map()) ?? NOTHING) };
}
