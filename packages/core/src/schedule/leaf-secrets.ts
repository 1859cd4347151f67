// RFC 9420 §9: the derivation of node secrets, from the root of the secret tree down to a leaf.
import { EMPTY, wipe } from "../bytes.js";
import { expandAll, expandAllWithLabels, kdfLabel, onFailure } from "../crypto/index.js";
import { MlsError } from "../errors.js";
import { type Awaitable, chain, type CipherSuiteProvider, isPromise } from "../provider/index.js";
import type { SecretTreeContents } from "./secret-tree-state.js";

/** The way down from a known node to a leaf: node secrets that come in the place of their parents'. */
export interface LeafSecrets {
  readonly leafIndex: number;
  readonly steps: readonly {
    readonly parent: number;
    readonly left: Uint8Array;
    readonly right: Uint8Array;
  }[];
  /** `handshake_ratchet_secret_[0]` of the leaf */
  readonly handshake: Uint8Array;
  /** `application_ratchet_secret_[0]` of the leaf */
  readonly application: Uint8Array;
}

/** ASCII of the contexts in §9 */
const LEFT = /* @__PURE__ */ Uint8Array.of(0x6c, 0x65, 0x66, 0x74);
const RIGHT = /* @__PURE__ */ Uint8Array.of(0x72, 0x69, 0x67, 0x68, 0x74);

/**
 * The secrets on the way from the closest known node down to the leaf. The tree stays as it is.
 * @throws MlsError `unknown-sender` for a leaf outside of the tree, `consumed` where no secret is left
 */
export function deriveLeafSecrets(
  provider: CipherSuiteProvider,
  { width, nodes }: SecretTreeContents,
  leafIndex: number,
): Awaitable<LeafSecrets> {
  if (!(leafIndex < width)) {
    throw new MlsError("unknown-sender", `leaf ${leafIndex} in a tree of ${width}`);
  }
  const way: number[] = [];
  let node = width + leafIndex;
  while (node >= 1 && !nodes.has(node)) {
    way.push(node);
    node = Math.floor(node / 2);
  }
  const known = nodes.get(node);
  if (known === undefined) throw new MlsError("consumed", "the epoch's message secrets are deleted");

  const steps: LeafSecrets["steps"][number][] = [];
  // A copy, because another message may consume it while an asynchronous provider works.
  let secret: Uint8Array = known.slice();
  const { Nh } = provider.suite.hash;
  const toChildren = [LEFT, RIGHT].map((side) => ({ info: kdfLabel("tree", side, Nh), length: Nh }));
  const down = (children: readonly Uint8Array[]) => {
    const [left, right] = children as [Uint8Array, Uint8Array];
    const next = way.pop() as number;
    steps.push({ parent: Math.floor(next / 2), left, right });
    wipe(secret);
    secret = (next % 2 === 0 ? left : right).slice();
  };
  const walk = (): Awaitable<LeafSecrets> => {
    while (way.length > 0) {
      const children = expandAll(provider, secret, toChildren);
      if (isPromise(children)) {
        return children.then((secrets) => {
          down(secrets);
          return walk();
        });
      }
      down(children);
    }
    return chain(
      expandAllWithLabels(provider, secret, [
        ["handshake", EMPTY, Nh],
        ["application", EMPTY, Nh],
      ]),
      ([handshake, application]) => {
        wipe(secret);
        return { leafIndex, steps, handshake, application } as LeafSecrets;
      },
    );
  };
  return onFailure(walk, () => {
    wipe(secret);
    wipeSteps(steps);
  });
}

function wipeSteps(steps: LeafSecrets["steps"]): void {
  for (const { left, right } of steps) wipe(left, right);
}

/** Overwrites a way down that won't be taken. */
export function wipeLeafSecrets({ steps, handshake, application }: LeafSecrets): void {
  wipeSteps(steps);
  wipe(handshake, application);
}
