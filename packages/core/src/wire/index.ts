// RFC 9420 §5.3 to §12.4: the structures of the wire format, each declared once.
export * from "./commit.js";
export * from "./credential.js";
export * from "./extension.js";
export * from "./framed-content.js";
export * from "./group-context.js";
export * from "./key-package.js";
export * from "./leaf-node.js";
export * from "./limits.js";
export * from "./message.js";
export * from "./mls-message.js";
export * from "./proposal.js";
export * from "./psk.js";
export * from "./ratchet-tree.js";
export * from "./update-path.js";
export * from "./welcome.js";
