// draft-ietf-mls-extensions, Last Resort KeyPackages: key packages that may be used more than once.
import { EMPTY, type Extension, type KeyPackage, type MlsExtension, type Owned } from "@copse/core/extension";
import { ComponentId } from "./component.js";
import { appDataDictionary, type ComponentData, componentDataIn } from "./dictionary.js";

/** The extension type in drafts up to -05. Deployed clients still use it. */
const EARLIER_TYPE = 0x000a;

/**
 * Whether a key package is marked as one of last resort.
 * @example
 * ```ts
 * const keepIt = isLastResort(keyPackage);
 * ```
 */
export function isLastResort({ extensions }: Pick<KeyPackage, "extensions">): boolean {
  return (
    extensions.some(({ extensionType }) => extensionType === EARLIER_TYPE) ||
    componentDataIn(extensions, ComponentId.lastResortKeyPackage) !== undefined
  );
}

/**
 * The extension that marks a key package as one of last resort. A client that makes it needs `appData`.
 * @param others the data of other components in the key package
 * @example
 * ```ts
 * const keyPackage = await client.createKeyPackage({ extensions: [lastResortKeyPackage()] });
 * ```
 */
export function lastResortKeyPackage(others: readonly ComponentData[] = []): Owned<Extension> {
  return appDataDictionary([{ componentId: ComponentId.lastResortKeyPackage, data: EMPTY }, ...others]);
}

/**
 * The same mark as in drafts up to -05, for clients that know no other.
 * @example
 * ```ts
 * const keyPackage = await client.createKeyPackage({ extensions: [earlierLastResortKeyPackage()] });
 * ```
 */
export function earlierLastResortKeyPackage(): Owned<Extension> {
  return { extensionType: EARLIER_TYPE, extensionData: EMPTY };
}

/**
 * Keeps key packages of last resort and their private keys after they were used to join a group. The mark of
 * {@link lastResortKeyPackage} is application data, which the client must support too: by `appData`.
 * @example
 * ```ts
 * const client = await Client.create({
 *   crypto: nodeProvider(),
 *   suite: 1,
 *   credential: "alice",
 *   authentication,
 *   extensions: [lastResort(), appData({ components: [] })],
 * });
 * ```
 */
export function lastResort(): MlsExtension {
  return {
    name: "last resort",
    extensions: [{ extensionType: EARLIER_TYPE, name: "last_resort", places: ["keyPackage"] }],
    isReusable: isLastResort,
  };
}
