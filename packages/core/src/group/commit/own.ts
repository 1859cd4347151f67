// RFC 9420 §12.4: a commit of this client, as it is staged until the delivery service has accepted it.
import { type Candidate, listed } from "../candidate.js";
import type { Epoch } from "../epoch.js";
import { changesOf } from "../proposals/index.js";
import type { BuiltCommit } from "./build.js";

/** A commit that this client made. It doesn't remove its committer. */
export type OwnCommit = Candidate & { readonly epoch: Epoch };

export function ownCommit(
  { commit, welcome, path, proposals, applied, epoch }: BuiltCommit,
  details: Pick<OwnCommit, "authenticatedData" | "external"> & Partial<Pick<OwnCommit, "needsTree">>,
): OwnCommit {
  return {
    commit,
    own: true,
    committer: epoch.keys.leafIndex,
    path,
    proposals: listed(proposals),
    changes: changesOf(applied),
    next: epoch,
    epoch,
    generation: undefined,
    welcome,
    needsTree: false,
    discarded: false,
    ...details,
  };
}
