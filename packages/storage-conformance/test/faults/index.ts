// All storages with one fault each.
import { FAULTS as ENTRIES } from "./entries.js";
import type { Fault } from "./faulty.js";
import { FAULTS as HANDLES } from "./handles.js";
import { FAULTS as LISTS } from "./lists.js";
import { FAULTS as OPENERS } from "./openers.js";
import { FAULTS as WRITES } from "./writes.js";

export const FAULTS: readonly Fault[] = [...ENTRIES, ...LISTS, ...WRITES, ...OPENERS, ...HANDLES];
