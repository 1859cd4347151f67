// RFC 9420 §6: what anybody can read of a message. An entry of its own: members need none of it.
export {
  readMessage,
  type UnverifiedExtent,
  type UnverifiedGroupInfo,
  type UnverifiedHeader,
  type UnverifiedKeyPackage,
  type UnverifiedMessage,
  type UnverifiedPrivateMessage,
  type UnverifiedPublicMessage,
  type UnverifiedSender,
  type UnverifiedWelcome,
} from "./framing/read-message.js";
