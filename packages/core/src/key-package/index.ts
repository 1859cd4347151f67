// RFC 9420 §10: key packages.
export * from "./create.js";
export * from "./key-package.js";
export * from "./validation.js";
