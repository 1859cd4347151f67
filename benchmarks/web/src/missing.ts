// Why there is no figure where one could be.
import { whyNotIn } from "../../src/implementation.js";
import type { Operation } from "../../src/operations.js";
import { OPENMLS, REFERENCE } from "../../src/references.js";
import type { Tree } from "../../src/samples.js";
import type { Device } from "./devices.js";

export interface Place {
  readonly provider: string;
  readonly suite: number;
  readonly members: number;
  readonly tree: Tree;
  readonly operation: Operation;
}

/** Why a device has no figure in a place, in words that fit a table's cell. */
export function whyMissing(device: Device, { provider, suite, members, tree, operation }: Place): string {
  const served = device.served.find((one) => one.provider === provider);
  if (served?.problem !== undefined) return "couldn't be loaded";
  if (served !== undefined && !served.suites.includes(suite)) return `doesn't serve suite ${suite}`;
  if (provider === OPENMLS) {
    const why = whyNotIn({ name: provider, hosted: true }, members, tree);
    if (why !== undefined) return why.replace(`${provider} `, "");
  }
  const { wish } = device;
  if (wish !== undefined && !wish.suites.includes(suite)) return `suite ${suite} wasn't chosen`;
  if (wish !== undefined && !(wish.sizes.includes(members) && wish.trees.includes(tree)))
    return "this group wasn't chosen";
  const here = device.results.filter(
    (one) => one.provider === provider && one.suite === suite && one.members === members && one.tree === tree,
  );
  if (here.length === 0) return "not measured";
  if (provider === OPENMLS) return "has no function for it";
  if (provider === REFERENCE) return "deviates from the RFC there, or can't";
  if (operation === "save" || operation === "restore") return "its private keys can't be exported";
  return device.results.some((one) => one.operation === operation)
    ? "not measured yet"
    : "not measured on this device";
}

/** What can't be measured in any page. */
export const NEVER_IN_A_PAGE: readonly (readonly [string, string])[] = [
  [
    "node, sodium-native, PKCS#11",
    "native code of Node: measure them with npx copse-bench, and load its JSON here",
  ],
  ["ts-mls, davey", "in a clone of the project, with npm run bench"],
  ["memory of a group", "a page can't ask for it"],
];
