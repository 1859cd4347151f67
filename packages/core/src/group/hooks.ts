// RFC 9420 §5.3.1, §8.4, §12.2: how operations call the application's hooks.
import { type CallHook, guardHooksOf, guardSigner } from "../crypto/index.js";
import type { CipherSuiteProvider, Signer } from "../provider/index.js";
import type { ClientConfig, GroupConfig } from "./config.js";

/** The configuration with hooks that are called by `call`, and whose failures are `try-again`: they are no verdict. */
export function guardHooks<C extends GroupConfig>(config: C, call: CallHook): C {
  return {
    ...config,
    authentication: guardHooksOf(config.authentication, "the authentication service", call),
    policy: guardHooksOf(config.policy, "the policy", call),
    // Failures of its parts are told apart where they are known: an unknown type of PSK is a verdict.
    psk: (id) => call(() => config.psk(id)),
  };
}

/**
 * {@link guardHooks} for a member, who has signers too.
 * @param provider in the place of the configuration's
 */
export function guardMember(
  config: ClientConfig,
  call: CallHook,
  provider: CipherSuiteProvider = config.provider,
): ClientConfig {
  // The signer is looked up for each message: it is guarded only once.
  const guards = new WeakMap<Signer, Signer>();
  const guard = (signer: Signer): Signer => {
    const guarded = guards.get(signer) ?? guardSigner(signer, call);
    guards.set(signer, guarded);
    return guarded;
  };
  return {
    ...guardHooks(config, call),
    provider,
    signerFor: (publicKey) => {
      const signer = config.signerFor(publicKey);
      return signer && guard(signer);
    },
    guard,
  };
}
