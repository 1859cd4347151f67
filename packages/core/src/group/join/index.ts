// RFC 9420 §12.4.3: GroupInfo and Welcome, and joining with them.
export { createWelcome } from "./create-welcome.js";
export { createEpoch } from "./create.js";
export {
  createGroupInfo,
  externalPubExtension,
  openPublicEpoch,
  ratchetTreeExtension,
} from "./group-info.js";
export { checkResumption, resumptionPskId, type ResumptionPskId } from "./resumption.js";
export { joinByWelcome } from "./welcome.js";
