// RFC 9420 §5.1: the checks of hashing, key derivation, AEAD and chance.
import type { SuiteChecks } from "../../check.js";
import { aeadChecks } from "./aead.js";
import { hashChecks, kdfChecks } from "./hash.js";
import { lengthChecks } from "./lengths.js";
import { randomChecks } from "./random.js";

export const symmetricChecks: readonly SuiteChecks[] = [
  hashChecks,
  kdfChecks,
  lengthChecks,
  randomChecks,
  aeadChecks,
];
