// The faults of `npm run simulate -- --planted`. With each of them an invariant breaks.

/**
 * Those of the core are a text of a source, and what replaces it in a copy. The others stand before the storage, the key
 * store or the random source: `src/faults.ts`.
 * @type {Readonly<Record<string, { file: string, from: string, to: string } | undefined>>}
 */
export const PLANTED = {
  "writes after its answer": undefined,
  "compares no versions": undefined,
  "writes half": undefined,
  "keeps key packages": undefined,
  "keeps groups": undefined,
  "guards no key that is used again": undefined,
  "keeps private keys": undefined,
  "doesn't move a counter on": {
    file: "core/src/schedule/secret-tree.ts",
    from: "    const skipped = keepSkipped(ratchet, step.skipped);\n",
    to: "    if (kind === 'application' && generation === 5) return;\n    const skipped = keepSkipped(ratchet, step.skipped);\n",
  },
  "doesn't write a counter": {
    file: "core/src/schedule/secret-tree.ts",
    from: "    this.pieces.moved(ratchet);\n    const skipped",
    to: "    const skipped",
  },
  "keeps a removed member's leaf": {
    file: "core/src/group/proposals/apply.ts",
    from: "  for (const { leafIndex } of removed) tree = tree.remove(leafIndex);\n",
    to: "  if (adds.length === 0) for (const { leafIndex } of removed) tree = tree.remove(leafIndex);\n",
  },
  "skips a check of the epoch": {
    file: "core/src/group/past-epoch.ts",
    from: "  if (epoch > current.epoch) {\n",
    to: "  if (epoch > current.epoch + 1n) {\n",
  },
  "loses a proposal": {
    file: "core/src/group/messages/receive.ts",
    from: "noStep(withProposal(state, cached), received, key)",
    to: "noStep((cached.reference[0] ?? 0) < 8 ? state : withProposal(state, cached), received, key)",
  },
  "merges a commit twice": {
    file: "core/src/group/state.ts",
    from: "    candidates: [],\n    reinit: changes.reinit",
    to: "    candidates: state.candidates.filter(({ own }) => own),\n    reinit: changes.reinit",
  },
  "forgets a past epoch too early": {
    file: "core/src/group/past-epoch.ts",
    from: "i >= policy.maxPastEpochs ||",
    to: "i + 1 >= policy.maxPastEpochs ||",
  },
  "consumes what it peeks at": {
    file: "core/src/group/rewind/branch.ts",
    from: "{ received, drop } = await receiveMessage(configIn(config, at), at, bytes);\n  drop?.();\n  return received as PeekedMessage",
    to: "{ received, consume } = await receiveMessage(configIn(config, at), at, bytes);\n  consume?.();\n  return received as PeekedMessage",
  },
  "keeps what is settled": {
    file: "core/src/group/rewind/kept.ts",
    from: "Number(endedAt) < oldest || (epoch as Epoch).groupContext.epoch < settled",
    to: "Number(endedAt) < oldest || (epoch as Epoch).groupContext.epoch < settled - 1n",
  },
  "undoes removals unasked": {
    file: "core/src/group/rewind/adopt.ts",
    from: "if (undone.length > 0 && !undoRemovals)",
    to: "if (undone.length > 1 && !undoRemovals)",
  },
};
