// RFC 9420 §5.1.1, §7.3: public signature keys. Each key that enters a group is validated here: the keys of leaf nodes
// together with the signatures under them, and the keys of external senders, under which nothing is signed yet.
import { ensure, MlsError } from "../errors.js";
import {
  type Awaitable,
  all,
  type CipherSuiteProvider,
  isPromise,
  type VerifyRequest,
} from "../provider/index.js";
import { verifyAll } from "./batch.js";

/**
 * Checks that a public key is one of the suite's signature scheme.
 * @throws ValidationError if the provider refuses it; what the provider throws if it can't tell
 */
export function validateSignatureKey(
  { suite, signature }: CipherSuiteProvider,
  publicKey: Uint8Array,
): Awaitable<void> {
  const refuse = (error: unknown): void => {
    if (!(error instanceof MlsError && error.code === "crypto")) throw error;
    ensure(
      false,
      "5.1.1: a public signature key must be one of the suite's signature scheme",
      () => `expected a public key of ${suite.signature.name}: ${error.message}`,
    );
  };
  try {
    const answer = signature.validatePublicKey(publicKey);
    return isPromise(answer) ? answer.catch(refuse) : answer;
  } catch (error) {
    return refuse(error);
  }
}

/**
 * How many signatures are verified before their keys are validated: no more than providers remember keys, so that they
 * don't decode the same keys again.
 */
const AT_ONCE = 1024;

/**
 * Whether all of these signatures are valid, each under the key that it introduces: those of leaf nodes and key packages
 * (§7.3, §10.1). Ends with the first one that isn't.
 * @throws ValidationError for a key that isn't one of the scheme
 */
export async function verifyOwnSignatures(
  provider: CipherSuiteProvider,
  requests: readonly VerifyRequest[],
): Promise<boolean> {
  for (let start = 0; start < requests.length; start += AT_ONCE) {
    const some = requests.slice(start, start + AT_ONCE);
    const valid = await verifyAll(provider, some);
    const wrong = some.find((_, i) => valid[i] !== true);
    if (wrong !== undefined) {
      // A bad key is the better reason.
      await validateSignatureKey(provider, wrong.publicKey);
      return false;
    }
    // The two signatures of a key package have one key.
    const keys = some.map(({ publicKey }) => publicKey).filter((key, i, list) => key !== list[i - 1]);
    await all(keys.map((key) => validateSignatureKey(provider, key)));
  }
  return true;
}
