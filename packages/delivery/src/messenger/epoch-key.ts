// RFC 9750 §5 asks a service for access control: the key that the members of an epoch prove to it.
import { type Awaitable, type Bytes, type CipherSuiteProvider, MlsError } from "@copse/core";
import { GRANT_INFO } from "../rules/access.js";
import type { EpochKey } from "../service.js";
import { utf8 } from "./wire.js";

/** The label of the exporter. */
const LABEL = "copse delivery";
const NOTHING = new Uint8Array();

/** A group in an epoch, or a staged commit that starts one. */
interface Exports {
  exportSecret(label: string, context: Uint8Array, length: number): Promise<Bytes>;
}

/** A key of an epoch, until nobody needs it any more. */
export interface HeldEpochKey extends EpochKey {
  end(): void;
}

/** A provider that throws anything else has given no answer. @throws MlsError */
async function answered<T>(call: () => Awaitable<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    if (cause instanceof MlsError) throw cause;
    throw new MlsError("try-again", "the provider failed, and gave no answer", { cause });
  }
}

/** The key of an epoch. */
export async function epochKey(
  provider: CipherSuiteProvider,
  epoch: bigint,
  exports: Exports,
): Promise<HeldEpochKey> {
  const secret = await exports.exportSecret(LABEL, NOTHING, provider.suite.hash.Nh);
  const { publicKey, privateKey } = await answered(() => provider.hpke.deriveKeyPair(secret));
  return {
    epoch,
    suite: provider.suite.id,
    publicKey,
    open: (kemOutput, ciphertext) =>
      answered(() => provider.hpke.open(privateKey, kemOutput, utf8(GRANT_INFO), NOTHING, ciphertext)),
    end: () => void provider.hpke.destroyPrivateKey(privateKey),
  };
}
