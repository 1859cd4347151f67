// RFC 9420 §10: key packages.
export { createKeyPackage, createLeafNode, type LeafDescription, type OwnKeyPackage } from "./create.js";
export { checkKeyPackage, keyPackageVerifyRequests } from "./validation.js";
