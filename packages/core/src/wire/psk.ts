// RFC 9420 §8.4: the names of pre-shared keys.
import { type Codec, opaque, struct, type TypeOf, uint16, uint64, uint8, variant } from "../codec/index.js";
import { MlsError } from "../errors.js";

/** RFC 9420 §8.4 */
export const PSKType = { external: 1, resumption: 2 } as const;

/** RFC 9420 §8.4 */
export const ResumptionPSKUsage = { application: 1, reinit: 2, branch: 3 } as const;

/** The usage, with the fields that every resumption PSK has */
const resumption = { pskGroupId: opaque, pskEpoch: uint64, pskNonce: opaque };

const standard = variant("pskType", uint8, {
  [PSKType.external]: struct({ pskId: opaque, pskNonce: opaque }),
  [PSKType.resumption]: variant("usage", uint8, {
    [ResumptionPSKUsage.application]: struct(resumption),
    [ResumptionPSKUsage.reinit]: struct(resumption),
    [ResumptionPSKUsage.branch]: struct(resumption),
  }),
});

const STANDARD: ReadonlySet<number> = /* @__PURE__ */ new Set(Object.values(PSKType));

/** The name of a pre-shared key of a type that an extension registered. */
export interface CustomPskId {
  /** Any type but those of RFC 9420 §8.4. */
  readonly pskType: number;
  /** What stands between the type and the nonce, as encoded. */
  readonly data: Uint8Array;
  readonly pskNonce: Uint8Array;
}

/** A pre-shared key's name without its nonce. */
export type CustomPsk = Omit<CustomPskId, "pskNonce">;

/** The name of a pre-shared key of a type that RFC 9420 defines. */
export type StandardPskId = TypeOf<typeof standard>;

export type PreSharedKeyID = StandardPskId | CustomPskId;

/** The name of a key of another type than those of RFC 9420. @throws MlsError `usage` for one of those */
export function customPsk(pskType: number, data: Uint8Array): CustomPsk {
  if (STANDARD.has(pskType)) throw new MlsError("usage", `PSK type ${pskType} is one of RFC 9420's own`);
  return { pskType, data };
}

/** Whether a key is of another type than those of RFC 9420. */
export function isCustomPsk(id: PreSharedKeyID): id is CustomPskId {
  return !STANDARD.has(id.pskType) && "data" in id;
}

/** Registered types, and how what names their keys is read: the context of a reader. */
export class PskTypes {
  private readonly psks: ReadonlyMap<number, { readonly codec: Codec<unknown> }>;

  constructor(psks: ReadonlyMap<number, { readonly codec: Codec<unknown> }>) {
    this.psks = psks;
  }

  pskCodec(pskType: number): Codec<unknown> | undefined {
    return this.psks.get(pskType)?.codec;
  }
}

/** PreSharedKeyID, RFC 9420 §8.4. Types of extensions are read where the reader's context is {@link PskTypes}. */
export const PreSharedKeyID: Codec<PreSharedKeyID> = {
  write(writer, id) {
    if (isCustomPsk(id)) {
      uint8.write(writer, id.pskType);
      writer.raw(id.data);
      opaque.write(writer, id.pskNonce);
    } else standard.write(writer, id);
  },
  read(reader) {
    const { context } = reader;
    if (context instanceof PskTypes) {
      const pskType = reader.peekUint8();
      const codec = context.pskCodec(pskType);
      if (codec !== undefined) {
        reader.uint8();
        const start = reader.offset;
        codec.read(reader);
        const id = customPsk(pskType, reader.bytes.subarray(start, reader.offset));
        return { ...id, pskNonce: opaque.read(reader) };
      }
    }
    return standard.read(reader);
  },
};

/** PSKLabel, RFC 9420 §8.4 */
export const PSKLabel = struct({ id: PreSharedKeyID, index: uint16, count: uint16 });
export type PSKLabel = TypeOf<typeof PSKLabel>;
