// The keys of epochs: real ones, if the author of a service gives a provider.
import type { EpochKey, EpochKeySource, PublicEpochKey } from "@copse/delivery/service";
import { bytes, EMPTY, numbers } from "./tools.js";

export interface HpkeKeys {
  readonly publicKey: Uint8Array;
  readonly privateKey: object;
}

/** What makes keys of epochs: any `CryptoProvider` is such. */
export interface KeyMaker {
  readonly suites: readonly { readonly id: number }[];
  suite(id: number): {
    readonly hpke: {
      generateKeyPair(): HpkeKeys | Promise<HpkeKeys>;
      open(
        privateKey: object,
        kemOutput: Uint8Array,
        info: Uint8Array,
        aad: Uint8Array,
        ciphertext: Uint8Array,
      ): Uint8Array | Promise<Uint8Array>;
    };
  };
}

/** A key of an epoch: what is registered, and what a member has. */
export interface TestKey {
  readonly registered: PublicEpochKey;
  /** `undefined` where nobody asks for a proof. */
  readonly source: EpochKeySource | undefined;
}

let made = 0;

export async function makeKey(crypto: KeyMaker | undefined, epoch: bigint): Promise<TestKey> {
  if (crypto === undefined) {
    // Any 32 bytes are a public key of X25519.
    const publicKey = Uint8Array.from(numbers(32), (i) => (++made * 7 + i) & 0x7f);
    return { registered: { epoch, suite: 1, publicKey }, source: undefined };
  }
  const suite = crypto.suites[0]?.id as number;
  const { hpke } = crypto.suite(suite);
  const { publicKey, privateKey } = await hpke.generateKeyPair();
  const key: EpochKey = {
    epoch,
    suite,
    publicKey,
    open: (kemOutput, ciphertext) => hpke.open(privateKey, kemOutput, GRANT, EMPTY, ciphertext),
  };
  return { registered: { epoch, suite, publicKey }, source: () => key };
}

/** The `info` of what services seal to the keys of epochs. */
const GRANT = /* @__PURE__ */ bytes("copse delivery grant");
