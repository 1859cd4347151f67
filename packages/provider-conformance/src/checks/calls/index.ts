// RFC 9420 §5.1: the checks of how calls treat memory, each other, keys and errors.
import type { SuiteChecks } from "../../check.js";
import { concurrencyChecks } from "./concurrency.js";
import { errorChecks } from "./errors.js";
import { memoryChecks } from "./memory.js";
import { refusalChecks } from "./refusals.js";
import { reuseChecks } from "./reuse.js";
import { secretChecks } from "./secrets.js";

export { instanceChecks } from "./instances.js";

export const callChecks: readonly SuiteChecks[] = [
  memoryChecks,
  reuseChecks,
  concurrencyChecks,
  errorChecks,
  secretChecks,
  refusalChecks,
];
