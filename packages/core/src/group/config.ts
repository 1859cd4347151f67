// RFC 9420 §5.1.2, §8.4, §13: the configuration of a group: what its steps use besides its state.
import { MlsError } from "../errors.js";
import type { LeafDescription } from "../key-package/index.js";
import type { Awaitable, CipherSuiteProvider, Signer } from "../provider/index.js";
import type { LeafNode, PreSharedKeyID } from "../wire/index.js";
import type { AuthenticationService } from "./authentication.js";
import type { Registry } from "./extensions/index.js";
import type { Policy } from "./policy.js";

/** The configuration of a group, for members and followers. */
export interface GroupConfig {
  readonly provider: CipherSuiteProvider;
  readonly authentication: AuthenticationService;
  readonly policy: Policy;
  /** Returns a pre-shared key; `undefined` if it isn't known here. */
  readonly psk: (id: PreSharedKeyID) => Awaitable<Uint8Array | undefined>;
  /** The extensions of the protocol. */
  readonly registry: Registry;
  /** The extension types that this client supports besides those of RFC 9420; `undefined` for followers. */
  readonly ownExtensions?: ReadonlySet<number> | undefined;
}

/** The configuration of a group for members. */
export interface ClientConfig extends GroupConfig {
  /** The content of a new leaf node of the client. */
  describeLeaf(): LeafDescription;
  /** The client's signer with a public key. */
  signerFor(publicKey: Uint8Array): Signer | undefined;
  /** Adds a signer, such as one that a group switches to. */
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
