// FIPS 180-4, RFC 5116: the lengths at which implementations change what they do, and answers at each of them.
import type { AeadPart, HashPart } from "@copse/core/provider";
import { pattern, range } from "./assert.js";

/** Around the sizes of internal blocks, buffers, pools and pages. */
export const LARGE = [
  511, 512, 513, 1000, 1023, 1024, 1025, 2047, 2048, 2049, 4095, 4096, 4097, 8191, 8192, 8193, 16_383, 16_384,
  16_385, 32_768, 65_535, 65_536, 65_537, 131_073, 1_048_577,
] as const;

/** Every length to 303, in sixteens, and then the large ones, in groups of few. */
export const LENGTH_GROUPS: readonly (readonly number[])[] = [
  ...range(0, 18).map((n) => range(16 * n, 16 * n + 15)),
  ...range(0, 8).map((n) => LARGE.slice(3 * n, 3 * n + 3)),
];

/** The digest of that many bytes. */
export async function digestsAt(hash: HashPart, length: number): Promise<Uint8Array[]> {
  return [await hash.hash(pattern(length, length + 1))];
}

/** What is sealed with so many bytes of additional data, of plaintext, and of both. */
export async function sealedAt(aead: AeadPart, length: number): Promise<Uint8Array[]> {
  const sealed: Uint8Array[] = [];
  for (const inputs of aeadInputs(aead, length)) sealed.push(await aead.seal(...inputs));
  return sealed;
}

/** Key, nonce, additional data and plaintext, for {@link sealedAt}. */
export function aeadInputs(
  { algorithm }: AeadPart,
  length: number,
): [Uint8Array, Uint8Array, Uint8Array, Uint8Array][] {
  const [key, nonce] = [pattern(algorithm.Nk, length + 1), pattern(algorithm.Nn, length + 2)];
  return [
    [length, 7],
    [7, length],
    [length, length],
  ].map(([aad, plaintext]) => [key, nonce, pattern(aad as number, 3), pattern(plaintext as number, 4)]);
}
