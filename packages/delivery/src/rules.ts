// For authors of services: the rules that all of them share.
export * from "./rules/access.js";
export * from "./rules/calls.js";
export * from "./rules/ending.js";
export * from "./rules/framing.js";
export * from "./rules/input.js";
export * from "./rules/limits.js";
export * from "./rules/options.js";
export * from "./rules/submissions.js";
