// RFC 9420 §8, §8.4: the key schedule.
import { EMPTY, moveSecrets, wipe } from "../bytes.js";
import { encode } from "../codec/index.js";
import { deriveSecret, expandAllWithLabels, expandWithLabel } from "../crypto/index.js";
import { all, type CipherSuiteProvider, chain, useSecret } from "../provider/index.js";
import { type PreSharedKeyID, PSKLabel } from "../wire/index.js";

/** The secrets of an epoch, RFC 9420 §8: each of `KDF.Nh` bytes. */
export interface EpochSecrets {
  readonly senderDataSecret: Uint8Array;
  readonly encryptionSecret: Uint8Array;
  readonly exporterSecret: Uint8Array;
  readonly externalSecret: Uint8Array;
  readonly confirmationKey: Uint8Array;
  readonly membershipKey: Uint8Array;
  readonly resumptionPsk: Uint8Array;
  readonly epochAuthenticator: Uint8Array;
  /** `init_secret_[n]`, from which the next epoch is derived. */
  readonly initSecret: Uint8Array;
}

/** The labels of RFC 9420 §8, table 4, and the label of the init secret. */
const LABELS: readonly (readonly [keyof EpochSecrets, string])[] = [
  ["senderDataSecret", "sender data"],
  ["encryptionSecret", "encryption"],
  ["exporterSecret", "exporter"],
  ["externalSecret", "external"],
  ["confirmationKey", "confirm"],
  ["membershipKey", "membership"],
  ["resumptionPsk", "resumption"],
  ["epochAuthenticator", "authentication"],
  ["initSecret", "init"],
];

/** Labels and names that an extension must not use for an additional secret. */
export const EPOCH_SECRET_LABELS: readonly string[] = /* @__PURE__ */ LABELS.flat();

/** The secrets of an epoch, and the additional ones of extensions. */
export interface DerivedSecrets {
  readonly secrets: EpochSecrets;
  /** By label: each of `KDF.Nh` bytes. */
  readonly additional: ReadonlyMap<string, Uint8Array>;
}

/** What the joiner secret is derived from. Both secrets have `KDF.Nh` bytes and are not overwritten. */
export interface JoinerSecretInput {
  /** `init_secret_[n-1]`, or the init secret of an external commit (§8.3). */
  readonly initSecret: Uint8Array;
  /** `KDF.Nh` zero bytes for a commit without a path (§12.4.2). */
  readonly commitSecret: Uint8Array;
  /** The encoded GroupContext of the new epoch. */
  readonly groupContext: Uint8Array;
}

/** `joiner_secret`, RFC 9420 §8: `KDF.Nh` bytes. */
export async function deriveJoinerSecret(
  provider: CipherSuiteProvider,
  { initSecret, commitSecret, groupContext }: JoinerSecretInput,
): Promise<Uint8Array> {
  return useSecret(await provider.kdf.extract(initSecret, commitSecret), (secret) =>
    expandWithLabel(provider, secret, "joiner", groupContext, provider.suite.hash.Nh),
  );
}

/** `welcome_secret`, RFC 9420 §8: `KDF.Nh` bytes. */
export async function deriveWelcomeSecret(
  provider: CipherSuiteProvider,
  joinerSecret: Uint8Array,
  pskSecret: Uint8Array,
): Promise<Uint8Array> {
  return useSecret(await provider.kdf.extract(joinerSecret, pskSecret), (secret) =>
    deriveSecret(provider, secret, "welcome"),
  );
}

/** `welcome_key` (`AEAD.Nk` bytes) and `welcome_nonce` (`AEAD.Nn` bytes), RFC 9420 §12.4.3.1. */
export async function welcomeKeyAndNonce(
  provider: CipherSuiteProvider,
  welcomeSecret: Uint8Array,
): Promise<{ key: Uint8Array; nonce: Uint8Array }> {
  const { Nk, Nn } = provider.suite.aead;
  const [key, nonce] = await expandAllWithLabels(provider, welcomeSecret, [
    ["key", EMPTY, Nk],
    ["nonce", EMPTY, Nn],
  ]);
  return { key, nonce };
}

/**
 * Derives the secrets of an epoch, RFC 9420 §8, from its joiner secret.
 * @param groupContext the encoded GroupContext of the epoch
 * @param additional as in {@link epochSecretsFrom}
 */
export async function deriveEpochSecrets(
  provider: CipherSuiteProvider,
  joinerSecret: Uint8Array,
  pskSecret: Uint8Array,
  groupContext: Uint8Array,
  additional: readonly string[] = [],
): Promise<DerivedSecrets> {
  const epochSecret = await useSecret(await provider.kdf.extract(joinerSecret, pskSecret), (secret) =>
    expandWithLabel(provider, secret, "epoch", groupContext, provider.suite.hash.Nh),
  );
  return useSecret(epochSecret, (secret) => epochSecretsFrom(provider, secret, additional));
}

/**
 * Derives the secrets of an epoch from its `epoch_secret`, which is random when a group is created (RFC 9420
 * §11). The caller must overwrite `epochSecret`.
 * @param epochSecret `KDF.Nh` bytes
 * @param additional labels of the secrets that extensions derive in the same way
 */
export async function epochSecretsFrom(
  provider: CipherSuiteProvider,
  epochSecret: Uint8Array,
  additional: readonly string[] = [],
): Promise<DerivedSecrets> {
  const { Nh } = provider.suite.hash;
  const labels = [...LABELS.map(([, label]) => label), ...additional];
  const outputs = moveSecrets(
    await expandAllWithLabels(
      provider,
      epochSecret,
      labels.map((label) => [label, EMPTY, Nh]),
    ),
  );
  // The cast: LABELS names each field once.
  const secrets = {} as { -readonly [K in keyof EpochSecrets]: EpochSecrets[K] };
  for (const [i, [name]] of LABELS.entries()) secrets[name] = outputs[i] as Uint8Array;
  return {
    secrets,
    additional: new Map(additional.map((label, i) => [label, outputs[LABELS.length + i] as Uint8Array])),
  };
}

/** A pre-shared key, with the PreSharedKeyID by which a commit or a Welcome lists it. */
export interface NamedPsk {
  readonly id: PreSharedKeyID;
  /** Any number of bytes. */
  readonly psk: Uint8Array;
}

/**
 * `psk_secret`, RFC 9420 §8.4, of keys in the order in which they are listed: `KDF.Nh` bytes, all zero without keys.
 * @throws MlsError `encode` for more than 65,535 keys
 */
export async function pskSecret(
  provider: CipherSuiteProvider,
  psks: readonly NamedPsk[],
): Promise<Uint8Array> {
  const { Nh } = provider.suite.hash;
  const zero = new Uint8Array(Nh);
  const count = psks.length;
  const inputs = await all(
    psks.map(({ id, psk }, index) => {
      const label = encode(PSKLabel, { id, index, count });
      return chain(provider.kdf.extract(zero, psk), (extracted) =>
        useSecret(extracted, (secret) => expandWithLabel(provider, secret, "derived psk", label, Nh)),
      );
    }),
  );
  let secret: Uint8Array = new Uint8Array(Nh);
  try {
    for (const input of inputs) {
      const next = await provider.kdf.extract(input, secret);
      wipe(secret);
      secret = next;
    }
    return secret;
  } catch (error) {
    wipe(secret);
    throw error;
  } finally {
    wipe(...inputs);
  }
}
