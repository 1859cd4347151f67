// RFC 9420 §7: records of a tree alone. They hold no secrets, and so may outlast the keys of their epoch.
import { decode, encode, opaque, optional, struct, uint8, uint16 } from "../../codec/index.js";
import type { CipherSuiteProvider } from "../../provider/index.js";
import type { RatchetTree } from "../../tree/index.js";
import { publicBytes } from "./fields.js";
import { loading, openRecord, sealRecord } from "./record.js";
import { loadTree, type SavePoint, saveTree } from "./saved-group.js";

/** Far from the numbers of the other formats. */
const FORMAT = 0x41;

const SavedTree = struct({
  format: uint8,
  cipherSuite: uint16,
  /** As in a saved group. */
  previous: optional(opaque),
  tree: publicBytes,
});

/** @param since the record before: only what changed since is saved */
export async function saveTreeRecord(
  provider: CipherSuiteProvider,
  tree: RatchetTree,
  since?: SavePoint,
): Promise<{ bytes: Uint8Array; saved: SavePoint }> {
  const body = encode(SavedTree, {
    format: FORMAT,
    cipherSuite: provider.suite.id,
    previous: since?.digest,
    tree: saveTree(tree, since),
  });
  const { bytes, digest } = await sealRecord(provider, body);
  return { bytes, saved: { tree, digest } };
}

/** The save points of records of trees, in their order. @throws MlsError `state` */
export function loadTreeRecords(
  provider: CipherSuiteProvider,
  records: readonly Uint8Array[],
): Promise<SavePoint[]> {
  return loading("saved tree", async () => {
    const points: SavePoint[] = [];
    for (const record of records) {
      const { body, digest } = await openRecord(provider, FORMAT, record);
      const { previous, tree } = decode(SavedTree, body);
      points.push({ tree: loadTree(tree, previous, points.at(-1)), digest });
    }
    return points;
  });
}
