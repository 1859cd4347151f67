// RFC 9420 §11, §12.4.3: creating and joining groups, Welcome and GroupInfo.

export { createEpoch } from "./create.js";
export { createWelcome } from "./create-welcome.js";
export { groupInfoMessage, openPublicEpoch } from "./group-info.js";
export {
  checkPredecessor,
  checkResumption,
  needReinit,
  type Predecessors,
  type ResumptionPskId,
  resumedGroup,
  resumptionPskId,
} from "./resumption.js";
export { joinByWelcome, type OpenedWelcome } from "./welcome.js";
