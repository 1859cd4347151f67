// RFC 9420 §9: the encoding of a secret tree for a saved state: pieces, of which a message changes one or two.
import { decode, encode, opaque, struct, type TypeOf, uint32, uint64, vector } from "../codec/index.js";
import { MlsError } from "../errors.js";
import { GENERATIONS, type MessageKey, type Ratchet } from "./ratchet.js";

/** The first of the names of each piece. */
const NODES = "nodes";
const RATCHETS = "ratchets";
const SKIPPED = "skipped";

/** How many generations a piece of skipped keys is for: the first is a multiple of it. */
const BLOCK = 8;

const SavedNodes = vector(struct({ node: uint32, secret: opaque }));

const SavedRatchet = struct({
  /** From 0 to 2^32, which does not fit a uint32. */
  generation: uint64,
  secret: opaque,
  forgotten: uint32,
});

const SavedRatchets = struct({ handshake: SavedRatchet, application: SavedRatchet });

const SavedSkipped = vector(struct({ generation: uint32, key: opaque, nonce: opaque }));

/** A piece of a saved secret tree. It is written anew when one of its secrets is used. */
export interface SecretPiece {
  /** Which secrets it has: names of lowercase letters and hexadecimal digits, with `/` between them. */
  readonly name: string;
  /** Secret: they decrypt messages that aren't consumed yet. */
  readonly bytes: Uint8Array;
}

/** A sender's two ratchets. */
export interface SenderRatchets {
  readonly handshake: Ratchet;
  readonly application: Ratchet;
}

/** A node secret. */
export interface NodeSecret {
  /** `KDF.Nh` bytes */
  readonly secret: Uint8Array;
  /**
   * The node of the leaf whose first use left this secret beside its path; 1 for the root, which was there before. Those
   * with the same home are one piece: so a first use changes two pieces, its own and the one that it takes a secret from.
   */
  readonly home: number;
}

/** The contents of a secret tree. The root has number 1, the children of node i have 2i and 2i + 1. */
export interface SecretTreeContents {
  readonly width: number;
  readonly nodes: Map<number, NodeSecret>;
  readonly senders: Map<number, SenderRatchets>;
}

const join = (...names: readonly (string | number)[]): string =>
  names.map((name) => name.toString(16)).join("/");

export const nodesPiece = (home: number): string => join(NODES, home);

export const ratchetsPiece = (leafIndex: number): string => join(RATCHETS, leafIndex);

/** @param ratchet the number of a ratchet: see {@link Ratchet.number} */
export const skippedPiece = (ratchet: number, generation: number): string =>
  join(SKIPPED, ratchet, Math.floor(generation / BLOCK));

/** What a name says. @throws MlsError `state` */
function placeOf(name: string): [kind: string, at: number, block: number] {
  const [kind = "", ...numbers] = name.split("/");
  const places = numbers.map((number) => Number.parseInt(number, 16));
  check(join(kind, ...places) === name && places.length === (kind === SKIPPED ? 2 : 1), "an unknown piece");
  const [at = 0, block = 0] = places;
  return [kind, at, block];
}

/** The nodes whose secrets may have this home. */
function* nodesAt(home: number): Iterable<number> {
  if (home === 1) yield 1;
  for (let node = home; node > 1; node = Math.floor(node / 2)) yield node % 2 === 0 ? node + 1 : node - 1;
}

function ratchetAt({ senders }: SecretTreeContents, number: number): Ratchet | undefined {
  return senders.get(Math.floor(number / 2))?.[number % 2 === 0 ? "application" : "handshake"];
}

/** The names of all pieces. */
export function pieceNames({ nodes, senders }: SecretTreeContents): Set<string> {
  const names = new Set<string>();
  for (const { home } of nodes.values()) names.add(nodesPiece(home));
  for (const [leafIndex, ratchets] of senders) {
    names.add(ratchetsPiece(leafIndex));
    for (const { number, skipped } of Object.values(ratchets) as Ratchet[])
      for (const generation of skipped.keys()) names.add(skippedPiece(number, generation));
  }
  return names;
}

/** A piece; `undefined` if nothing is left of it. */
export function savePiece(contents: SecretTreeContents, name: string): Uint8Array | undefined {
  const { nodes, senders } = contents;
  const [kind, at, block] = placeOf(name);
  if (kind === RATCHETS) {
    const ratchets = senders.get(at);
    const saved = ({ generation, secret, forgotten }: Ratchet) => ({
      generation: BigInt(generation),
      secret,
      forgotten,
    });
    return (
      ratchets &&
      encode(SavedRatchets, {
        handshake: saved(ratchets.handshake),
        application: saved(ratchets.application),
      })
    );
  }
  if (kind === NODES) {
    const left = Array.from(nodesAt(at), (node) => ({ node, ...nodes.get(node) }));
    const own = left.filter((one): one is NodeSecret & { node: number } => one.home === at);
    return own.length === 0 ? undefined : encode(SavedNodes, own);
  }
  const skipped = ratchetAt(contents, at)?.skipped;
  const keys: MessageKey[] = [];
  for (let generation = block * BLOCK; generation < (block + 1) * BLOCK; generation++)
    keys.push(...[skipped?.get(generation)].flatMap((key) => key ?? []));
  return keys.length === 0 ? undefined : encode(SavedSkipped, keys);
}

