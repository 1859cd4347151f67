// RFC 9420 §9.2, §12.4: second thoughts: taking another commit than the one that was merged. An entry of its own: where a
// delivery service orders commits, nobody needs it.
export {
  type AdoptOptions,
  adopt,
  type KeptCommit,
  keptCommits,
  type PlaceOptions,
  peek,
  type SettleOptions,
  settle,
  stageOn,
  stageProposal,
} from "./client/apart/rewind.js";
export {
  type Adoption,
  type Delivered,
  type KeepOptions,
  keepEpochs,
  type LeftEpoch,
  type PeekedMessage,
  RemovalsUndone,
} from "./group/rewind/index.js";
