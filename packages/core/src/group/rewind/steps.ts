// RFC 9420 §9.2, §12.4: how epochs are kept for second thoughts, as the rest of the group sees it.
import { MlsError } from "../../errors.js";
import { checkOptions, needed } from "../../option-shapes.js";
import { SecretTree } from "../../schedule/index.js";
import type { Candidate } from "../candidate.js";
import type { GroupConfig } from "../config.js";
import type { Epoch } from "../epoch.js";
import { type Rewind, secondsNow, uint64Of } from "../policy.js";
import type { GroupState, RewindSteps } from "../state.js";
import { isOf, MAX_KEPT, pruned, stagedOn, treeOf, withoutTwins } from "./kept.js";
import { loadKept, saveKept } from "./saved-rewind.js";

/** The epoch that a client was removed from, as it stays visible: its secrets are those of the kept epoch alone. */
export function withoutSecrets({ provider }: GroupConfig, epoch: Epoch): Epoch {
  const none = () => new Uint8Array(provider.suite.hash.Nh);
  const secrets = Object.fromEntries(Object.keys(epoch.secrets).map((name) => [name, none()]));
  const secretTree = new SecretTree(provider, epoch.tree.width, none());
  secretTree.wipe();
  return { ...epoch, secrets: secrets as unknown as Epoch["secrets"], secretTree, ledgers: new Map() };
}

function entered(config: GroupConfig, before: GroupState, after: GroupState, commit: Candidate): GroupState {
  const { policy } = config;
  const { present, all } = treeOf(before);
  const { epoch } = commit;
  const one = all.find((other) => isOf(other, commit)) ?? stagedOn(before.current, commit);
  const now = uint64Of(secondsNow(policy));
  const others = withoutTwins(all, [{ ...one, epoch }])
    .filter((other) => other !== one)
    .map((other) => (other === present ? { ...other, endedAt: other.endedAt ?? now } : other));
  const state: GroupState = {
    ...after,
    current: epoch ?? withoutSecrets(config, after.current),
    proposals: one.proposals,
    candidates: others.flatMap(({ on, commit }) => (epoch && on === epoch && commit ? commit : [])),
    kept: { by: STEPS, present: { ...one, commit, epoch, entered: true }, others },
  };
  return pruned(state, policy);
}

const STEPS: RewindSteps = { entered, forget: pruned, save: saveKept, load: loadKept };

/** The options of {@link keepEpochs}. */
export interface KeepOptions {
  /** How many epochs before the present one: 1 to 32. */
  readonly epochs: number;
  /** For how long after each ended, in seconds: more than 0. */
  readonly age: number;
}

/** Half of the room is for branches. */
const MAX_EPOCHS = MAX_KEPT / 2;

/**
 * For `policy.rewind`: keeps what an epoch needs so that another commit can be taken than the one that ended it here, by
 * {@link stageOn} and {@link adopt}. RFC 9420 (§9.2) wants these secrets deleted at once: whoever takes the device while they
 * are there can read all messages since the oldest kept epoch, those that were read and deleted too. So keep few, for a
 * short time, and call {@link settle} as soon as it is clear which commit counts.
 * @throws MlsError `usage`
 * @example
 * const policy = { rewind: keepEpochs({ epochs: 3, age: 10 * 60 }) };
 */
export function keepEpochs(options: KeepOptions): Rewind {
  const { epochs, age } = checkOptions(options, { epochs: needed("number"), age: needed("number") });
  if (!(Number.isInteger(epochs) && epochs >= 1 && epochs <= MAX_EPOCHS))
    throw new MlsError("usage", `expected options.epochs of 1 to ${MAX_EPOCHS}, got ${epochs}`);
  if (!(age > 0 && age < Number.POSITIVE_INFINITY))
    throw new MlsError("usage", `expected options.age of more than 0 seconds, got ${age}`);
  return { epochs, age, steps: STEPS };
}
