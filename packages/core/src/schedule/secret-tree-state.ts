// RFC 9420 §9: the encoding of a secret tree for a saved state, in a format of Copse's own.
import { copySecret } from "../bytes.js";
import {
  decode,
  encode,
  opaque,
  struct,
  type TypeOf,
  uint8,
  uint32,
  uint64,
  vector,
} from "../codec/index.js";
import { MlsError } from "../errors.js";
import { GENERATIONS, type Ratchet } from "./ratchet.js";

const FORMAT = 1;

const RatchetState = struct({
  /** From 0 to 2^32, which does not fit a uint32. */
  generation: uint64,
  secret: opaque,
  skipped: vector(struct({ generation: uint32, key: opaque, nonce: opaque })),
  forgotten: uint32,
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

/** The contents of a secret tree. The root has number 1, the children of node i have 2i and 2i + 1. */
export interface SecretTreeContents {
  readonly width: number;
  readonly nodes: Map<number, Uint8Array>;
  readonly senders: Map<number, SenderRatchets>;
}

function ratchetState({ generation, secret, skipped, forgotten }: Ratchet): TypeOf<typeof RatchetState> {
  return { generation: BigInt(generation), secret, skipped: [...skipped.values()], forgotten };
}

/** Encodes the tree. The bytes are secret. */
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
 * Decodes the bytes of {@link saveSecretTree}, into arrays of its own.
 * @param sizes `KDF.Nh`, `AEAD.Nk` and `AEAD.Nn` of the suite
 * @throws DecodeError, or MlsError `state` if the bytes are no valid secret tree of this suite
 */
export function loadSecretTree(
  bytes: Uint8Array,
  sizes: { readonly Nh: number; readonly Nk: number; readonly Nn: number },
): SecretTreeContents {
  const { format, width, nodes, senders } = decode(SecretTreeState, bytes);
  check(format === FORMAT, `expected format ${FORMAT}, got ${format}`);
  check(isTreeWidth(width), `the number of leaves must be a power of two up to 2^31, got ${width}`);
  const ratchet = ({ generation, secret, skipped, forgotten }: TypeOf<typeof RatchetState>): Ratchet => {
    check(generation <= BigInt(GENERATIONS), `generation must be at most 2^32, got ${generation}`);
    checkLength("ratchet secret", secret, sizes.Nh);
    const known: Ratchet = {
      generation: Number(generation),
      secret: copySecret(secret),
      skipped: new Map(),
      forgotten,
    };
    let before = -1;
    for (const { generation, key, nonce } of skipped) {
      check(
        generation > before && generation < known.generation,
        "the generations of skipped keys must increase, and be below the ratchet's",
      );
      checkLength("message key", key, sizes.Nk);
      checkLength("message nonce", nonce, sizes.Nn);
      known.skipped.set(generation, { generation, key: copySecret(key), nonce: copySecret(nonce) });
      before = generation;
    }
    return known;
  };
  const loaded: SecretTreeContents = { width, nodes: new Map(), senders: new Map() };
  for (const { node, secret } of nodes) {
    check(node >= 1 && node < 2 * width, `node ${node} out of range: the tree has ${2 * width - 1} nodes`);
    check(!loaded.nodes.has(node), `node ${node} is listed twice`);
    checkLength("node secret", secret, sizes.Nh);
    loaded.nodes.set(node, copySecret(secret));
  }
  for (const { leafIndex, handshake, application } of senders) {
    check(leafIndex < width, `leaf index ${leafIndex} out of range: the tree has ${width} leaves`);
    check(!loaded.senders.has(leafIndex), `leaf ${leafIndex} is listed twice`);
    loaded.senders.set(leafIndex, { handshake: ratchet(handshake), application: ratchet(application) });
  }
  return loaded;
}

/** Whether a tree can have this number of leaves: a power of two (§4.1) up to 2^31 (leaf indices are uint32). */
export function isTreeWidth(width: number): boolean {
  return Number.isInteger(width) && width >= 1 && width <= 2 ** 31 && Number.isInteger(Math.log2(width));
}

function check(holds: boolean, message: string): void {
  if (!holds) throw new MlsError("state", `invalid secret tree in a saved state: ${message}`);
}

function checkLength(name: string, { length }: Uint8Array, expected: number): void {
  check(length === expected, `${name}: expected ${expected} bytes, got ${length}`);
}
