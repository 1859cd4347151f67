// RFC 9420 §5.1.2, §7.2: what the groups of a client share.
import { copied, equalBytes } from "../bytes.js";
import { capabilitiesOf, describeLeaf, Registry } from "../group/extensions/index.js";
import { type ClientConfig, policyOf } from "../group/index.js";
import type { CipherSuiteProvider, Signer } from "../provider/index.js";
import type { Credential } from "../wire/index.js";
import type { ClientOptions } from "./options.js";

/** The configuration of a client's groups. @throws MlsError `usage` */
export function configOf(
  { crypto, authentication, policy, extensions, asyncContext, ...options }: ClientOptions,
  provider: CipherSuiteProvider,
  credential: Credential,
  signer: Signer,
  psk: ClientConfig["psk"],
): ClientConfig {
  const registry = new Registry(extensions);
  const capabilities = capabilitiesOf(crypto, registry, options.capabilities);
  const identity = { signatureKey: signer.publicKey.slice(), credential };
  const leafExtensions = copied(options.leafExtensions ?? []);
  // One for each key. Of two with one key, the latest is used.
  let signers = [signer];
  return {
    provider,
    authentication,
    policy: policyOf(policy),
    psk,
    registry,
    asyncContext,
    own: capabilities,
    identity,
    describeLeaf: (keyPackageExtensions) => {
      const own = { credential: identity.credential, capabilities, extensions: leafExtensions };
      return describeLeaf(registry, (length) => provider.random(length), own, keyPackageExtensions);
    },
    signerFor: (publicKey) => signers.find((one) => equalBytes(one.publicKey, publicKey)),
    guard: (added) => added,
    addSigner: (added) => {
      const others = signers.filter((one) => !equalBytes(one.publicKey, added.publicKey));
      signers = [added, ...others];
    },
    isUnsaved: (one) =>
      options.signer === undefined && signers.includes(signer) && equalBytes(one.publicKey, signer.publicKey),
  };
}
