// draft-ietf-mls-extensions, Pre-Shared Keys (PSKs): keys of components. Each component has a namespace of its own.
import {
  type Awaitable,
  type CustomPsk,
  customPsk,
  decode,
  encode,
  isCustomPsk,
  isProposal,
  type MlsExtension,
  type Owned,
  opaque,
  type Proposal,
  ProposalType,
  type PskDefinition,
  struct,
  type TypeOf,
  uint16,
} from "@copse/core/extension";
import { checkListed } from "./negotiation.js";

/** PSKType `application`: draft-ietf-mls-extensions, IANA Considerations */
export const COMPONENT_PSK = 3;

/** The fields of a PreSharedKeyID of this type, before the nonce. */
const ComponentPsk = struct({ componentId: uint16, pskId: opaque });
type ComponentPsk = TypeOf<typeof ComponentPsk>;

/**
 * The ID of a component's pre-shared key, for `psks` of a commit.
 * @example
 * ```ts
 * const { commit } = await group.commit({ psks: [{ custom: componentPsk(0x8001, pskId) }] });
 * ```
 */
export function componentPsk(componentId: number, pskId: Uint8Array): Owned<CustomPsk> {
  return customPsk(COMPONENT_PSK, encode(ComponentPsk, { componentId, pskId }));
}

/**
 * The extension for pre-shared keys of components. Capabilities don't list PSK types: so a client whose leaf lists a
 * component, by {@link appData}, must have this extension too if the component uses keys. Commits with a key of a
 * component that some member doesn't list are refused. The application must make sure that all members have the keys.
 * @param find returns a component's key by its ID; `undefined` if there is none
 * @example
 * ```ts
 * const extensions = [componentPsks((componentId, pskId) => keyStore.get(`${componentId} ${pskId}`))];
 * ```
 */
export function componentPsks(
  find: (componentId: number, pskId: Uint8Array) => Awaitable<Uint8Array | undefined>,
): MlsExtension {
  const definition: PskDefinition<ComponentPsk> = {
    pskType: COMPONENT_PSK,
    name: "application",
    codec: ComponentPsk,
    find: ({ componentId, pskId }) => find(componentId, pskId.slice()),
  };
  return {
    name: "PSKs of components",
    psks: [definition],
    checkList({ proposals, tree }) {
      checkListed(
        proposals.flatMap(({ proposal }) => componentOf(proposal)),
        tree,
      );
    },
  };
}

/** The component whose key a proposal injects, as a list; empty for other proposals. */
function componentOf(proposal: Proposal): number[] {
  if (!isProposal(proposal, ProposalType.psk)) return [];
  const { psk } = proposal;
  if (!isCustomPsk(psk) || psk.pskType !== COMPONENT_PSK) return [];
  return [decode(ComponentPsk, psk.data).componentId];
}
