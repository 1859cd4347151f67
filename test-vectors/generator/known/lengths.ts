// FIPS 180-4, RFC 5116: checksums of digests and ciphertexts at every length, for the conformance kit.
import { type AeadPart, CIPHER_SUITES, type HashPart } from "@copse/core/provider";
import { nobleProvider } from "@copse/provider-noble";
import { checksum } from "../../../packages/provider-conformance/src/tools/assert.js";
import {
  digestsAt,
  LENGTH_GROUPS,
  sealedAt,
} from "../../../packages/provider-conformance/src/tools/lengths.js";

const noble = nobleProvider();

async function sums(answers: (length: number) => Promise<Uint8Array[]>): Promise<string[]> {
  const lines: string[] = [];
  for (const group of LENGTH_GROUPS) {
    const parts: Uint8Array[] = [];
    for (const length of group) parts.push(...(await answers(length)));
    lines.push(checksum(parts));
  }
  return lines;
}

const key = (name: string): string => (/^\w+$/.test(name) ? name : `"${name}"`);

const list = (name: string, lines: readonly string[]): string =>
  `  ${key(name)}: [\n${lines.map((line) => `    "${line}",\n`).join("")}  ],\n`;

/** The module `known/lengths.ts` of the kit. */
export async function lengthsModule(): Promise<string> {
  const hashes = new Map<string, HashPart>();
  const aeads = new Map<string, AeadPart>();
  for (const { id } of CIPHER_SUITES) {
    const { hash, aead } = noble.suite(id);
    hashes.set(hash.algorithm.name, hash);
    aeads.set(aead.algorithm.name, aead);
  }
  let text = `// FIPS 180-4, RFC 5116: checksums of digests and ciphertexts at every length. Made by \`npm run vectors:verdicts\`.

/** By the hash's name: of each group of lengths. */
export const DIGEST_SUMS: Readonly<Record<string, readonly string[]>> = {
`;
  for (const [name, hash] of hashes) text += list(name, await sums((length) => digestsAt(hash, length)));
  text += `};

/** By the AEAD's name: of each group of lengths. */
export const AEAD_SUMS: Readonly<Record<string, readonly string[]>> = {
`;
  for (const [name, aead] of aeads) {
    text += list(name, await sums((length) => sealedAt(aead, length)));
  }
  return `${text}};
`;
}
