// RFC 9420 §12.4.2: commits of a member that ignores the rules. A service that can't read them takes them.
import { by, type Forged, type Forgery, forgeEpoch, type Insider } from "@copse/test-support/insiders";
import { mlsExporter } from "../../../packages/core/src/crypto/labelled.js";
import { groupInfoMessage } from "../../../packages/core/src/group/join/index.js";
import { ProposalType } from "../../../packages/core/src/wire/proposal.js";
import type { UpdatePath } from "../../../packages/core/src/wire/update-path.js";

/** What a dishonest member submits. */
export interface Junk {
  readonly message: Uint8Array;
  readonly groupInfo: Uint8Array;
  /** The secret from which the key of its epoch at the service is derived. */
  readonly secret: Uint8Array;
}

interface Plan {
  readonly forgery: Forgery;
  /** Whether what comes with it is right, where that can be. */
  readonly isBesideRight: boolean;
}

/** Changes the path secrets for some of those who get one: all if `every` is 1. */
const spoilt =
  (every: number) =>
  ({ updatePath }: { updatePath: UpdatePath }): UpdatePath => {
    let n = 0;
    const nodes = updatePath.nodes.map(({ encryptionKey, encryptedPathSecret }) => ({
      encryptionKey,
      encryptedPathSecret: encryptedPathSecret.map(({ kemOutput, ciphertext }) => ({
        kemOutput,
        ciphertext: n++ % every === 0 ? ciphertext.map((byte) => byte ^ 1) : ciphertext,
      })),
    }));
    return { ...updatePath, nodes };
  };

export const FORGERIES = {
  "no commit at all": undefined,
  "a wrong confirmation tag": { forgery: { confirmationTag: new Uint8Array(32) }, isBesideRight: false },
  "removes itself": { forgery: {}, isBesideRight: false },
  "bad path secrets for some": { forgery: { path: spoilt(2), isConfirmed: true }, isBesideRight: true },
  "bad path secrets for some, and a wrong GroupInfo": {
    forgery: { path: spoilt(3), isConfirmed: true },
    isBesideRight: false,
  },
  "bad path secrets for all": { forgery: { path: spoilt(1), isConfirmed: true }, isBesideRight: true },
} as const satisfies Record<string, Plan | undefined>;
export type ForgeryName = keyof typeof FORGERIES;

/** Commits are encrypted, so that the service can't tell. */
const PRIVATE = 2;

export async function makeJunk(from: Insider, what: ForgeryName): Promise<Junk> {
  const { provider } = from.config;
  const noise = { groupInfo: provider.random(300), secret: provider.random(provider.suite.hash.Nh) };
  const plan: Plan | undefined = FORGERIES[what];
  if (plan === undefined) return { message: provider.random(200), ...noise };
  const { leafIndex } = from.epoch.keys;
  const itself = by(leafIndex, { proposalType: ProposalType.remove, removed: leafIndex });
  const { message, next }: Forged = await forgeEpoch(from, {
    ...plan.forgery,
    wireFormat: PRIVATE,
    ...(what === "removes itself" ? { proposals: itself } : {}),
  });
  if (next === undefined || !plan.isBesideRight) return { message, ...noise };
  return {
    message,
    groupInfo: await groupInfoMessage({ config: from.config, epoch: next, signer: from.signer }, {}),
    secret: await mlsExporter(
      provider,
      next.secrets.exporterSecret,
      "copse delivery",
      new Uint8Array(),
      provider.suite.hash.Nh,
    ),
  };
}
