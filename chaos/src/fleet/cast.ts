// Who takes part: some are killed again and again, some forge commits, and the others live as long as the run.

import { FAULTS } from "../clients/faults.js";
import type { Cast } from "../clients/orders.js";
import type { Options } from "../options.js";

export interface Company {
  readonly all: readonly Cast[];
  readonly steady: readonly Cast[];
  /** Each has a process of its own. */
  readonly killed: readonly Cast[];
  readonly isHonest: (user: string) => boolean;
}

/** @param folder for the storages of those who are killed */
export function companyOf({ clients, killed, dishonest, fault }: Options, folder: string): Company {
  const all = Array.from({ length: clients }, (_, i): Cast => {
    const isHonest = i < clients - dishonest;
    const isKilled = i < killed;
    // The first of those that a fault is for.
    const isFaulty = fault !== undefined && i === (FAULTS[fault] === "doomed" ? 0 : killed);
    return {
      name: `${isHonest ? (isKilled ? "killed" : "steady") : "dishonest"}-${i}`,
      folder: isKilled ? folder : undefined,
      isHonest,
      fault: isFaulty ? fault : undefined,
    };
  });
  const honest = new Set(all.filter((one) => one.isHonest).map(({ name }) => name));
  return {
    all,
    steady: all.filter((one) => one.folder === undefined),
    killed: all.filter((one) => one.folder !== undefined),
    isHonest: (user) => honest.has(user),
  };
}
