// RFC 9420 §13, §17.3: extensions, and GREASE.
import { C, GREASE, WELCOME } from "./names.mjs";

/** @type {readonly import("../rules.mjs").RfcRule[]} */
export const EXTENSIBILITY = [
  {
    section: "13.2",
    musts: [1],
    text: "A proposal of a type that isn't default MUST NOT be committed unless all members who process the commit support it; here it isn't proposed either.",
    checks: [C.nonDefault, "13.2: a proposal type must be supported by all members"],
  },
  {
    section: "13.4",
    musts: [1, 3, 4],
    text: "Unknown extensions in key packages, leaf nodes and GroupInfos, and unknown capabilities, MUST be ignored.",
    by: "`findExtension` in wire/extension.ts and `Registry.checkExtensions`, which look for the types that they know",
    tests: [
      [WELCOME, "is accepted if valid, and unknown extensions of its GroupInfo are ignored"],
      [GREASE, "%s: does all that others do"],
    ],
  },
  {
    section: "13.4",
    musts: [1, 5],
    text: "A list of extensions MUST NOT have two of one type.",
    checks: [C.uniqueTypes],
  },
  {
    section: "13.4",
    musts: [6, 7],
    text: "A new member's `capabilities` MUST have each extension of the GroupContext.",
    checks: [C.extensionsRequired],
  },
  {
    section: "13.4",
    musts: [8, 9, 10],
    text: "Who joins MUST support each extension of the GroupContext, else refuse the GroupInfo; so does each member after each commit.",
    checks: [C.supportOwn, C.extensionsRequired],
  },
  {
    section: "13.5",
    musts: [1, 2, 4, 5, 6],
    text: "GREASE values MUST NOT be in proposal types, nor in extensions of a GroupContext.",
    by: "`greaseCapabilities`, `leafNodeExtensions`, `keyPackageExtensions` and `groupInfoExtensions` of `MlsExtension`: no other place takes them",
    checks: [C.supportOwn, C.variant],
    tests: [
      [GREASE, "is in all places that the RFC lists, and in no other"],
      [GREASE, "of a type that all members happen to list can't be added to the group, and blocks no commit"],
    ],
  },
  {
    section: "13.5",
    musts: [1, 3, 6],
    text: "GREASE values MUST NOT be in credential types.",
    by: "`ClientOptions.credential`, which no extension changes",
    tests: [[GREASE, "is in all places that the RFC lists, and in no other"]],
  },
  {
    section: "13.5",
    musts: [7, 8],
    text: "GREASE values MUST be handled as any unknown value.",
    by: "the core, which knows none of them",
    tests: [[GREASE, "%s: does all that others do"]],
  },
  {
    section: "13.5",
    musts: [9, 10],
    text: "What a client supports MUST be judged by a list without GREASE values.",
    by: "`ClientConfig.ownExtensions`",
    checks: [C.supportOwn],
    tests: [[GREASE, "isn't taken for support, in one's own leaf or another's"]],
  },
];
