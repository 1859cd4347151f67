// What RFC 9420 requires of a client: an entry for each MUST, each "Verify" of its lists, and each way to be invalid
// (musts.mjs has all of them). An entry names the checks that enforce it, as they are named in the sources.
//
// Some rules are about what a sender makes, or about the order of work, so that no check of a message can enforce them.
// Their entries name the part of the sources that does it (`by`), and tests (`tests`).
import { COMMITS } from "./rules/commits.mjs";
import { CREDENTIALS } from "./rules/credentials.mjs";
import { ENCODING } from "./rules/encoding.mjs";
import { EXTENSIBILITY } from "./rules/extensibility.mjs";
import { FRAMING } from "./rules/framing.mjs";
import { JOINING } from "./rules/joining.mjs";
import { KEY_PACKAGES } from "./rules/key-packages.mjs";
import { KEY_SCHEDULE } from "./rules/key-schedule.mjs";
import { LEAF_NODES } from "./rules/leaf-nodes.mjs";
import { LISTS } from "./rules/lists.mjs";
import { OPERATION } from "./rules/operation.mjs";
import { PROPOSALS } from "./rules/proposals.mjs";

/**
 * @typedef {object} RfcRule
 * @property {string} section
 * @property {readonly (number | string)[]} [musts] the requirements of the RFC that it is about: their numbers in the
 *   section, "7.2#3" for those of another one
 * @property {string} [beyond] why it has no `musts`, in a section of the RFC that has requirements
 * @property {string} text in our own words
 * @property {readonly string[]} [checks] names of checks
 * @property {string} [by] what else holds it
 * @property {readonly (readonly [file: string, title: string])[]} [tests]
 */

/** @type {readonly RfcRule[]} */
export const RULES = [
  ...ENCODING,
  ...CREDENTIALS,
  ...FRAMING,
  ...LEAF_NODES,
  ...KEY_SCHEDULE,
  ...KEY_PACKAGES,
  ...PROPOSALS,
  ...LISTS,
  ...COMMITS,
  ...JOINING,
  ...EXTENSIBILITY,
  ...OPERATION,
];
