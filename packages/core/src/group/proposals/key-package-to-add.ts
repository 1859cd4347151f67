// RFC 9420 §12.1.1: a key package to add, and whose it must be.
import { equalBytes, needBytes, toHex } from "../../bytes.js";
import { encode } from "../../codec/index.js";
import { MlsError } from "../../errors.js";
import {
  basicCredential,
  Credential,
  isBasicCredential,
  type KeyPackage,
  readKeyPackage,
} from "../../wire/index.js";

/** A key package, and who is meant: the server that hands it out can't put another user in their place. */
export interface ExpectedKeyPackage {
  /** An encoded MLSMessage */
  readonly keyPackage: Uint8Array;
  /** The credential that it must have: a credential, or a name for a basic one. */
  readonly credential: Credential | string;
  /** The signature key that it must have: `Npk` bytes. Default: any, if the authentication service accepts it. */
  readonly signatureKey?: Uint8Array | undefined;
}

/** A key package as an encoded MLSMessage, alone or with who is meant. */
export type KeyPackageToAdd = Uint8Array | ExpectedKeyPackage;

/**
 * Decodes a key package to add.
 * @throws DecodeError; MlsError `authentication` if it is another's than expected, `usage` for another message
 */
export function keyPackageOf(toAdd: KeyPackageToAdd): KeyPackage {
  if (!isExpected(toAdd)) return readKeyPackage(toAdd);
  const keyPackage = readKeyPackage(toAdd.keyPackage);
  const { credential, signatureKey } = keyPackage.leafNode;
  const expected =
    typeof toAdd.credential === "string" ? basicCredential(toAdd.credential) : toAdd.credential;
  if (!equalBytes(encode(Credential, credential), encode(Credential, expected))) {
    throw new MlsError(
      "authentication",
      `expected a key package of ${nameOf(expected)}, got one of ${nameOf(credential)}`,
    );
  }
  if (toAdd.signatureKey === undefined) return keyPackage;
  if (!equalBytes(signatureKey, needBytes(toAdd.signatureKey, "a signature key"))) {
    const keys = `key ${toHex(toAdd.signatureKey)}, got ${toHex(signatureKey)}`;
    throw new MlsError("authentication", `expected a key package of ${nameOf(expected)} with ${keys}`);
  }
  return keyPackage;
}

function isExpected(toAdd: KeyPackageToAdd): toAdd is ExpectedKeyPackage {
  return typeof toAdd === "object" && toAdd !== null && "keyPackage" in toAdd;
}

/** How many bytes of a credential an error shows: it may be large. */
const SHOWN = 64;

/** A credential for people: an identity of printable ASCII as it is, and anything else in hexadecimal. */
function nameOf(credential: Credential): string {
  const isBasic = isBasicCredential(credential);
  const bytes = isBasic ? credential.identity : encode(Credential, credential);
  const shown = bytes.subarray(0, SHOWN);
  const rest = shown.length < bytes.length ? "…" : "";
  const isText = isBasic && shown.every((byte) => byte >= 0x20 && byte < 0x7f);
  return isText ? `"${String.fromCharCode(...shown)}${rest}"` : `credential ${toHex(shown)}${rest}`;
}
