// RFC 9420 §12.4.3: GroupInfo and Welcome, and joining with them.
export { createEpoch } from "./create.js";
export { createGroupInfo, createWelcome, externalPubExtension, ratchetTreeExtension } from "./group-info.js";
export { checkResumption, resumptionPskId, type ResumptionPskId } from "./resumption.js";
export { joinByWelcome, openTree } from "./welcome.js";
