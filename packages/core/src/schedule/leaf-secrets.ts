// RFC 9420 §9: the derivation of node secrets from the root of the secret tree down to a leaf.
import { copySecret, EMPTY, wipe } from "../bytes.js";
import { expandAll, expandAllWithLabels, kdfLabel, onFailure, repeat } from "../crypto/index.js";
import { MlsError } from "../errors.js";
import { type Awaitable, type CipherSuiteProvider, chain } from "../provider/index.js";
import type { SecretTreeContents } from "./secret-tree-state.js";

/** The secrets beside the path from a node whose secret is known down to a leaf, and those of the leaf. */
export interface LeafSecrets {
  readonly leafIndex: number;
  /** Top down: a child of the node above, which isn't on the path, and its secret of `KDF.Nh` bytes. */
  readonly copath: readonly { readonly node: number; readonly secret: Uint8Array }[];
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

  const copath: LeafSecrets["copath"][number][] = [];
  // A copy, because another message may consume the secret while an asynchronous provider works.
  const secret = copySecret(known.secret);
  const { Nh } = provider.suite.hash;
  const toChildren = [LEFT, RIGHT].map((side) => ({ info: kdfLabel("tree", side, Nh), length: Nh }));
  const down = ([left, right]: readonly Uint8Array[]) => {
    const next = path.pop() as number;
    const [onPath, beside] = (next % 2 === 0 ? [left, right] : [right, left]) as [Uint8Array, Uint8Array];
    copath.push({ node: next % 2 === 0 ? next + 1 : next - 1, secret: beside });
    secret.set(onPath);
    wipe(onPath);
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
        return { leafIndex, copath, handshake, application };
      },
    );
  return onFailure(
    () => chain(walk(), ratchets),
    () => {
      wipe(secret);
      wipeCopath(copath);
    },
  );
}

function wipeCopath(copath: LeafSecrets["copath"]): void {
  for (const { secret } of copath) wipe(secret);
}

/** Overwrites secrets that are not going to be entered into the tree. */
export function wipeLeafSecrets({ copath, handshake, application }: LeafSecrets): void {
  wipeCopath(copath);
  wipe(handshake, application);
}
