// The corpus: messages and structures of the project's own test vectors and, where they are, the working group's.
import { existsSync, readFileSync } from "node:fs";
import { type Codec, decode } from "../../packages/core/src/codec/codec.js";
import { AuthenticatedContent } from "../../packages/core/src/wire/framed-content.js";
import { MlsMessage } from "../../packages/core/src/wire/mls-message.js";
import { RatchetTreeNodes } from "../../packages/core/src/wire/ratchet-tree.js";
import { UpdatePath } from "../../packages/core/src/wire/update-path.js";
import { MESSAGE_STRUCTURES } from "../../tests/support/message-structures.js";
import { ownFolder, vectorFolder } from "../../tests/support/vector-folders.js";

/** An encoding of a structure, and the codec that reads it. */
export interface Sample {
  readonly name: string;
  readonly codec: Codec<unknown>;
  readonly bytes: Uint8Array;
}

/** The codecs of the fields of messages.json, and of others. */
const CODECS: Readonly<Record<string, Codec<unknown>>> = {
  ...MESSAGE_STRUCTURES,
  authenticated_content: AuthenticatedContent,
  tree: RatchetTreeNodes,
  tree_before: RatchetTreeNodes,
  update_path: UpdatePath,
  key_package: MlsMessage,
  welcome: MlsMessage,
};
const FILES = [
  "messages",
  "transcript-hashes",
  "tree-validation",
  "tree-operations",
  "passive-client-welcome",
];
/** So many vectors of each file, spread over it. */
const MOST = 8;
const MAX_SIZE = 6_000;

function samplesIn(folder: string, label: string): Sample[] {
  const samples: Sample[] = [];
  for (const file of FILES) {
    const path = `${folder}/${file}.json`;
    if (!existsSync(path)) continue;
    const vectors = JSON.parse(readFileSync(path, "utf8")) as Readonly<Record<string, unknown>>[];
    const step = Math.max(1, Math.floor(vectors.length / MOST));
    for (let i = 0; i < vectors.length; i += step) {
      for (const [field, hex] of Object.entries(vectors[i] as object)) {
        const codec = CODECS[field];
        if (codec === undefined || typeof hex !== "string") continue;
        const bytes = new Uint8Array(Buffer.from(hex, "hex"));
        if (bytes.length <= MAX_SIZE) samples.push({ name: `${label}/${file}/${i}/${field}`, codec, bytes });
      }
    }
  }
  return samples;
}

/** All samples: the project's first. */
export function samples(): Sample[] {
  const theirs = vectorFolder === undefined ? [] : samplesIn(vectorFolder, "working-group");
  return [...samplesIn(ownFolder, "own"), ...theirs];
}

/** Their values, as far as they can be decoded. */
export function valuesOf(all: readonly Sample[]): unknown[] {
  return all.flatMap(({ codec, bytes }) => {
    try {
      return [decode(codec, bytes)];
    } catch {
      return [];
    }
  });
}
