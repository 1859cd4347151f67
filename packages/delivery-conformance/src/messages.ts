// Messages as a service sees them: the framing of RFC 9420 (§6, §6.3), around what nobody can read.
import { bytes } from "./tools.js";

/** A variable-length vector (RFC 9420 §2.1.2). */
function vector(content: Uint8Array): number[] {
  const { length } = content;
  if (length < 64) return [length, ...content];
  if (length < 16_384) return [0x40 | (length >> 8), length & 255, ...content];
  return [0x80 | (length >> 24), (length >> 16) & 255, (length >> 8) & 255, length & 255, ...content];
}

const VERSION = [0, 1];
const WIRE_FORMATS = { welcome: 3, "group info": 4, "key package": 5 } as const;
const CONTENT_TYPES = { application: 1, proposal: 2, commit: 3 } as const;
export type ContentType = keyof typeof CONTENT_TYPES;

const uint64 = (value: bigint) =>
  Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(56 - 8 * i)) & 255n));

/** A PrivateMessage in an MLSMessage. */
export const privateMessage = (
  groupId: Uint8Array,
  epoch: bigint,
  type: ContentType,
  content: Uint8Array,
): Uint8Array =>
  Uint8Array.from([
    ...VERSION,
    0,
    2,
    ...vector(groupId),
    ...uint64(epoch),
    CONTENT_TYPES[type],
    ...vector(new Uint8Array()),
    ...vector(bytes("encrypted sender data")),
    ...vector(content),
  ]);

/** Another MLSMessage: its beginning is right, and the rest is text. */
export const otherMessage = (format: keyof typeof WIRE_FORMATS, text: string): Uint8Array =>
  Uint8Array.from([...VERSION, 0, WIRE_FORMATS[format], ...bytes(text)]);
