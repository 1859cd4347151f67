// RFC 9420 §5.1.2: the checks of signatures and their keys.
import type { SignatureAlgorithm } from "@copse/core/provider";
import type { SuiteChecks } from "../../check.js";
import { answerChecks } from "./answers.js";
import { signatureBatchChecks } from "./batches.js";
import { signatureManyChecks } from "./many.js";
import { noncesOfScheme } from "./nonces.js";
import { checksOfScheme } from "./schemes.js";
import { signatureChecks } from "./signature.js";
import { verdictsOfScheme } from "./verdicts.js";
import { zerosOfScheme } from "./zeros.js";

export const checksOfSignatures = (scheme: SignatureAlgorithm): readonly SuiteChecks[] => [
  signatureChecks,
  answerChecks,
  signatureBatchChecks,
  signatureManyChecks,
  noncesOfScheme(scheme),
  checksOfScheme(scheme),
  zerosOfScheme(scheme),
  verdictsOfScheme(scheme),
];
