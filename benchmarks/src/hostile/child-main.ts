// The process that hostile inputs are measured in.
import { useClock } from "../clock.js";
import type { Options } from "../options.js";
import { hostile } from "./main.js";

const { check, only, clock } = JSON.parse(process.argv[2] as string) as Pick<
  Options,
  "check" | "only" | "clock"
>;
useClock(clock);
await hostile(check, only);
