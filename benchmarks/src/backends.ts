// The backends that are measured, in the order of their columns.
import type { Backend } from "./backend.js";
import { tsMls } from "./ts-mls.js";

export const backends: readonly Backend[] = [tsMls];
