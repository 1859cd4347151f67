// All targets, by name.
import type { Target } from "../target.js";
import { addTarget } from "./add.js";
import { decodeTarget } from "./decode.js";
import { externalTarget } from "./external.js";
import { joinTarget } from "./join.js";
import { lookTarget } from "./look.js";
import { differentialTarget, receiveTarget } from "./receive.js";
import { keyPackagesTarget, restoreTarget } from "./restore.js";
import { stageTarget } from "./stage.js";

export const TARGETS: Readonly<Record<string, (suite: number) => Promise<Target> | Target>> = {
  decode: decodeTarget,
  look: lookTarget,
  receive: receiveTarget,
  stage: stageTarget,
  differential: differentialTarget,
  add: addTarget,
  join: joinTarget,
  external: externalTarget,
  restore: restoreTarget,
  keypackages: keyPackagesTarget,
};

/** @param suite the cipher suite of its groups */
export async function makeTarget(name: string, suite: number): Promise<Target> {
  const make = TARGETS[name];
  if (make === undefined) throw new Error(`there is no target "${name}"`);
  return make(suite);
}
