// RFC 9420 §16.8: key packages that may be used again.
import type { MlsExtension } from "@copse/core";

const MARK = { extensionType: 0xf0a1, extensionData: new Uint8Array() };

/** Lets key packages that have the mark be used again. */
export const lastResort: MlsExtension = {
  name: "last resort",
  extensions: [{ extensionType: MARK.extensionType, name: "last_resort", places: ["keyPackage"] }],
  isReusable: ({ extensions }) =>
    extensions.some(({ extensionType }) => extensionType === MARK.extensionType),
};

/** The options of `createKeyPackage` for one with the mark. */
export const MARKED = { extensions: [MARK] };
