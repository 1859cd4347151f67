// RFC 9420 §7.2, §7.8: the two structures of ts-mls that a client needs and that its entry point doesn't export.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import type {
  CiphersuiteImpl,
  Decoder,
  Encoder,
  LeafNodeData,
  LeafNodeUpdate,
  leafNodeSources,
  RatchetTree,
} from "ts-mls";

/** What is signed in a leaf node that comes in an Update proposal (§7.2, LeafNodeTBS). */
export interface LeafNodeUpdateTBS extends LeafNodeData {
  leafNodeSource: typeof leafNodeSources.update;
  extensions: LeafNodeUpdate["extensions"];
  groupId: Uint8Array;
  leafIndex: number;
}

const entry = pathToFileURL(createRequire(import.meta.url).resolve("ts-mls"));
// The package's exports map names only its entry, so the files beside it are imported by address.
const beside = (file: string) => import(/* @vite-ignore */ new URL(file, entry).href);

const ratchetTree: { ratchetTreeEncoder: Encoder<RatchetTree>; ratchetTreeDecoder: Decoder<RatchetTree> } =
  await beside("ratchetTree.js");
// It is named for commits, but encodes the leaf by its source.
const leafNode: {
  signLeafNodeCommit(
    tbs: LeafNodeUpdateTBS,
    privateKey: Uint8Array,
    signature: CiphersuiteImpl["signature"],
  ): Promise<LeafNodeUpdateTBS & { signature: Uint8Array }>;
} = await beside("leafNode.js");

export const { ratchetTreeEncoder, ratchetTreeDecoder } = ratchetTree;
export const signLeafNodeUpdate = leafNode.signLeafNodeCommit;