/** The sizes of a suite's secrets: `KDF.Nh`, `AEAD.Nk` and `AEAD.Nn`, in bytes. */
interface SecretSizes {
  readonly Nh: number;
  readonly Nk: number;
  readonly Nn: number;
}

/**
 * The secret tree of all pieces, in any order. Its secrets are views of them.
 * @throws DecodeError, or MlsError `state` if they are no valid secret tree of this suite
 */
export function loadSecretTree(
  width: number,
  pieces: Iterable<SecretPiece>,
  sizes: SecretSizes,
): SecretTreeContents {
  const loaded: SecretTreeContents = { width, nodes: new Map(), senders: new Map() };
  // Keys come after their ratchets, the oldest first.
  const places = Array.from(pieces, ({ name, bytes }) => ({ place: placeOf(name), bytes }));
  places.sort(({ place: [a, , blockA] }, { place: [b, , blockB] }) =>
    a === b ? blockA - blockB : a < b ? -1 : 1,
  );
  for (const { place, bytes } of places) loadPiece(loaded, place, bytes, sizes);
  return loaded;
}

function loadPiece(
  loaded: SecretTreeContents,
  [kind, at, block]: ReturnType<typeof placeOf>,
  bytes: Uint8Array,
  sizes: SecretSizes,
): void {
  const { width, nodes, senders } = loaded;
  if (kind === NODES) {
    const places = new Set(nodesAt(at));
    for (const { node, secret } of decode(SavedNodes, bytes)) {
      check(node < 2 * width && places.has(node), `node ${node} isn't one of this tree, or of this piece`);
      check(!nodes.has(node), `node ${node} is listed twice`);
      checkLength("node secret", secret, sizes.Nh);
      nodes.set(node, { secret, home: at });
    }
    return;
  }
  if (kind === RATCHETS) {
    check(at < width, `leaf index ${at} out of range: the tree has ${width} leaves`);
    check(!senders.has(at), `leaf ${at} is listed twice`);
    const { handshake, application } = decode(SavedRatchets, bytes);
    const ratchet = (saved: TypeOf<typeof SavedRatchet>, kind: 0 | 1) =>
      loadRatchet(saved, 2 * at + kind, sizes);
    senders.set(at, { handshake: ratchet(handshake, 1), application: ratchet(application, 0) });
    return;
  }
  check(kind === SKIPPED, "an unknown piece");
  const ratchet = ratchetAt(loaded, at);
  check(ratchet !== undefined, "skipped keys of a leaf without ratchets");
  let before = -1;
  for (const { generation, key, nonce } of decode(SavedSkipped, bytes)) {
    check(
      generation > before &&
        generation < (ratchet as Ratchet).generation &&
        Math.floor(generation / BLOCK) === block,
      "the generations of skipped keys must increase, and be below the ratchet's",
    );
    checkLength("message key", key, sizes.Nk);
    checkLength("message nonce", nonce, sizes.Nn);
    (ratchet as Ratchet).skipped.set(generation, { generation, key, nonce });
    before = generation;
  }
}

function loadRatchet(
  { generation, secret, forgotten }: TypeOf<typeof SavedRatchet>,
  number: number,
  { Nh }: SecretSizes,
): Ratchet {
  check(generation <= BigInt(GENERATIONS), `generation must be at most 2^32, got ${generation}`);
  checkLength("ratchet secret", secret, Nh);
  return {
    number,
    generation: Number(generation),
    secret,
    skipped: new Map(),
    forgotten,
  };
}

/** Leaf indices are uint32. */
export const MAX_WIDTH = 2 ** 31;

/** Whether a tree can have this number of leaves: a power of two (§4.1). */
export function isTreeWidth(width: number): boolean {
  return Number.isInteger(width) && width >= 1 && width <= MAX_WIDTH && Number.isInteger(Math.log2(width));
}

function check(holds: boolean, message: string): void {
  if (!holds) throw new MlsError("state", `invalid secret tree in a saved state: ${message}`);
}

function checkLength(name: string, { length }: Uint8Array, expected: number): void {
  check(length === expected, `${name}: expected ${expected} bytes, got ${length}`);
}
