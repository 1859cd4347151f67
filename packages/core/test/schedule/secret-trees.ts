// RFC 9420 §9: secret trees for tests, the keys that they give, and a provider that records what is derived.

import { toHex } from "@copse/test-support/bytes";
import { expandingBy } from "@copse/test-support/kdf";
import { nodeSuite } from "@copse/test-support/providers";
import { expect } from "vitest";
import { isPromise } from "../../src/provider/awaitable.js";
import type { CipherSuiteProvider } from "../../src/provider/interface.js";
import type { PeekedKey } from "../../src/schedule/peeked-key.js";
import type { MessageKey } from "../../src/schedule/ratchet.js";
import { DEFAULT_RATCHET_LIMITS, type RatchetLimits } from "../../src/schedule/ratchet-limits.js";
import { SecretTree } from "../../src/schedule/secret-tree.js";

export const provider = nodeSuite(1);
export const secret = () => Uint8Array.from({ length: 32 }, (_, i) => i + 1);
export const tree = (width = 8, limits: Partial<RatchetLimits> = {}, by: CipherSuiteProvider = provider) =>
  new SecretTree(by, width, secret(), { ...DEFAULT_RATCHET_LIMITS, ...limits });

/** An answer that must be synchronous. */
export function now<T>(answer: T | Promise<T>): T {
  if (isPromise(answer)) throw new Error("a synchronous provider was answered with a promise");
  return answer;
}

/** The first keys that leaf 3 sends application messages with. */
export function sent(
  count: number,
  kind: "handshake" | "application" = "application",
  leaf = 3,
): MessageKey[] {
  const sender = tree();
  return Array.from({ length: count }, () => now(sender.next(leaf, kind)));
}

export const same = (peeked: PeekedKey, key: MessageKey | undefined) =>
  expect([toHex(peeked.key), toHex(peeked.nonce)]).toEqual([
    toHex((key as MessageKey).key),
    toHex((key as MessageKey).nonce),
  ]);

/** A provider that records all that is derived and what from, so that it can be seen whether it was overwritten. */
export function remembering() {
  const derived: Uint8Array[] = [];
  const recording: CipherSuiteProvider = {
    ...provider,
    kdf: expandingBy(provider.kdf, (prk, info, length) => {
      const output = now(provider.kdf.expand(prk, info, length));
      derived.push(output, prk);
      return output;
    }),
  };
  return { recording, derived };
}

/** All that a tree holds. */
export const stateOf = (tree: SecretTree): string =>
  tree.pieces
    .all()
    .map(({ name, bytes }) => `${name} ${toHex(bytes)}`)
    .join("\n");

/** The tree as it is loaded from its pieces. */
export const reloaded = (tree: SecretTree, limits: Partial<RatchetLimits> = {}, width = 8): SecretTree =>
  SecretTree.load(provider, { width }, tree.pieces.all(), { ...DEFAULT_RATCHET_LIMITS, ...limits });
