// The program `nats-server`, which isn't part of this project.
import { spawnSync } from "node:child_process";

export const NATS_PROGRAM = "nats-server";

/** A program isn't here: its user is told how to get it, and no more. */
export class MissingProgram extends Error {
  override name = "MissingProgram";
}

/** Asks for it before anything else is begun. @throws MissingProgram */
export function needNats(): void {
  const { error: cause } = spawnSync(NATS_PROGRAM, ["--version"], { stdio: "ignore" });
  if (cause === undefined) return;
  const isMissing = (cause as NodeJS.ErrnoException).code === "ENOENT";
  const what = isMissing ? "isn't here" : `can't be run (${cause.message})`;
  throw new MissingProgram(`${NATS_PROGRAM} ${what}: install it (Debian: apt-get install nats-server)`, {
    cause,
  });
}
