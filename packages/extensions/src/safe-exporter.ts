// draft-ietf-mls-extensions, Exported Secrets: in each epoch one secret for each component, which can be exported once.
import {
  type Bytes,
  type CipherSuiteProvider,
  copySecret,
  decode,
  type EpochLedger,
  type EpochSecretDefinition,
  encode,
  expandWithLabel,
  type Group,
  MlsError,
  type MlsExtension,
  type OperationOptions,
  opaque,
  struct,
  uint32,
  utf8,
  vector,
  wipe,
} from "@copse/core/extension";

const LABEL = "application_export";
/** The leaves of the Exporter Tree: one for each component ID. */
const LEAVES = 2 ** 16;
const LEFT = /* @__PURE__ */ utf8("left");
const RIGHT = /* @__PURE__ */ utf8("right");

const SavedTree = vector(struct({ node: uint32, secret: opaque }));

/**
 * The Exporter Tree of an epoch. The root is node 1, the children of node i are 2i and 2i + 1, and the leaf of a
 * component is node 2^16 + its ID. The tree holds only the secrets from which secrets that weren't exported derive.
 */
class ExporterTree implements EpochLedger {
  private readonly provider: CipherSuiteProvider;
  private readonly nodes: Map<number, Uint8Array>;

  constructor(provider: CipherSuiteProvider, nodes: Map<number, Uint8Array>) {
    this.provider = provider;
    this.nodes = nodes;
  }

  /** The secret of a component. It stays in the tree until `remove` is called. */
  async find(componentId: number): Promise<{ secret: Uint8Array; remove: () => void }> {
    // Up from the leaf to the closest node whose secret is held, then down from there.
    const path: number[] = [];
    let top = LEAVES + componentId;
    while (top >= 1 && !this.nodes.has(top)) {
      path.push(top);
      top = Math.floor(top / 2);
    }
    const held = this.nodes.get(top);
    if (held === undefined)
      throw new MlsError(
        "forgotten",
        `the secret of component ${componentId} was already exported in this epoch`,
      );
    let secret: Uint8Array = held.slice();
    const siblings = new Map<number, Uint8Array>();
    try {
      for (let node = path.pop(); node !== undefined; node = path.pop()) {
        const { Nh } = this.provider.suite.hash;
        const left = await expandWithLabel(this.provider, secret, "tree", LEFT, Nh);
        const right = await expandWithLabel(this.provider, secret, "tree", RIGHT, Nh);
        wipe(secret);
        const isLeft = node % 2 === 0;
        secret = isLeft ? left : right;
        siblings.set(isLeft ? node + 1 : node - 1, isLeft ? right : left);
      }
    } catch (error) {
      wipe(secret, ...siblings.values());
      throw error;
    }
    const remove = () => {
      wipe(held);
      this.nodes.delete(top);
      for (const [sibling, its] of siblings) this.nodes.set(sibling, its);
    };
    return { secret, remove };
  }

  save(): Uint8Array {
    const nodes = Array.from(this.nodes, ([node, secret]) => ({ node, secret }));
    nodes.sort((a, b) => a.node - b.node);
    return encode(SavedTree, nodes);
  }

  wipe(): void {
    wipe(...this.nodes.values());
    this.nodes.clear();
  }
}

function load(provider: CipherSuiteProvider, saved: Uint8Array): ExporterTree {
  const nodes = new Map<number, Uint8Array>();
  for (const { node, secret } of decode(SavedTree, saved)) {
    if (node < 1 || node >= 2 * LEAVES || nodes.has(node) || secret.length !== provider.suite.hash.Nh) {
      throw new MlsError("state", "invalid saved exporter tree of this cipher suite");
    }
    nodes.set(node, secret.slice());
  }
  return new ExporterTree(provider, nodes);
}

const definition: EpochSecretDefinition<ExporterTree> = {
  label: LABEL,
  open: (provider, secret) => new ExporterTree(provider, new Map([[1, secret]])),
  load,
};

/**
 * The safe exporter: in each epoch of each group, one secret for each component, with forward secrecy. Export it by
 * {@link safeExportSecret}.
 * @example
 * ```ts
 * const client = await Client.create({
 *   crypto: nodeProvider(),
 *   suite: 1,
 *   credential: "alice",
 *   authentication,
 *   extensions: [safeExporter()],
 * });
 * ```
 */
export function safeExporter(): MlsExtension {
  return { name: "safe exporter", secrets: [definition] };
}

/**
 * SafeExportSecret: the secret of a component in this epoch, `KDF.Nh` bytes, the same for all members. It can be
 * exported once in an epoch. Save the group afterwards: this removes the secret from the saved state.
 * @throws MlsError `forgotten` if it was exported before; `missing` if the epoch began without {@link safeExporter};
 *   `usage` if `componentId` isn't a uint16
 * @example
 * ```ts
 * const secret = await safeExportSecret(group, 0x8001);
 * const saved = await group.save();
 * ```
 */
export function safeExportSecret(
  group: Group,
  componentId: number,
  options: OperationOptions = {},
): Promise<Bytes> {
  if (!Number.isInteger(componentId) || componentId < 0 || componentId >= LEAVES) {
    throw new MlsError("usage", `expected a component ID from 0 to 65535, got ${componentId}`);
  }
  return group.withEpoch(async ({ ledger, atEnd }) => {
    const tree = ledger(LABEL);
    if (!(tree instanceof ExporterTree))
      throw new MlsError("missing", "expected an epoch with the safe exporter: this epoch began without it");
    const { secret, remove } = await tree.find(componentId);
    atEnd(remove);
    const own = copySecret(secret);
    wipe(secret);
    return own;
  }, options);
}
