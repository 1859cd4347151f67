// RFC 9420 §17.3: the extension types of RFC 9420, where each may be, and what it contains.
import { type Codec, decode, opaque } from "../../codec/index.js";
import { ExtensionType, ExternalPub, ExternalSenders, RequiredCapabilities } from "../../wire/index.js";
import type { ExtensionDefinition, ExtensionPlace } from "./extension-definition.js";

/** @param codec of its content; `undefined` if that is decoded where it is used, because it may be large */
function define(
  extensionType: number,
  name: string,
  place: ExtensionPlace,
  codec?: Codec<unknown>,
): [number, ExtensionDefinition] {
  const check = (data: Uint8Array) => void (codec && decode(codec, data));
  return [extensionType, { extensionType, name, places: [place], check }];
}

export const STANDARD_EXTENSIONS: ReadonlyMap<number, ExtensionDefinition> = /* @__PURE__ */ new Map([
  /* @__PURE__ */ define(ExtensionType.applicationId, "application_id", "leafNode", opaque),
  /* @__PURE__ */ define(ExtensionType.ratchetTree, "ratchet_tree", "groupInfo"),
  /* @__PURE__ */ define(
    ExtensionType.requiredCapabilities,
    "required_capabilities",
    "groupContext",
    RequiredCapabilities,
  ),
  /* @__PURE__ */ define(ExtensionType.externalPub, "external_pub", "groupInfo", ExternalPub),
  /* @__PURE__ */ define(ExtensionType.externalSenders, "external_senders", "groupContext", ExternalSenders),
]);
