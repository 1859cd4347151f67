// Work that waits for its turn, and can be given up.
export { batchOf, type Outcome } from "./batch.js";
export { Lock } from "./lock.js";
export {
  type AbortSignalLike,
  answer,
  type EntryChange,
  noStorage,
  OPERATION,
  type OperationOptions,
  perform,
  type Safety,
  type Steps,
  WRITE,
  type WriteOptions,
  withKeys,
} from "./operation.js";
