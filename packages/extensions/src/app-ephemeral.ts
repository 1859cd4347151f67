// draft-ietf-mls-extensions, AppEphemeral: data for a component that a commit delivers to all members.
import {
  type Bytes,
  type CommittedProposal,
  type CustomProposal,
  copied,
  customProposal,
  decode,
  encode,
  ensure,
  isCustomProposal,
  type Owned,
  opaque,
  type ProposalDefinition,
  type Sender,
  struct,
  type TypeOf,
  uint16,
} from "@copse/core/extension";
import { askComponent, type KnownComponents } from "./app-component.js";

/** Proposal type `app_ephemeral`: draft-ietf-mls-extensions, IANA Considerations */
export const APP_EPHEMERAL = 0x0009;

/** AppEphemeral */
const AppEphemeral = struct({ componentId: uint16, data: opaque });
type AppEphemeral = TypeOf<typeof AppEphemeral>;

/**
 * An AppEphemeral proposal: data for a component that all members receive by the same commit, and that don't become
 * part of the group's state.
 * @example
 * ```ts
 * const { commit } = await group.commit({ proposals: [appEphemeral(0x8001, new TextEncoder().encode("hello"))] });
 * ```
 */
export function appEphemeral(componentId: number, data: Uint8Array): Owned<CustomProposal> {
  return customProposal(APP_EPHEMERAL, encode(AppEphemeral, { componentId, data }));
}

/**
 * The data of the AppEphemeral proposals of a commit, in the order of the commit. Give them to the components once the
 * commit is in force.
 * @param commit what `receive` or `mergePendingCommit` returned
 * @example
 * ```ts
 * const received = await group.receive(message);
 * if (received.kind === "commit") {
 *   for (const { componentId, data } of ephemeralDataOf(received)) console.log(componentId, data);
 * }
 * ```
 */
export function ephemeralDataOf(commit: { readonly custom: readonly CommittedProposal[] }): {
  readonly componentId: number;
  readonly data: Bytes;
  readonly sender: Sender;
}[] {
  return commit.custom.flatMap(({ proposal, sender }) =>
    isCustomProposal(proposal, APP_EPHEMERAL)
      ? [{ ...copied(decode(AppEphemeral, proposal.data)), sender }]
      : [],
  );
}

/** The definition of the AppEphemeral proposal, for an application with these components. */
export function appEphemeralDefinition(known: KnownComponents): ProposalDefinition<AppEphemeral> {
  return {
    proposalType: APP_EPHEMERAL,
    name: "app_ephemeral",
    codec: AppEphemeral,
    pathRequired: false,
    external: true,
    inExternalCommits: "value",
    check({ value: { componentId, data } }) {
      const component = known.get(componentId);
      ensure(
        component !== undefined,
        "draft-ietf-mls-extensions AppEphemeral: the component must be known to the application",
        () => `component ${componentId}`,
      );
      askComponent(componentId, () => component.checkEphemeral?.(data));
    },
  };
}
