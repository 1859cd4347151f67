// RFC 9420 §8.4: identifiers of pre-shared keys.
import { copied, type Owned } from "../bytes.js";
import { type Codec, struct, type TypeOf, uint8, uint16, uint64, variant } from "../codec/index.js";
import { MlsError } from "../errors.js";
import { identifier, MAX_ID_SIZE } from "./limits.js";

/** RFC 9420 §8.4 */
export const PSKType = { external: 1, resumption: 2 } as const;

/** RFC 9420 §8.4 */
export const ResumptionPSKUsage = { application: 1, reinit: 2, branch: 3 } as const;

/** The fields of a resumption PSK after its usage. */
const resumption = { pskGroupId: identifier, pskEpoch: uint64, pskNonce: identifier };

const standard = variant("pskType", uint8, {
  [PSKType.external]: struct({ pskId: identifier, pskNonce: identifier }),
  [PSKType.resumption]: variant("usage", uint8, {
    [ResumptionPSKUsage.application]: struct(resumption),
    [ResumptionPSKUsage.reinit]: struct(resumption),
    [ResumptionPSKUsage.branch]: struct(resumption),
  }),
});

const STANDARD: ReadonlySet<number> = /* @__PURE__ */ new Set(Object.values(PSKType));

/** The identifier of a pre-shared key of a type that an extension registered. */
export interface CustomPskId {
  /** A type that RFC 9420 §8.4 does not define. */
  readonly pskType: number;
  /** The encoded fields between the type and the nonce: at most 1,024 bytes */
  readonly data: Uint8Array;
  readonly pskNonce: Uint8Array;
}

/** The identifier without its nonce. */
export type CustomPsk = Omit<CustomPskId, "pskNonce">;

/** The identifier of a pre-shared key of a type that RFC 9420 defines. */
export type StandardPskId = TypeOf<typeof standard>;

export type PreSharedKeyID = StandardPskId | CustomPskId;

/** The identifier of a key of a type that RFC 9420 does not define. @throws MlsError `usage` for a type of RFC 9420 */
export function customPsk(pskType: number, data: Uint8Array): Owned<CustomPsk> {
  if (STANDARD.has(pskType)) {
    throw new MlsError("usage", `expected the PSK type of an extension, got type ${pskType} of RFC 9420`);
  }
  return { pskType, data: copied(data) };
}

/** Whether a key is of a type that RFC 9420 does not define. */
export function isCustomPsk(id: PreSharedKeyID): id is CustomPskId {
  return !STANDARD.has(id.pskType) && "data" in id;
}

/** The registered types and the codecs of their {@link CustomPskId.data}, for the context of a reader. */
export class PskTypes {
  private readonly psks: ReadonlyMap<number, { readonly codec: Codec<unknown> }>;

  constructor(psks: ReadonlyMap<number, { readonly codec: Codec<unknown> }>) {
    this.psks = psks;
  }

  pskCodec(pskType: number): Codec<unknown> | undefined {
    return this.psks.get(pskType)?.codec;
  }
}

const tooLong = (length: number) => `expected a PSK ID of at most ${MAX_ID_SIZE} bytes, got ${length}`;

/** PreSharedKeyID, RFC 9420 §8.4. It decodes types of extensions if the reader's context is a {@link PskTypes}. */
export const PreSharedKeyID: Codec<PreSharedKeyID> = {
  write(writer, id) {
    if (isCustomPsk(id)) {
      uint8.write(writer, id.pskType);
      if (id.data.length > MAX_ID_SIZE) throw new MlsError("encode", tooLong(id.data.length));
      writer.raw(id.data);
      identifier.write(writer, id.pskNonce);
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
        const length = reader.offset - start;
        if (length > MAX_ID_SIZE) throw reader.fail(tooLong(length), start);
        const id = customPsk(pskType, reader.bytes.subarray(start, reader.offset));
        return { ...id, pskNonce: identifier.read(reader) };
      }
    }
    return standard.read(reader);
  },
};

/** PSKLabel, RFC 9420 §8.4 */
export const PSKLabel = struct({ id: PreSharedKeyID, index: uint16, count: uint16 });
export type PSKLabel = TypeOf<typeof PSKLabel>;
