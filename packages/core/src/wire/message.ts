// RFC 9420 §6.2, §6.3: PublicMessage and PrivateMessage.
import {
  type Codec,
  fixed,
  oneOf,
  opaque,
  struct,
  type TypeOf,
  uint8,
  uint32,
  uint64,
} from "../codec/index.js";
import {
  ContentType,
  FramedContent,
  type FramedContentAuthData,
  framedContentAuthData,
  SenderType,
} from "./framed-content.js";
import { identifier } from "./limits.js";

/** PublicMessage, RFC 9420 §6.2. A message of a member has a membership tag, and other messages have none. */
export interface PublicMessage {
  readonly content: FramedContent;
  readonly auth: FramedContentAuthData;
  readonly membershipTag: Uint8Array | undefined;
}
export const PublicMessage: Codec<PublicMessage> = {
  write(writer, { content, auth, membershipTag }) {
    FramedContent.write(writer, content);
    framedContentAuthData(content.content.contentType).write(writer, auth);
    if (content.sender.senderType === SenderType.member) opaque.write(writer, membershipTag as Uint8Array);
  },
  read(reader) {
    const content = FramedContent.read(reader);
    const auth = framedContentAuthData(content.content.contentType).read(reader);
    const membershipTag = content.sender.senderType === SenderType.member ? opaque.read(reader) : undefined;
    return { content, auth, membershipTag };
  },
};

const contentType = oneOf("ContentType", uint8, [
  ContentType.application,
  ContentType.proposal,
  ContentType.commit,
]);

/** SenderDataAAD, RFC 9420 §6.3.2 */
export const SenderDataAAD = struct({ groupId: identifier, epoch: uint64, contentType });

/** PrivateContentAAD, RFC 9420 §6.3.1 */
export const PrivateContentAAD = struct({ ...SenderDataAAD.fields, authenticatedData: opaque });

/** PrivateMessage, RFC 9420 §6.3 */
export const PrivateMessage = struct({
  ...PrivateContentAAD.fields,
  encryptedSenderData: opaque,
  ciphertext: opaque,
});
export type PrivateMessage = TypeOf<typeof PrivateMessage>;

/** SenderData, RFC 9420 §6.3.2 */
export const SenderData = struct({ leafIndex: uint32, generation: uint32, reuseGuard: fixed(4) });
export type SenderData = TypeOf<typeof SenderData>;
