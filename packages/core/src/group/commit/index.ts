// RFC 9420 §12.4: building and processing commits.
export { protect } from "./build.js";
export { createExternalCommit } from "./external.js";
export { type CommitSource, prepareCommit } from "./prepare.js";
export { processCommit, type PublicEpoch, stageCommit } from "./process.js";
