// RFC 9420 §9: a secret tree as bytes, in a format of Copse's own.
import {
  decode,
  encode,
  opaque,
  struct,
  type TypeOf,
  uint32,
  uint64,
  uint8,
  vector,
} from "../codec/index.js";
import { MlsError } from "../errors.js";
import { GENERATIONS, type Ratchet } from "./ratchet.js";

const FORMAT = 1;

const RatchetState = struct({
  /** Up to 2^32, which a uint32 doesn't hold. */
  generation: uint64,
  secret: opaque,
  skipped: vector(struct({ generation: uint32, key: opaque, nonce: opaque })),
});

const SecretTreeState = struct({
  format: uint8,
  width: uint32,
  nodes: vector(struct({ node: uint32, secret: opaque })),
  senders: vector(struct({ leafIndex: uint32, handshake: RatchetState, application: RatchetState })),
});

/** A sender's two ratchets. */
export interface SenderRatchets {
  readonly handshake: Ratchet;
  readonly application: Ratchet;
}

/** All that a secret tree holds. Nodes are numbered from the root, 1; the children of i are 2i and 2i + 1. */
export interface SecretTreeContents {
  readonly width: number;
  readonly nodes: Map<number, Uint8Array>;
  readonly senders: Map<number, SenderRatchets>;
}

function ratchetState({ generation, secret, skipped }: Ratchet): TypeOf<typeof RatchetState> {
  return { generation: BigInt(generation), secret, skipped: [...skipped.values()] };
}

/** The tree as bytes, all of them secret. */
export function saveSecretTree({ width, nodes, senders }: SecretTreeContents): Uint8Array {
  return encode(SecretTreeState, {
    format: FORMAT,
    width,
    nodes: [...nodes].map(([node, secret]) => ({ node, secret })),
    senders: [...senders].map(([leafIndex, { handshake, application }]) => ({
      leafIndex,
      handshake: ratchetState(handshake),
      application: ratchetState(application),
    })),
  });
}

/**
 * The tree that {@link saveSecretTree} saved, in arrays of its own.
 * @param sizes `KDF.Nh`, `AEAD.Nk` and `AEAD.Nn` of the suite
 * @throws DecodeError, or MlsError `state` if the bytes hold no tree of this suite
 */
export function loadSecretTree(
  bytes: Uint8Array,
  sizes: { readonly Nh: number; readonly Nk: number; readonly Nn: number },
): SecretTreeContents {
  const { format, width, nodes, senders } = decode(SecretTreeState, bytes);
  check(format === FORMAT, `format ${format} of a secret tree isn't known`);
  check(isTreeWidth(width), `a secret tree of ${width} leaves`);
  const ratchet = ({ generation, secret, skipped }: TypeOf<typeof RatchetState>): Ratchet => {
    check(generation <= BigInt(GENERATIONS), "a generation past the last one");
    check(secret.length === sizes.Nh, "a ratchet secret of another suite");
    const known: Ratchet = { generation: Number(generation), secret: secret.slice(), skipped: new Map() };
    let before = -1;
    for (const { generation, key, nonce } of skipped) {
      check(generation > before && generation < known.generation, "skipped keys out of order");
      check(key.length === sizes.Nk && nonce.length === sizes.Nn, "a message key of another suite");
      known.skipped.set(generation, { generation, key: key.slice(), nonce: nonce.slice() });
      before = generation;
    }
    return known;
  };
  const loaded: SecretTreeContents = { width, nodes: new Map(), senders: new Map() };
  for (const { node, secret } of nodes) {
    check(node >= 1 && node < 2 * width && !loaded.nodes.has(node), `node ${node} in the secret tree`);
    check(secret.length === sizes.Nh, "a node secret of another suite");
    loaded.nodes.set(node, secret.slice());
  }
  for (const { leafIndex, handshake, application } of senders) {
    check(leafIndex < width && !loaded.senders.has(leafIndex), `sender ${leafIndex} in the secret tree`);
    loaded.senders.set(leafIndex, { handshake: ratchet(handshake), application: ratchet(application) });
  }
  return loaded;
}

/** Whether a tree can have this many leaves: a power of two, up to 2^31 (§4.1, and leaf indices are uint32). */
export function isTreeWidth(width: number): boolean {
  return Number.isInteger(width) && width >= 1 && width <= 2 ** 31 && Number.isInteger(Math.log2(width));
}

function check(holds: boolean, message: string): void {
  if (!holds) throw new MlsError("state", message);
}
