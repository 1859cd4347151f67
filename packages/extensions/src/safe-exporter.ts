// draft-ietf-mls-extensions, Exported Secrets: one secret for each component in each epoch, which is given out once.
import {
  type CipherSuiteProvider,
  decode,
  type EpochLedger,
  type EpochSecretDefinition,
  encode,
  expandWithLabel,
  type Group,
  MlsError,
  type MlsExtension,
  opaque,
  struct,
  uint32,
  utf8,
  vector,
  wipe,
} from "@copse/core/extension";

const LABEL = "application_export";
/** One for each component ID. */
const LEAVES = 2 ** 16;
const LEFT = /* @__PURE__ */ utf8("left");
const RIGHT = /* @__PURE__ */ utf8("right");

const SavedTree = vector(struct({ node: uint32, secret: opaque }));

/**
 * The Exporter Tree of an epoch. Nodes are numbered from the root, 1; the children of i are 2i and 2i + 1, and the
 * leaf of a component is 2^16 + its ID. Only those secrets are held from which others still come.
 */
class ExporterTree implements EpochLedger {
  private readonly provider: CipherSuiteProvider;
  private readonly nodes: Map<number, Uint8Array>;

  constructor(provider: CipherSuiteProvider, nodes: Map<number, Uint8Array>) {
    this.provider = provider;
    this.nodes = nodes;
  }

  /** The secret of a component, which is gone from here then. Nothing changes if it fails. */
  async take(componentId: number): Promise<Uint8Array> {
    const way: number[] = [];
    let node = LEAVES + componentId;
    while (node >= 1 && !this.nodes.has(node)) {
      way.push(node);
      node = Math.floor(node / 2);
    }
    const top = node;
    const known = this.nodes.get(top);
    if (known === undefined)
      throw new MlsError("consumed", "the component's secret of this epoch was exported before");
    let secret: Uint8Array = known.slice();
    const others = new Map<number, Uint8Array>();
    try {
      for (let next = way.pop(); next !== undefined; next = way.pop()) {
        const { Nh } = this.provider.suite.hash;
        const left = await expandWithLabel(this.provider, secret, "tree", LEFT, Nh);
        const right = await expandWithLabel(this.provider, secret, "tree", RIGHT, Nh);
        wipe(secret);
        const isLeft = next % 2 === 0;
        secret = isLeft ? left : right;
        others.set(isLeft ? next + 1 : next - 1, isLeft ? right : left);
      }
    } catch (error) {
      wipe(secret, ...others.values());
      throw error;
    }
    wipe(known);
    this.nodes.delete(top);
    for (const [other, its] of others) this.nodes.set(other, its);
    return secret;
  }

  save(): Uint8Array {
    const nodes = Array.from(this.nodes, ([node, secret]) => ({ node, secret }));
    return encode(
      SavedTree,
      nodes.sort((a, b) => a.node - b.node),
    );
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
      throw new MlsError("state", "these bytes are no saved exporter tree of this suite");
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

/** The safe exporter: in each epoch of each group, a secret for each component, with forward secrecy. */
export function safeExporter(): MlsExtension {
  return { name: "safe exporter", secrets: [definition] };
}

/**
 * SafeExportSecret: the secret of a component in this epoch, `Nh` bytes, the same for all members. It is given out
 * once; save the group afterwards, so that it is gone from what is saved too.
 * @throws MlsError `consumed` the second time; `missing` if the group is without {@link safeExporter}
 */
export function safeExportSecret(group: Group, componentId: number): Promise<Uint8Array> {
  if (!Number.isInteger(componentId) || componentId < 0 || componentId >= LEAVES) {
    throw new MlsError("usage", `${componentId} is no component ID`);
  }
  return group.withEpoch(({ ledger }) => {
    const tree = ledger(LABEL);
    if (!(tree instanceof ExporterTree))
      throw new MlsError("missing", "this epoch began without the safe exporter");
    return tree.take(componentId);
  });
}
