// RFC 9420 §5.1.2: one verdict on each edge case of public keys and signatures, whatever the library: members of one
// group must not disagree. docs/decisions/strict-signatures.md says which verdict it is, and why.
import type { CipherSuiteProvider, SignatureAlgorithm, VerifyRequest } from "@copse/core/provider";
import { describe, fail, type SuiteChecks, skip } from "../../check.js";
import { SPECCHECK } from "../../known/speccheck.js";
import { ED448_VERDICTS } from "../../known/verdicts-ed448.js";
import { ED25519_VERDICTS } from "../../known/verdicts-ed25519.js";
import { P256_VERDICTS } from "../../known/verdicts-p256.js";
import { P384_VERDICTS } from "../../known/verdicts-p384.js";
import { P521_VERDICTS } from "../../known/verdicts-p521.js";
import { errorOf, hex, isCryptoError } from "../../tools/assert.js";

/** By the scheme's id. */
const VERDICTS: Readonly<Record<number, readonly string[]>> = {
  1027: P256_VERDICTS,
  1283: P384_VERDICTS,
  1539: P521_VERDICTS,
  2055: [...SPECCHECK, ...ED25519_VERDICTS],
  2056: ED448_VERDICTS,
};

/** A public key, or a signature under one, with the verdict that every provider must come to. */
export interface SignatureVerdict {
  readonly accepted: boolean;
  readonly name: string;
  readonly publicKey: Uint8Array;
  /** The message and the signature; without them the verdict is one on the public key alone. */
  readonly signed?: { readonly message: Uint8Array; readonly signature: Uint8Array };
}

/** The known verdicts of a scheme: edge cases of public keys, then of signatures. None for an unknown scheme. */
export function signatureVerdicts({ id }: SignatureAlgorithm): SignatureVerdict[] {
  return (VERDICTS[id] ?? []).map(parse);
}

function parse(line: string): SignatureVerdict {
  const [verdict, name, fields] = line.split(": ") as [string, string, string];
  const [publicKey, message, signature] = fields.split(" ").map((field) => hex(field === "-" ? "" : field));
  return {
    accepted: verdict === "accepted",
    name,
    publicKey: publicKey as Uint8Array,
    ...(message && signature && { signed: { message, signature } }),
  };
}

/** Reports all wrong verdicts at once, and returns how many verdicts there are. */
function judged(count: number, wrong: readonly string[]): number {
  if (wrong.length === 0) return count;
  const rest = wrong.length > 8 ? `; and ${wrong.length - 8} more` : "";
  return fail(`${wrong.length} of ${count} verdicts are wrong: ${wrong.slice(0, 8).join("; ")}${rest}`);
}

const said = ({ accepted, name }: SignatureVerdict): string =>
  `"${name}" must be ${accepted ? "accepted" : "refused"}`;

function requests(suite: CipherSuiteProvider): { one: SignatureVerdict; request: VerifyRequest }[] {
  return signatureVerdicts(suite.suite.signature).flatMap((one) =>
    one.signed ? [{ one, request: { publicKey: one.publicKey, ...one.signed } }] : [],
  );
}

const verdictChecks: SuiteChecks = {
  "verdicts: public keys": async ({ signature, suite }) => {
    const keys = signatureVerdicts(suite.signature).filter(({ signed }) => signed === undefined);
    const wrong: string[] = [];
    for (const one of keys) {
      const error = await errorOf(() => signature.validatePublicKey(one.publicKey));
      if ((error === undefined) !== one.accepted) wrong.push(said(one));
      else if (error !== undefined && !isCryptoError(error)) wrong.push(`"${one.name}": ${describe(error)}`);
    }
    return judged(keys.length, wrong);
  },

  "verdicts: signatures": async (suite) => {
    const cases = requests(suite);
    const { signature } = suite;
    const wrong: string[] = [];
    for (const { one, request } of cases) {
      const fits = await signature.verify(request.publicKey, request.message, request.signature);
      if (fits !== one.accepted) wrong.push(said(one));
    }
    return judged(cases.length, wrong);
  },

  "verdicts: signatures in a batch": async (suite) => {
    const cases = requests(suite);
    const { signature } = suite;
    if (signature.verifyAll === undefined) skip("there is no verifyAll");
    const answers = await signature.verifyAll(cases.map(({ request }) => request));
    const wrong = cases.flatMap(({ one }, i) => (answers[i] === one.accepted ? [] : [said(one)]));
    return judged(cases.length, wrong);
  },

  "verdicts: a key under which a signature fits is a public key": async (suite) => {
    const fitting = requests(suite).filter(({ one }) => one.accepted);
    const wrong: string[] = [];
    for (const { one } of fitting) {
      const error = await errorOf(() => suite.signature.validatePublicKey(one.publicKey));
      if (error !== undefined) wrong.push(`the key of "${one.name}": ${describe(error)}`);
    }
    return judged(fitting.length, wrong);
  },
};

/** The checks of a scheme's verdicts; none for a scheme on which libraries don't differ, such as ML-DSA. */
export function verdictsOfScheme({ id }: SignatureAlgorithm): SuiteChecks {
  return id in VERDICTS ? verdictChecks : {};
}
