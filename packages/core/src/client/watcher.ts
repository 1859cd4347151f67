// Who is told what becomes of a membership.
import type { HpkePrivateKey } from "../provider/index.js";
import type { GroupSafety, Sight } from "./group-safety.js";

/** Who is told about the membership. */
export interface Watcher {
  /** The external commit by which this client joins is merged. What it throws refuses that. */
  readonly onJoin: () => void;
  /** This client was removed, or closed the group. */
  readonly onLeave: () => void;
  /** Whether another group or a key package of this client has a private key too. */
  readonly needsKey: (key: HpkePrivateKey) => boolean;
  /** How operations make safe what they changed, where the client has a storage. Is asked for each call, when it comes. */
  readonly safety?: ((sight: Sight) => GroupSafety) | undefined;
}
