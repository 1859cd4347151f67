// All services with a fault.
import { FAULTS as calls } from "./calls.js";
import type { Fault } from "./faulty.js";
import { FAULTS as handshakes } from "./handshakes.js";
import { FAULTS as inbox } from "./inbox.js";
import { FAULTS as keyPackages } from "./key-packages.js";
import { FAULTS as log } from "./log.js";
import { FAULTS as members } from "./members.js";
import { FAULTS as waiting } from "./waiting.js";

export const FAULTS: readonly Fault[] = [
  ...log,
  ...handshakes,
  ...calls,
  ...keyPackages,
  ...inbox,
  ...members,
  ...waiting,
];
