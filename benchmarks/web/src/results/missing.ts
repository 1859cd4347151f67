// Why there is no figure where one could be.
import { whyNotIn } from "../../../src/implementation.js";
import { OPERATIONS } from "../../../src/operations.js";
import { OPENMLS, REFERENCE } from "../../../src/references.js";
import { type Device, type Place, resultOf } from "./devices.js";

/** Why a device has no figure in a place, in words that fit a table's cell. */
export function whyMissing(device: Device, place: Place): string {
  const { provider, suite, members, tree, operation } = place;
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
  const isHere = OPERATIONS.some((one) => resultOf(device, { ...place, operation: one }) !== undefined);
  if (!isHere) return "not measured";
  if (provider === OPENMLS) return "has no function for it";
  if (provider === REFERENCE) return "deviates from the RFC there, or can't";
  return operation === "save" || operation === "restore"
    ? "its private keys can't be exported"
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
