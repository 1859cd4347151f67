// RFC 9420 §6, §12.1, §12.4: messages, what they say, and how they are authenticated and encrypted.
export {
  checkSender,
  framedContentTBS,
  signContent,
  verifyContent,
} from "./authentication.js";
export * from "./commit.js";
export * from "./content.js";
export * from "./message.js";
export * from "./private-message.js";
export * from "./proposal.js";
export * from "./public-message.js";
