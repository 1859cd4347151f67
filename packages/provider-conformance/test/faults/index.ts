// RFC 9420 §5.1: deliberately faulty providers, each a healthy one with one fault, and the check that names it.
import { AEAD } from "./aead.js";
import { BATCHES } from "./batches.js";
import { CONCURRENCY } from "./concurrency.js";
import type { Fault } from "./fault.js";
import { HANDLES, SILENCE } from "./handles.js";
import { HPKE } from "./hpke.js";
import { KEM_KEYS } from "./kem-keys.js";
import { MEMORY } from "./memory.js";
import { RANDOM } from "./random.js";
import { SIGNATURE_KEYS } from "./signature-keys.js";
import { SIGNATURES } from "./signatures.js";
import { SUITES } from "./suites.js";
import { DERIVATION, HASHING } from "./symmetric.js";

/** The faults, by area. */
export const FAULTS: Readonly<Record<string, readonly Fault[]>> = {
  suites: SUITES,
  hashing: HASHING,
  "key derivation": DERIVATION,
  AEAD,
  randomness: RANDOM,
  HPKE,
  "keys of HPKE": KEM_KEYS,
  signatures: SIGNATURES,
  "keys of signatures": SIGNATURE_KEYS,
  batches: BATCHES,
  concurrency: CONCURRENCY,
  memory: MEMORY,
  "handles, errors and refusals": HANDLES,
  silence: SILENCE,
};
