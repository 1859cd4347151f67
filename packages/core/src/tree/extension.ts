// RFC 9420 §13.4: extensions.
import { opaque, struct, type TypeOf, uint16 } from "../codec/index.js";

/** RFC 9420 §17.3 */
export const ExtensionType = {
  applicationId: 1,
  ratchetTree: 2,
  requiredCapabilities: 3,
  externalPub: 4,
  externalSenders: 5,
} as const;

/** Extension, RFC 9420 §7.2 */
export const Extension = struct({ extensionType: uint16, extensionData: opaque });
export type Extension = TypeOf<typeof Extension>;
