// RFC 9420 §5.1: deliberately faulty providers, each a healthy one with one fault, and the check that names it.
import type { Fault } from "./fault.js";
import { HPKE } from "./hpke.js";
import { MEMORY } from "./memory.js";
import { SIGNATURES } from "./signatures.js";
import { SUITES } from "./suites.js";
import { SYMMETRIC } from "./symmetric.js";

export const FAULTS: readonly Fault[] = [...SUITES, ...SYMMETRIC, ...HPKE, ...SIGNATURES, ...MEMORY];
