// RFC 9420 §8, §9: the key schedule and the secret tree.
export {
  type DerivedSecrets,
  deriveEpochSecrets,
  deriveJoinerSecret,
  deriveWelcomeSecret,
  EPOCH_SECRET_LABELS,
  type EpochSecrets,
  epochSecretsFrom,
  pskSecret,
  welcomeKeyAndNonce,
} from "./key-schedule.js";
export { DEFAULT_RATCHET_LIMITS, type RatchetKind, type RatchetLimits, SecretTree } from "./secret-tree.js";
export { confirmationTag, confirmedTranscriptHash, interimTranscriptHash } from "./transcript.js";
