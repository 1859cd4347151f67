// RFC 9420 §5.3: credentials.
import { copied, type Owned, utf8 } from "../bytes.js";
import { type Codec, opaque, skip, struct, type TypeOf, uint16, vector } from "../codec/index.js";
import { MAX_CERTIFICATES } from "./limits.js";

/** RFC 9420 §17.5. Other types are allowed: see {@link OtherCredential}. */
export const CredentialType = { basic: 1, x509: 2 } as const;

/** Certificate, RFC 9420 §5.3 */
export const Certificate = struct({ certData: opaque });
export type Certificate = TypeOf<typeof Certificate>;

/** An identity without a proof, in a format that the application defines. */
export interface BasicCredential {
  readonly credentialType: 1;
  readonly identity: Uint8Array;
}

/** A chain of DER-encoded X.509 certificates, the end-entity certificate first. */
export interface X509Credential {
  readonly credentialType: 2;
  readonly certificates: readonly Certificate[];
}

/** A credential of another type. `data` is the content of its one vector, as in all types registered so far. */
export interface OtherCredential {
  readonly credentialType: number;
  readonly data: Uint8Array;
}

export type Credential = BasicCredential | X509Credential | OtherCredential;

const certificates = vector(Certificate, MAX_CERTIFICATES);

/** Credential, RFC 9420 §5.3 */
export const Credential: Codec<Credential> = {
  write(writer, credential) {
    writer.uint16(credential.credentialType);
    if (isBasicCredential(credential)) opaque.write(writer, credential.identity);
    else if (isX509Credential(credential)) certificates.write(writer, credential.certificates);
    else opaque.write(writer, credential.data);
  },
  read(reader) {
    const credentialType = uint16.read(reader);
    if (credentialType === CredentialType.basic) return { credentialType, identity: opaque.read(reader) };
    if (credentialType === CredentialType.x509)
      return { credentialType, certificates: certificates.read(reader) };
    return { credentialType, data: opaque.read(reader) };
  },
  // Its body is one vector, whatever its type.
  skip(reader) {
    skip(uint16, reader);
    skip(opaque, reader);
  },
};

/** Whether a credential is of type `basic`. */
export function isBasicCredential(credential: Credential): credential is BasicCredential {
  return credential.credentialType === CredentialType.basic;
}

/** Whether a credential is of type `x509`. */
export function isX509Credential(credential: Credential): credential is X509Credential {
  return credential.credentialType === CredentialType.x509;
}

/**
 * A basic credential (§5.3) for an identity: its bytes, or a string to encode as UTF-8.
 * @example
 * const credential = basicCredential("alice");
 */
export function basicCredential(identity: string | Uint8Array): Owned<BasicCredential> {
  return {
    credentialType: CredentialType.basic,
    identity: typeof identity === "string" ? utf8(identity) : copied(identity),
  };
}

/**
 * An X.509 credential (§5.3) for a chain of DER certificates, the end-entity certificate first.
 * @example
 * const credential = x509Credential([certificate, issuer]);
 */
export function x509Credential(chain: readonly Uint8Array[]): Owned<X509Credential> {
  return {
    credentialType: CredentialType.x509,
    certificates: chain.map((certData) => ({ certData: copied(certData) })),
  };
}
