// Whether the members of a group are in one and the same state.
import type { Group, Member } from "@copse/core";
import { equalBytes, isBasicCredential, toHex } from "@copse/core";
import type { Participant } from "./members.js";

export interface Agreement {
  readonly what: string;
  /** What the first member has, in a short form that gives no secret away. */
  readonly value: string;
  readonly holds: boolean;
}

type State = Awaited<ReturnType<typeof stateOf>>;

const EXPORTER = { label: "copse example", context: new Uint8Array(0), length: 32 } as const;

/** §8.5: the secret that members export for the application. */
export function exportedSecret(group: Group): Promise<Uint8Array> {
  return group.exportSecret(EXPORTER.label, EXPORTER.context, EXPORTER.length);
}

/** Epoch, epoch authenticator, exported secret and members of everybody, compared with those of the first. */
export async function compareStates(participants: readonly Participant[]): Promise<Agreement[]> {
  const states = await Promise.all(participants.map(stateOf));
  const [first] = states;
  if (first === undefined) return [];
  const all = (holds: (state: State) => boolean) => states.every(holds);
  const rosters = states.map(({ members }) => members.map(rosterLine).join("\n"));
  return [
    { what: "epoch", value: first.epoch, holds: all(({ epoch }) => epoch === first.epoch) },
    {
      what: "epoch authenticator",
      value: `${toHex(first.authenticator).slice(0, 16)}...`,
      holds: all(({ authenticator }) => equalBytes(authenticator, first.authenticator)),
    },
    {
      what: "exported secret",
      value: `${first.secret.length} bytes, not shown`,
      holds: all(({ secret }) => equalBytes(secret, first.secret)),
    },
    {
      what: "members",
      value: shortRoster(first.members),
      holds: rosters.every((roster) => roster === rosters[0]) && first.members.length === participants.length,
    },
  ];
}

async function stateOf({ group }: Participant) {
  return {
    epoch: String(group.epoch),
    authenticator: group.epochAuthenticator,
    secret: await exportedSecret(group),
    members: group.members,
  };
}

function rosterLine(member: Member): string {
  return `${member.leafIndex} ${nameOf(member)} ${toHex(member.signatureKey)}`;
}

function shortRoster(members: readonly Member[]): string {
  return members.length > 4 ? String(members.length) : members.map(nameOf).join(", ");
}

function nameOf({ credential }: Member): string {
  return isBasicCredential(credential) ? new TextDecoder().decode(credential.identity) : "?";
}
