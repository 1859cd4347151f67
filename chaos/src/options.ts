// The command line of `npm run test:chaos`.
import { parseArgs } from "node:util";
import { FAULTS, type Fault } from "./clients/faults.js";

export const SERVICES = ["memory", "http", "nats"] as const;
export type ServiceName = (typeof SERVICES)[number];

export interface Options {
  readonly services: readonly ServiceName[];
  readonly seed: number;
  readonly clients: number;
  readonly groups: number;
  readonly messages: number;
  /** The run sends no more after so many seconds. */
  readonly seconds: number;
  /** How many clients are killed again and again, and how many forge commits. */
  readonly killed: number;
  readonly dishonest: number;
  readonly fault: Fault | undefined;
  /** Seconds that all have, once nothing disturbs them, to answer and to come to the same state. */
  readonly patience: number;
}

export const USAGE = `usage: npm run test:chaos -- [options]
  --service NAME     memory, http or nats; by default all, one after the other
  --clients 40       how many clients there are
  --groups 20        how many groups they have
  --messages 20000   how many messages they send
  --seconds 3000     send no more after so many seconds
  --killed 6         how many clients are killed again and again (kill -9)
  --dishonest 3      how many forge commits
  --seed N           the choices; by default others each time, which are printed
  --patience 60      seconds that all have in the end to come to rest
  --fault NAME       plant a fault in a client: ${Object.keys(FAULTS).join("; ")}
  --planted          plant one fault after the other, and say by what it is found
  --help             show this`;

/** Something is wrong with the arguments. */
export class ArgumentError extends Error {}

function numberOf(name: string, text: string, least: number): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least)
    throw new ArgumentError(`expected a whole number from ${least} for --${name}, got "${text}"`);
  return value;
}

function oneOf<T extends string>(name: string, text: string, all: readonly T[]): T {
  const found = all.find((one) => one === text);
  if (found === undefined)
    throw new ArgumentError(`expected one of ${all.join(", ")} for --${name}, got "${text}"`);
  return found;
}

/** @param fresh a seed, if none is given @throws ArgumentError */
export function optionsOf(args: readonly string[], fresh: () => number): Options {
  const { values } = parsed(args);
  const clients = numberOf("clients", values.clients, 4);
  const killed = numberOf("killed", values.killed, 0);
  const dishonest = numberOf("dishonest", values.dishonest, 0);
  if (killed + dishonest > clients - 2)
    throw new ArgumentError("expected at least two clients that are honest, and aren't killed");
  return {
    services: values.service?.map((one) => oneOf("service", one, SERVICES)) ?? SERVICES,
    seed: values.seed === undefined ? fresh() : numberOf("seed", values.seed, 0),
    clients,
    groups: numberOf("groups", values.groups, 1),
    messages: numberOf("messages", values.messages, 1),
    seconds: numberOf("seconds", values.seconds, 1),
    killed,
    dishonest,
    patience: numberOf("patience", values.patience, 1),
    fault:
      values.fault === undefined ? undefined : oneOf("fault", values.fault, Object.keys(FAULTS) as Fault[]),
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        service: { type: "string", multiple: true },
        clients: { type: "string", default: "40" },
        groups: { type: "string", default: "20" },
        messages: { type: "string", default: "20000" },
        seconds: { type: "string", default: "3000" },
        killed: { type: "string", default: "6" },
        dishonest: { type: "string", default: "3" },
        patience: { type: "string", default: "60" },
        seed: { type: "string" },
        fault: { type: "string" },
      },
    });
  } catch (error) {
    throw new ArgumentError((error as Error).message);
  }
}
