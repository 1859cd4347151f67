// Several operations as one: each takes effect by itself, and all are made safe and answered together.
import type { MlsError } from "../errors.js";
import { type OperationOptions, perform, type Steps } from "./operation.js";

/** What became of one of several: as `Promise.allSettled` says it, but for the type of the reason. */
export type Outcome<T> =
  | { readonly status: "fulfilled"; readonly value: T }
  | { readonly status: "rejected"; readonly reason: MlsError };

/**
 * One operation of several, one after the other: each takes effect, or fails and changes nothing. The signal gives up those that
 * haven't ended, and the whole only if none has taken effect.
 * @param check throws if the whole is over for another reason
 * @param answers is called at the end with whether any was refused
 */
export function batchOf<R, T>(
  all: readonly Steps<R, T>[],
  options: OperationOptions,
  check: () => void,
  answers?: (hasRefused: boolean) => void,
): Steps<Outcome<T>[], Outcome<T>[]> {
  let done = 0;
  const work = async () => {
    done = 0;
    const results: Outcome<T>[] = [];
    for (const steps of all) {
      const finish = (result: R) => {
        check();
        const said = steps.finish(result);
        done++;
        return said;
      };
      results.push(...(await Promise.allSettled([perform({ ...steps, finish }, options)])));
    }
    return results;
  };
  const finish = (results: Outcome<T>[]) => {
    answers?.(results.some(({ status }) => status === "rejected"));
    return results;
  };
  return { work, finish, isPartlyDone: () => done > 0 };
}
