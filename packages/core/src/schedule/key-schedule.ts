// RFC 9420 §8, §8.4: the key schedule.
import { EMPTY, wipe } from "../bytes.js";
import { encode } from "../codec/index.js";
import { deriveSecret, expandAllWithLabels, expandWithLabel } from "../crypto/index.js";
import { all, type Awaitable, chain, type CipherSuiteProvider, useSecret } from "../provider/index.js";
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
  /** `init_secret_[n]`: what the next epoch starts from. */
  readonly initSecret: Uint8Array;
}

/** The labels of RFC 9420 §8, table 4, and that of the init secret. */
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

/** Labels and names that no additional secret of an epoch may have. */
export const EPOCH_SECRET_LABELS: readonly string[] = /* @__PURE__ */ LABELS.flat();

/** The secrets of an epoch, and those that extensions of the protocol derive beside them. */
export interface DerivedSecrets {
  readonly secrets: EpochSecrets;
  /** By their labels: each of `KDF.Nh` bytes. */
  readonly additional: ReadonlyMap<string, Uint8Array>;
}

/** What the joiner secret is derived from. Both secrets have `KDF.Nh` bytes and stay as they are. */
export interface JoinerSecretInput {
  /** `init_secret_[n-1]`, or what an external commit puts in its place (§8.3). */
  readonly initSecret: Uint8Array;
  /** `KDF.Nh` zero bytes for a commit without a path (§12.4.2). */
  readonly commitSecret: Uint8Array;
  /** The encoded GroupContext of the new epoch. */
  readonly groupContext: Uint8Array;
}

/** `joiner_secret`, RFC 9420 §8: `KDF.Nh` bytes. */
export function deriveJoinerSecret(
  provider: CipherSuiteProvider,
  { initSecret, commitSecret, groupContext }: JoinerSecretInput,
): Awaitable<Uint8Array> {
  return chain(provider.kdf.extract(initSecret, commitSecret), (extracted) =>
    useSecret(extracted, (secret) =>
      expandWithLabel(provider, secret, "joiner", groupContext, provider.suite.hash.Nh),
    ),
  );
}

/** `welcome_secret`, RFC 9420 §8: `KDF.Nh` bytes. */
export function deriveWelcomeSecret(
  provider: CipherSuiteProvider,
  joinerSecret: Uint8Array,
  pskSecret: Uint8Array,
): Awaitable<Uint8Array> {
  return chain(provider.kdf.extract(joinerSecret, pskSecret), (extracted) =>
    useSecret(extracted, (secret) => deriveSecret(provider, secret, "welcome")),
  );
}

/** `welcome_key` (`AEAD.Nk` bytes) and `welcome_nonce` (`AEAD.Nn`), RFC 9420 §12.4.3.1. */
export function welcomeKeyAndNonce(
  provider: CipherSuiteProvider,
  welcomeSecret: Uint8Array,
): Awaitable<{ key: Uint8Array; nonce: Uint8Array }> {
  const { Nk, Nn } = provider.suite.aead;
  return chain(
    expandAllWithLabels(provider, welcomeSecret, [
      ["key", EMPTY, Nk],
      ["nonce", EMPTY, Nn],
    ]),
    ([key, nonce]) => ({ key: key as Uint8Array, nonce: nonce as Uint8Array }),
  );
}

/**
 * The secrets of an epoch, RFC 9420 §8, from its joiner secret.
 * @param groupContext the encoded GroupContext of the epoch
 * @param additional as in {@link epochSecretsFrom}
 */
export function deriveEpochSecrets(
  provider: CipherSuiteProvider,
  joinerSecret: Uint8Array,
  pskSecret: Uint8Array,
  groupContext: Uint8Array,
  additional: readonly string[] = [],
): Awaitable<DerivedSecrets> {
  return chain(provider.kdf.extract(joinerSecret, pskSecret), (extracted) =>
    chain(
      useSecret(extracted, (secret) =>
        expandWithLabel(provider, secret, "epoch", groupContext, provider.suite.hash.Nh),
      ),
      (epochSecret) => useSecret(epochSecret, (secret) => epochSecretsFrom(provider, secret, additional)),
    ),
  );
}

/**
 * The secrets of an epoch from `epoch_secret` itself, which is random where a group is created (RFC 9420
 * §11). The caller overwrites it then.
 * @param additional labels of secrets that extensions of the protocol derive in the same way
 */
export function epochSecretsFrom(
  provider: CipherSuiteProvider,
  epochSecret: Uint8Array,
  additional: readonly string[] = [],
): Awaitable<DerivedSecrets> {
  const { Nh } = provider.suite.hash;
  const labels = [...LABELS.map(([, label]) => label), ...additional];
  return chain(
    expandAllWithLabels(
      provider,
      epochSecret,
      labels.map((label) => [label, EMPTY, Nh]),
    ),
    (outputs) => ({
      // LABELS names each field of EpochSecrets once.
      secrets: Object.fromEntries(LABELS.map(([name], i) => [name, outputs[i]])) as unknown as EpochSecrets,
      additional: new Map(additional.map((label, i) => [label, outputs[LABELS.length + i] as Uint8Array])),
    }),
  );
}

/** Overwrites all derived secrets. */
export function wipeSecrets({ secrets, additional }: DerivedSecrets): void {
  wipe(...Object.values(secrets), ...additional.values());
}

/** A pre-shared key, with the name under which the commit or the welcome lists it. */
export interface NamedPsk {
  readonly id: PreSharedKeyID;
  readonly psk: Uint8Array;
}

/**
 * `psk_secret`, RFC 9420 §8.4, of the keys in the order listed: `KDF.Nh` bytes, all zero for none.
 * @throws MlsError `encode` for more than 65,535 keys
 */
export function pskSecret(provider: CipherSuiteProvider, psks: readonly NamedPsk[]): Awaitable<Uint8Array> {
  const { Nh } = provider.suite.hash;
  const zero = new Uint8Array(Nh);
  const count = psks.length;
  const inputs = psks.map(({ id, psk }, index) => {
    const label = encode(PSKLabel, { id, index, count });
    return chain(provider.kdf.extract(zero, psk), (extracted) =>
      useSecret(extracted, (secret) => expandWithLabel(provider, secret, "derived psk", label, Nh)),
    );
  });
  return chain(all(inputs), (known) =>
    known.reduce<Awaitable<Uint8Array>>(
      (before, input) =>
        chain(before, (secret) =>
          useSecret(secret, () => useSecret(input, (salt) => provider.kdf.extract(salt, secret))),
        ),
      new Uint8Array(Nh),
    ),
  );
}
