// RFC 9420 §16: how long lists may be. They are fixed, because they decide what is well-formed: for all clients alike.

/** Extensions in one list. */
export const MAX_EXTENSIONS = 128;
/** Values in each list of `capabilities` and of `required_capabilities`. */
export const MAX_CAPABILITIES = 1024;
/** Certificates in a credential. */
export const MAX_CERTIFICATES = 64;
/** Entries of `external_senders`. */
export const MAX_EXTERNAL_SENDERS = 256;
/** Pre-shared keys in a commit, and so in a Welcome. */
export const MAX_PSKS = 256;
