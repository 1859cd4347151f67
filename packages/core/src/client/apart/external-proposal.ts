// RFC 9420 §12.1.8: proposals of external senders that know no more of a group than its ID and epoch.
import { type Bytes, EMPTY } from "../../bytes.js";
import { guardProvider, guardSigner } from "../../crypto/index.js";
import { type MlsExtension, Registry } from "../../group/extensions/index.js";
import { DEFAULT_POLICY, type GroupConfig, insecureAcceptAll } from "../../group/index.js";
import {
  checkKeyPackageAlone,
  type ExtensionChange,
  type ExternalProposalRequest,
  type ExternalSenderContext,
  externalSenderProposal,
  keyPackageOf,
} from "../../group/proposals/index.js";
import { answer, perform } from "../../operation/index.js";
import { checkOptions, needed, type OptionShape } from "../../option-shapes.js";
import type { CryptoProvider, Signer } from "../../provider/index.js";
import { EXTERNAL_REQUEST, MESSAGE, type MessageOptions } from "../group-options.js";

export interface ExternalProposalOptions extends MessageOptions {
  /** The extensions of the protocol (§13) whose proposals are sent. */
  readonly extensions?: readonly MlsExtension[];
}

const EXTERNAL_PROPOSAL: OptionShape<ExternalProposalOptions> = {
  ...MESSAGE,
  extensions: { "[]": "object" },
};

const CONTEXT: OptionShape<ExternalSenderContext> = {
  suite: needed("number"),
  groupId: needed("bytes"),
  epoch: needed("bigint"),
  senderIndex: needed("number"),
};

/**
 * Makes a proposal of an external sender (§12.1.8) that doesn't follow the group: a gateway that keeps nothing of it but
 * its suite, ID and epoch. It takes effect when a member commits it. Only what needs no group is checked: the signer's scheme,
 * and a key package's suite, form and signatures, but not whose it is. `PublicGroup.propose` checks as members do.
 * @param signer the group's `external_senders` must list its key at `senderIndex`
 * @returns an encoded MLSMessage with a PublicMessage
 * @throws UnsupportedError for a suite that the provider doesn't serve, or a signer of another scheme; ValidationError,
 *   CryptoError, DecodeError for a key package; MlsError `usage`
 * @example
 * const context = { suite: 2, groupId, epoch, senderIndex: 0 };
 * const proposal = await externalProposal(nodeProvider(), signer, context, { remove: 2 });
 */
export async function externalProposal(
  crypto: CryptoProvider,
  signer: Signer,
  context: ExternalSenderContext,
  request: Exclude<ExternalProposalRequest, ExtensionChange>,
  options: ExternalProposalOptions = {},
): Promise<Bytes> {
  const chosen = checkOptions(options, EXTERNAL_PROPOSAL);
  const requested = checkOptions(request, EXTERNAL_REQUEST, "request");
  const { suite, ...known } = checkOptions(context, CONTEXT, "context");
  const { authenticatedData = EMPTY } = chosen;
  const work = async () => {
    const config: GroupConfig = {
      provider: guardProvider(crypto.suite(suite)),
      authentication: insecureAcceptAll(),
      policy: DEFAULT_POLICY,
      psk: () => undefined,
      registry: new Registry(chosen.extensions),
    };
    if ("add" in requested) await checkKeyPackageAlone(config, keyPackageOf(requested.add));
    const guarded = guardSigner(signer, (hook) => hook());
    const { message } = await externalSenderProposal(config, known, guarded, requested, authenticatedData);
    return message;
  };
  return perform({ work, finish: answer }, options);
}
