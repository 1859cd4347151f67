// RFC 9420 §5.1: the modules of the conformance kit with known answers and edge cases, the same in each run.
import { lengthsModule } from "../known/lengths.js";
import { zerosModule } from "../known/zeros.js";
import { toModule } from "./cases.js";
import { p256Cases, p384Cases, p521Cases } from "./ecdsa.js";
import { ed448Cases, ed25519Cases } from "./eddsa.js";

/** Below `packages/provider-conformance/src/known`: the names of the files, and what they contain. */
export async function verdictModules(): Promise<Readonly<Record<string, string>>> {
  return {
    "lengths.ts": await lengthsModule(),
    "zeros.ts": await zerosModule(),
    "verdicts-ed25519.ts": toModule("ED25519_VERDICTS", "Ed25519", ed25519Cases().all),
    "verdicts-ed448.ts": toModule("ED448_VERDICTS", "Ed448", ed448Cases().all),
    "verdicts-p256.ts": toModule("P256_VERDICTS", "ECDSA over P-256", p256Cases().all),
    "verdicts-p384.ts": toModule("P384_VERDICTS", "ECDSA over P-384", p384Cases().all),
    "verdicts-p521.ts": toModule("P521_VERDICTS", "ECDSA over P-521", p521Cases().all),
  };
}
