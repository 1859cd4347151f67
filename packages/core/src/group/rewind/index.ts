// RFC 9420 §9.2, §12.4: second thoughts: taking another commit than the one that was merged.
export { type Adoption, adoptCommit, RemovalsUndone } from "./adopt.js";
export { needRewind, type PeekedMessage, type Place, peekIn, proposalIn, stageIn } from "./branch.js";
export { pruned, treeOf } from "./kept.js";
export type { Delivered, LeftEpoch } from "./report.js";
export { type KeepOptions, keepEpochs } from "./steps.js";
