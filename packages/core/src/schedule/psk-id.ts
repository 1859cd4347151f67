// RFC 9420 §8.4: the names of pre-shared keys.
import { opaque, struct, type TypeOf, uint8, uint16, uint64, variant } from "../codec/index.js";

/** RFC 9420 §8.4 */
export const PSKType = { external: 1, resumption: 2 } as const;

/** RFC 9420 §8.4 */
export const ResumptionPSKUsage = { application: 1, reinit: 2, branch: 3 } as const;

/** The usage, with the fields that every resumption PSK has */
const resumption = { pskGroupId: opaque, pskEpoch: uint64, pskNonce: opaque };

/** PreSharedKeyID, RFC 9420 §8.4 */
export const PreSharedKeyID = variant("pskType", uint8, {
  [PSKType.external]: struct({ pskId: opaque, pskNonce: opaque }),
  [PSKType.resumption]: variant("usage", uint8, {
    [ResumptionPSKUsage.application]: struct(resumption),
    [ResumptionPSKUsage.reinit]: struct(resumption),
    [ResumptionPSKUsage.branch]: struct(resumption),
  }),
});
export type PreSharedKeyID = TypeOf<typeof PreSharedKeyID>;

/** PSKLabel, RFC 9420 §8.4 */
export const PSKLabel = struct({ id: PreSharedKeyID, index: uint16, count: uint16 });
export type PSKLabel = TypeOf<typeof PSKLabel>;
