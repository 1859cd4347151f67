// RFC 9420 §12: the form of the vectors for clients that only receive; its values are in hexadecimal.

export type PassiveClientVector = {
  cipher_suite: number;
  external_psks: { psk_id: string; psk: string }[];
  ratchet_tree: string | null;
  epochs: { proposals: string[]; commit: string; epoch_authenticator: string }[];
} & Record<
  | "key_package"
  | "signature_priv"
  | "encryption_priv"
  | "init_priv"
  | "welcome"
  | "initial_epoch_authenticator",
  string
>;
