// RFC 9420 §12.4.3: GroupInfo and Welcome.
import type { Bytes } from "../bytes.js";
import {
  type Codec,
  encode,
  onDemand,
  opaque,
  optional,
  Reader,
  skip,
  struct,
  type TypeOf,
  uint16,
  uint32,
  vector,
} from "../codec/index.js";
import { Extensions } from "./extension.js";
import { GroupContext } from "./group-context.js";
import { MAX_PSKS, MIN_REFERENCE_SIZE } from "./limits.js";
import { PreSharedKeyID } from "./psk.js";
import { HPKECiphertext } from "./update-path.js";

/** GroupInfoTBS, RFC 9420 §12.4.3 */
export const GroupInfoTBS = struct({
  groupContext: GroupContext,
  extensions: Extensions,
  confirmationTag: opaque,
  signer: uint32,
});
export type GroupInfoTBS = TypeOf<typeof GroupInfoTBS>;

/** GroupInfo, RFC 9420 §12.4.3 */
export const GroupInfo = struct({ ...GroupInfoTBS.fields, signature: opaque });
export type GroupInfo = TypeOf<typeof GroupInfo>;

/** PathSecret, RFC 9420 §12.4.3.1 */
export const PathSecret = struct({ pathSecret: opaque });

/** GroupSecrets, RFC 9420 §12.4.3.1 */
export const GroupSecrets = struct({
  joinerSecret: opaque,
  pathSecret: optional(PathSecret),
  psks: vector(PreSharedKeyID, MAX_PSKS),
});
export type GroupSecrets = TypeOf<typeof GroupSecrets>;

/** EncryptedGroupSecrets, RFC 9420 §12.4.3.1 */
export const EncryptedGroupSecrets = struct({ newMember: opaque, encryptedGroupSecrets: HPKECiphertext });

const groupSecretsList = vector(EncryptedGroupSecrets);
const welcome = struct({ cipherSuite: uint16, secrets: groupSecretsList, encryptedGroupInfo: opaque });
export type Welcome = TypeOf<typeof welcome>;

/** The encoded lists of received Welcomes. */
const encodedSecrets = new WeakMap<Welcome, Uint8Array>();

/**
 * Welcome, RFC 9420 §12.4.3.1. The list of a received one is decoded when it is first read: a client needs one entry
 * of it ({@link findGroupSecrets}).
 */
export const Welcome: Codec<Welcome> = {
  write: welcome.write,
  read(reader) {
    const cipherSuite = uint16.read(reader);
    const start = reader.offset;
    const secrets = onDemand(groupSecretsList, reader);
    const encoded = reader.bytes.subarray(start, reader.offset);
    const encryptedGroupInfo = opaque.read(reader);
    const read: Welcome = {
      cipherSuite,
      get secrets() {
        return secrets();
      },
      encryptedGroupInfo,
    };
    encodedSecrets.set(read, encoded);
    return read;
  },
};

function entriesOf(welcome: Welcome): Reader {
  return new Reader(encodedSecrets.get(welcome) ?? encode(groupSecretsList, welcome.secrets)).vector();
}

/**
 * The KeyPackageRefs (§5.2) that a Welcome has entries for, without decoding the rest of it: the first ones, `most` at most.
 * @throws DecodeError, also for a reference that is shorter than any hash: there could be many
 */
export function newMembersOf(welcome: Welcome, most = Number.POSITIVE_INFINITY): Bytes[] {
  const found: Bytes[] = [];
  const reader = entriesOf(welcome);
  while (reader.remaining > 0 && found.length < most) {
    const reference = opaque.read(reader);
    if (reference.length < MIN_REFERENCE_SIZE) {
      throw reader.fail(
        `expected a KeyPackageRef of ${MIN_REFERENCE_SIZE} or more bytes, got ${reference.length}`,
      );
    }
    found.push(new Uint8Array(reference));
    skip(HPKECiphertext, reader);
  }
  return found;
}

/**
 * The first entry of a Welcome for a known key package.
 * @param Nh the size of a KeyPackageRef, in bytes: no other is passed to `find`
 * @param find returns what is known by a KeyPackageRef
 * @throws DecodeError
 */
export function findGroupSecrets<T>(
  welcome: Welcome,
  Nh: number,
  find: (newMember: Uint8Array) => T | undefined,
): { readonly found: T; readonly encrypted: HPKECiphertext } | undefined {
  const reader = entriesOf(welcome);
  while (reader.remaining > 0) {
    const length = reader.varint();
    let found: T | undefined;
    if (length === Nh) found = find(reader.take(length));
    else reader.jump(length);
    if (found !== undefined) return { found, encrypted: HPKECiphertext.read(reader) };
    // The two vectors of an HPKECiphertext; the list may have a third of a million of them for each MB.
    reader.jump(reader.varint());
    reader.jump(reader.varint());
  }
  return undefined;
}
