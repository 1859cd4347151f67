// A group's epoch as message protection sees it: keys, a context, and members who sign.

import { utf8 } from "@copse/test-support/bytes";
import { encode } from "../../src/codec/codec.js";
import { signContent } from "../../src/framing/authentication.js";
import type { CipherSuiteProvider, Signer } from "../../src/provider/interface.js";
import { DEFAULT_RATCHET_LIMITS, type RatchetLimits } from "../../src/schedule/ratchet-limits.js";
import { SecretTree } from "../../src/schedule/secret-tree.js";
import {
  type AuthenticatedContent,
  type Content,
  ContentType,
  type FramedContent,
  type Sender,
  SenderType,
} from "../../src/wire/framed-content.js";
import { GroupContext } from "../../src/wire/group-context.js";
import { ProposalType } from "../../src/wire/proposal.js";

export const WIDTH = 4;
/** The leaf at 3 is blank. */
export const isMember = (leafIndex: number): boolean => leafIndex < 3;
export const member = (leafIndex: number): Sender => ({ senderType: SenderType.member, leafIndex });

export const application = (value: string): Content => ({
  contentType: ContentType.application,
  applicationData: utf8(value),
});
export const removal: Content = {
  contentType: ContentType.proposal,
  proposal: { proposalType: ProposalType.remove, removed: 2 },
};
export const commit: Content = {
  contentType: ContentType.commit,
  commit: { proposals: [], path: undefined },
};

export async function party(provider: CipherSuiteProvider) {
  const { publicKey, privateKey } = await provider.signature.generateKeyPair();
  const signer: Signer = {
    algorithm: provider.suite.signature,
    publicKey,
    sign: (message) => provider.signature.sign(privateKey, message),
  };
  const { Nh } = provider.suite.hash;
  const groupContext = encode(GroupContext, {
    version: 1,
    cipherSuite: provider.suite.id,
    groupId: utf8("group"),
    epoch: 7n,
    treeHash: new Uint8Array(Nh).fill(1),
    confirmedTranscriptHash: new Uint8Array(Nh).fill(2),
    extensions: [],
  });
  const framed = (content: Content, sender: Sender = member(1)): FramedContent => ({
    groupId: utf8("group"),
    epoch: 7n,
    sender,
    authenticatedData: utf8("in clear"),
    content,
  });
  return {
    signer,
    groupContext,
    membershipKey: new Uint8Array(Nh).fill(4),
    framed,
    /** The epoch's message keys, as one member holds them. */
    keys: (limits: RatchetLimits = DEFAULT_RATCHET_LIMITS, by: CipherSuiteProvider = provider) => ({
      secretTree: new SecretTree(by, WIDTH, new Uint8Array(Nh).fill(3), limits),
      senderDataSecret: new Uint8Array(Nh).fill(5),
      isMember,
    }),
    async authenticate(wireFormat: number, content: Content, sender?: Sender): Promise<AuthenticatedContent> {
      const unsigned = framed(content, sender);
      return {
        wireFormat,
        content: unsigned,
        auth: {
          signature: await signContent(signer, wireFormat, unsigned, groupContext),
          confirmationTag: content === commit ? new Uint8Array(Nh).fill(6) : undefined,
        },
      };
    },
  };
}
