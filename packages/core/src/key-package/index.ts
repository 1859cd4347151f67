// RFC 9420 §10: key packages.
export * from "./key-package.js";
