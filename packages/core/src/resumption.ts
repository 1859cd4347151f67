// RFC 9420 §11.2, §11.3: making groups that resume others. An entry of its own, because most groups resume none. Whoever
// joins such a group, or is in one, needs nothing of it.
export {
  type BranchOptions,
  branch,
  type NewGroup,
  type ReinitializeOptions,
  reinitialize,
} from "./client/apart/resume.js";
export type { ResumptionOptions } from "./group/proposals/index.js";
