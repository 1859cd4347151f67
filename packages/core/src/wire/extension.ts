// RFC 9420 §13.4: extensions.
import { equalBytes, type Owned } from "../bytes.js";
import { type Codec, decode, encode, opaque, struct, type TypeOf, uint16, vector } from "../codec/index.js";
import { ensure } from "../errors.js";
import { Credential } from "./credential.js";
import { MAX_CAPABILITIES, MAX_EXTENSIONS, MAX_EXTERNAL_SENDERS } from "./limits.js";

/** RFC 9420 §17.3 */
export const ExtensionType = {
  applicationId: 1,
  ratchetTree: 2,
  requiredCapabilities: 3,
  externalPub: 4,
  externalSenders: 5,
} as const;

/** Whether a type is one of those that §13.5 reserves (GREASE): 0x0A0A, 0x1A1A, up to 0xEAEA. They mean nothing. */
export function isGrease(type: number): boolean {
  return type >> 8 === (type & 0xff) && (type & 0x0f) === 0x0a && type < 0xf000;
}

/** Extension, RFC 9420 §7.2 */
export const Extension = struct({ extensionType: uint16, extensionData: opaque });
export type Extension = TypeOf<typeof Extension>;
/** A list of extensions, wherever one is. */
export const Extensions = vector(Extension, MAX_EXTENSIONS);

const types = vector(uint16, MAX_CAPABILITIES);

/** RequiredCapabilities, RFC 9420 §11.1 */
export const RequiredCapabilities = struct({
  extensionTypes: types,
  proposalTypes: types,
  credentialTypes: types,
});
export type RequiredCapabilities = TypeOf<typeof RequiredCapabilities>;

/** ExternalSender, RFC 9420 §12.1.8.1 */
export const ExternalSender = struct({ signatureKey: opaque, credential: Credential });
export type ExternalSender = TypeOf<typeof ExternalSender>;
export const ExternalSenders = vector(ExternalSender, MAX_EXTERNAL_SENDERS);

/** ExternalPub, RFC 9420 §12.4.3.2 */
export const ExternalPub = struct({ externalPub: opaque });

/** Checks that no two extensions of a list have the same type. @throws ValidationError */
export function checkUniqueTypes(extensions: readonly Extension[]): void {
  const types = new Set(extensions.map(({ extensionType }) => extensionType));
  ensure(
    types.size === extensions.length,
    "13.4: a list of extensions must not have more than one extension of any given type",
  );
}

/** Whether two lists are equal, as bytes. */
export function sameExtensions(a: readonly Extension[], b: readonly Extension[]): boolean {
  return equalBytes(encode(Extensions, a), encode(Extensions, b));
}

/** An extension with this content. */
export function makeExtension<T>(extensionType: number, codec: Codec<T>, content: T): Owned<Extension> {
  return { extensionType, extensionData: encode(codec, content) };
}

/** The content of the extension of a type; `undefined` if the list has none. @throws DecodeError */
export function findExtension<T>(
  extensions: readonly Extension[],
  extensionType: number,
  codec: Codec<T>,
): T | undefined {
  const found = extensions.find((extension) => extension.extensionType === extensionType);
  return found && decode(codec, found.extensionData);
}
