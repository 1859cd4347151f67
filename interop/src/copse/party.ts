// RFC 9420 §5.3, §8.4: an identity in one cipher suite, with its PSKs and signature key.
import {
  basicCredential,
  Client,
  type CryptoProvider,
  insecureAcceptAll,
  isBasicCredential,
  type Member,
  type Policy,
  type Signer,
  signerOf,
} from "@copse/core";
import { sameBytes, toHex } from "../wire.js";

/** External PSKs by the hexadecimal of their ids. */
export type Psks = Map<string, Uint8Array>;

/** An identity with its PSKs and a fresh signature key. */
export interface Party {
  readonly crypto: CryptoProvider;
  readonly suite: number;
  readonly identity: Uint8Array;
  readonly psks: Psks;
  readonly signer: Signer;
  /** Raw bytes */
  readonly signaturePrivateKey: Uint8Array;
}

export async function makeParty(
  crypto: CryptoProvider,
  suite: number,
  identity: Uint8Array,
  psks: Psks,
): Promise<Party> {
  const provider = crypto.suite(suite);
  const pair = await provider.signature.generateKeyPair();
  const signaturePrivateKey = await provider.signature.exportPrivateKey(pair.privateKey);
  return { crypto, suite, identity, psks, signer: signerOf(provider, pair), signaturePrivateKey };
}

/** The number of past epochs that are kept, for messages and resumption PSKs of old epochs in scripts. */
const MAX_PAST_EPOCHS = 256;

/**
 * The rule for lifetimes, of clients and of followers: test clients of other implementations make key packages that are
 * valid for ever.
 */
export const LIFETIMES: Partial<Policy> = { maxLifetime: Number.POSITIVE_INFINITY };

/** A client of a party. It applies all rules of the RFC, but accepts every credential. */
export function clientOf(
  { crypto, suite, identity, psks, signer }: Party,
  encryptHandshake: boolean,
): Promise<Client> {
  return Client.create({
    crypto,
    suite,
    credential: basicCredential(identity),
    authentication: insecureAcceptAll(),
    signer,
    externalPsk: (id) => psks.get(toHex(id)),
    policy: {
      handshake: encryptHandshake ? "private" : "public",
      maxPastEpochs: MAX_PAST_EPOCHS,
      // The scripts say what is committed.
      authorize: ({ kind }) => kind === "commit" || "keep",
      ...LIFETIMES,
    },
  });
}

export function isNamed(identity: Uint8Array): (member: Pick<Member, "credential">) => boolean {
  return ({ credential }) => isBasicCredential(credential) && sameBytes(credential.identity, identity);
}

/** @throws Error if there is no such member */
export function leafOf(members: readonly Member[], identity: Uint8Array): number {
  const found = members.find(isNamed(identity));
  if (found === undefined) throw new Error("no member has this identity");
  return found.leafIndex;
}
