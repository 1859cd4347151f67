// RFC 9420 §12.4: building and processing commits.
export { protect } from "./build.js";
export { buildExternalCommit, type Resync } from "./external.js";
export type { OwnCommit } from "./own.js";
export { type PreparedCommit, prepareCommit, prepareResumption } from "./prepare.js";
export { openEpoch, type ProcessedCommit, processCommit } from "./process.js";
