// draft-ietf-mls-extensions, Pre-Shared Keys (PSKs): keys that components bring in, each from names of its own.
import {
  type Awaitable,
  type CustomPsk,
  customPsk,
  encode,
  type MlsExtension,
  opaque,
  struct,
  type TypeOf,
  uint16,
} from "@copse/core/extension";

/** PSKType `application`, draft-ietf-mls-extensions */
export const COMPONENT_PSK = 3;

/** What PreSharedKeyID has for it before the nonce */
const ComponentPsk = struct({ componentId: uint16, pskId: opaque });

/** The name of a component's key, for `Group.commit({ psks: [{ custom: componentPsk(…) }] })`. */
export function componentPsk(componentId: number, pskId: Uint8Array): CustomPsk {
  return customPsk(COMPONENT_PSK, encode(ComponentPsk, { componentId, pskId }));
}

/**
 * Pre-shared keys of components. All members of a group must know the type and have the key, as no capabilities say so.
 * @param find the key of a component by its ID, if it is known here
 */
export function componentPsks(
  find: (componentId: number, pskId: Uint8Array) => Awaitable<Uint8Array | undefined>,
): MlsExtension {
  return {
    name: "PSKs of components",
    psks: [
      {
        pskType: COMPONENT_PSK,
        name: "application",
        codec: ComponentPsk,
        find: (name) => {
          const { componentId, pskId } = name as TypeOf<typeof ComponentPsk>;
          return find(componentId, pskId.slice());
        },
      },
    ],
  };
}
