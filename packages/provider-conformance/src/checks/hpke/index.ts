// RFC 9180: the checks of HPKE and its keys.
import type { KemAlgorithm } from "@copse/core/provider";
import type { SuiteChecks } from "../../check.js";
import { hpkeBatchChecks } from "./batches.js";
import { hpkeChecks } from "./hpke.js";
import { checksOfKem, hpkeKeyChecks } from "./keys.js";
import { hpkeLengthChecks } from "./lengths.js";
import { hpkeManyChecks } from "./many.js";
import { zerosOfKem } from "./zeros.js";

export const checksOfHpke = (kem: KemAlgorithm): readonly SuiteChecks[] => [
  hpkeChecks,
  hpkeLengthChecks,
  hpkeBatchChecks,
  hpkeKeyChecks,
  hpkeManyChecks,
  checksOfKem(kem),
  zerosOfKem(kem),
];
