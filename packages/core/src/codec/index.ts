// RFC 9420 §2.1: the TLS presentation language.
export * from "./codec.js";
export { Reader } from "./reader.js";
export { vectorSize, Writer, written } from "./writer.js";
