// RFC 9420 §2.1, §6: decoding alone, of each kind of MLSMessage.

import type { HostileCase } from "./cases.js";
import { decode } from "./core.js";

export const decodeCases: readonly HostileCase[] = [];
void decode;
