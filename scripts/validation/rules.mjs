// What RFC 9420 requires in §7.3, §7.9, §10.1, §11.1 and §12.1 to §12.4: an entry for each MUST, each "Verify" of its
// lists, and each way to be invalid. An entry names the checks that enforce it, as they are named in the sources.
//
// Some rules are about what a sender makes, or about the order of work, so that no check of a message can enforce them.
// Their entries name the part of the sources that does it (`by`), and tests (`tests`).
import { COMMITS } from "./rules/commits.mjs";
import { JOINING } from "./rules/joining.mjs";
import { KEY_PACKAGES } from "./rules/key-packages.mjs";
import { LEAF_NODES } from "./rules/leaf-nodes.mjs";
import { LISTS } from "./rules/lists.mjs";
import { PROPOSALS } from "./rules/proposals.mjs";

/**
 * @typedef {object} RfcRule
 * @property {string} section
 * @property {string} text in our own words
 * @property {readonly string[]} [checks] names of checks
 * @property {string} [by] what else holds it
 * @property {readonly (readonly [file: string, title: string])[]} [tests]
 */

/** @type {readonly RfcRule[]} */
export const RULES = [...LEAF_NODES, ...KEY_PACKAGES, ...PROPOSALS, ...LISTS, ...COMMITS, ...JOINING];
