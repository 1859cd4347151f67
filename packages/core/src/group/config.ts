// RFC 9420 §5.1.2, §8.4, §13: what every step of a group is computed with, besides its state.
import { MlsError } from "../errors.js";
import type { LeafDescription } from "../key-package/index.js";
import type { Awaitable, CipherSuiteProvider, Signer } from "../provider/index.js";
import type { LeafNode, PreSharedKeyID } from "../wire/index.js";
import type { AuthenticationService } from "./authentication.js";
import type { Registry } from "./extensions/index.js";
import type { Policy } from "./policy.js";

/** What a group is computed with, whether one is a member or not. */
export interface GroupConfig {
  readonly provider: CipherSuiteProvider;
  readonly authentication: AuthenticationService;
  readonly policy: Policy;
  /** The pre-shared key with this name; `undefined` if it isn't known here. */
  readonly psk: (id: PreSharedKeyID) => Awaitable<Uint8Array | undefined>;
  /** The extensions of the protocol. */
  readonly registry: Registry;
  /** The extension types that a member of the group supports besides RFC 9420's own; unknown to a non-member. */
  readonly ownExtensions?: ReadonlySet<number> | undefined;
}

/** What a client gives to its groups. */
export interface ClientConfig extends GroupConfig {
  /** What a new leaf node of the client says. */
  describeLeaf(): LeafDescription;
  /** The client's signers, by their public keys. */
  signerFor(publicKey: Uint8Array): Signer | undefined;
  /** Remembers a signer that a group has switched to. */
  addSigner(signer: Signer): void;
}

/** The signer for a leaf node. @throws MlsError `state` if the client has none */
export function needSigner(config: ClientConfig, { signatureKey }: LeafNode): Signer {
  const signer = config.signerFor(signatureKey);
  if (signer === undefined) {
    throw new MlsError("state", "the client has no signer for the signature key of its leaf in this group");
  }
  return signer;
}
