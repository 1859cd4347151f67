// draft-ietf-mls-extensions, Last-Resort KeyPackages: key packages that may be used more than once.
import { EMPTY, type Extension, type KeyPackage, type MlsExtension } from "@copse/core/extension";
import { ComponentId } from "./component.js";
import { appDataDictionary, type ComponentData, componentDataIn } from "./dictionary.js";

/** Extension type that drafts up to -05 used, and that clients in the field still do. */
const EARLIER_TYPE = 0x000a;

/** Whether a key package says that it is one of last resort. */
export function isLastResort({ extensions }: Pick<KeyPackage, "extensions">): boolean {
  return (
    extensions.some(({ extensionType }) => extensionType === EARLIER_TYPE) ||
    componentDataIn(extensions, ComponentId.lastResortKeyPackage) !== undefined
  );
}

/**
 * The extension that makes a key package one of last resort, for `Client.createKeyPackage({ extensions })`.
 * @param others what other components put into the key package
 */
export function lastResortKeyPackage(others: readonly ComponentData[] = []): Extension {
  return appDataDictionary([{ componentId: ComponentId.lastResortKeyPackage, data: EMPTY }, ...others]);
}

/** The same for those who know the extension of drafts up to -05 only. */
export function earlierLastResortKeyPackage(): Extension {
  return { extensionType: EARLIER_TYPE, extensionData: EMPTY };
}

/** Keeps key packages of last resort, and their private keys, when they were used to join. */
export function lastResort(): MlsExtension {
  return { name: "last resort", isReusable: isLastResort };
}
