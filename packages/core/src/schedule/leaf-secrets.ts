// RFC 9420 §9: the derivation of node secrets from the root of the secret tree down to a leaf.
import { copySecret, EMPTY, wipe } from "../bytes.js";
import { expandAll, expandAllWithLabels, kdfLabel, onFailure, repeat } from "../crypto/index.js";
import { MlsError } from "../errors.js";
import { type Awaitable, type CipherSuiteProvider, chain } from "../provider/index.js";
import type { SecretTreeContents } from "./secret-tree-state.js";

/** The secrets on the path from a node whose secret is known down to a leaf. */
export interface LeafSecrets {
  readonly leafIndex: number;
  /** Top down: the secrets of both children of a node, `KDF.Nh` bytes each, which replace the node's own. */
  readonly steps: readonly {
    readonly parent: number;
    readonly left: Uint8Array;
    readonly right: Uint8Array;
  }[];
  /** `handshake_ratchet_secret_[0]` of the leaf, `KDF.Nh` bytes */
  readonly handshake: Uint8Array;
  /** `application_ratchet_secret_[0]` of the leaf, `KDF.Nh` bytes */
  readonly application: Uint8Array;
}

/** The contexts "left" and "right" of §9, in ASCII. */
const LEFT = /* @__PURE__ */ Uint8Array.of(0x6c, 0x65, 0x66, 0x74);
const RIGHT = /* @__PURE__ */ Uint8Array.of(0x72, 0x69, 0x67, 0x68, 0x74);

/**
 * Derives the secrets from the closest known node down to the leaf. The tree stays as it is.
 * @throws MlsError `unknown-sender` for a leaf outside of the tree, `forgotten` where no secret is left
 */
export function deriveLeafSecrets(
  provider: CipherSuiteProvider,
  { width, nodes }: SecretTreeContents,
  leafIndex: number,
): Awaitable<LeafSecrets> {
  if (!(leafIndex < width)) {
    throw new MlsError(
      "unknown-sender",
      `leaf index ${leafIndex} out of range: the tree has ${width} leaves`,
    );
  }
  const path: number[] = [];
  let node = width + leafIndex;
  while (node >= 1 && !nodes.has(node)) {
    path.push(node);
    node = Math.floor(node / 2);
  }
  const known = nodes.get(node);
  if (known === undefined) throw new MlsError("forgotten", "the message keys of this epoch are deleted");

  const steps: LeafSecrets["steps"][number][] = [];
  // A copy, because another message may consume the secret while an asynchronous provider works.
  const secret = copySecret(known.secret);
  const { Nh } = provider.suite.hash;
  const toChildren = [LEFT, RIGHT].map((side) => ({ info: kdfLabel("tree", side, Nh), length: Nh }));
  const down = (children: readonly Uint8Array[]) => {
    const [left, right] = children as [Uint8Array, Uint8Array];
    const next = path.pop() as number;
    steps.push({ parent: Math.floor(next / 2), left, right });
    secret.set(next % 2 === 0 ? left : right);
    return true;
  };
  const walk = () => repeat(() => path.length > 0 && chain(expandAll(provider, secret, toChildren), down));
  const ratchets = () =>
    chain(
      expandAllWithLabels(provider, secret, [
        ["handshake", EMPTY, Nh],
        ["application", EMPTY, Nh],
      ]),
      ([handshake, application]): LeafSecrets => {
        wipe(secret);
        return { leafIndex, steps, handshake, application };
      },
    );
  return onFailure(
    () => chain(walk(), ratchets),
    () => {
      wipe(secret);
      wipeSteps(steps);
    },
  );
}

function wipeSteps(steps: LeafSecrets["steps"]): void {
  for (const { left, right } of steps) wipe(left, right);
}

/** Overwrites secrets that are not going to be entered into the tree. */
export function wipeLeafSecrets({ steps, handshake, application }: LeafSecrets): void {
  wipeSteps(steps);
  wipe(handshake, application);
}
