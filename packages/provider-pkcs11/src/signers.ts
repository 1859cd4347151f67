// RFC 9420 §5.1.2: signature keys that outlive the process, as signers.
import { type CipherSuiteProvider, MlsError, type Signer } from "@copse/core/provider";
import {
  CKA_CLASS,
  CKA_EC_PARAMS,
  CKA_ID,
  CKA_KEY_TYPE,
  CKA_LABEL,
  CKA_SIGN,
  CKO_PRIVATE_KEY,
} from "./cryptoki.js";
import { attribute, expectLogin, findObjects, generateKey, publicKeyOf, type TokenKey } from "./keys.js";
import type { SigningWay } from "./signing.js";
import { signatureOf, signInToken } from "./signing.js";
import { hex, type Store } from "./store.js";
import type { Token } from "./token.js";

/** Which signature key: all that is given must fit. */
export interface SignerChoice {
  /** CKA_LABEL */
  readonly label?: string;
  /** CKA_ID */
  readonly id?: Uint8Array;
  /** The public key's `Npk` bytes. Needed where the token has no object with the public key. */
  readonly publicKey?: Uint8Array;
}

/** What a fresh signature key is called in the token. */
export interface SignerName {
  /** CKA_LABEL */
  readonly label: string;
  /** CKA_ID; 16 random bytes if left out. */
  readonly id?: Uint8Array;
}

/** A {@link Signer} whose key is in the token. */
export interface TokenSigner extends Signer {
  /** CKA_ID, by which a later process finds it. */
  readonly id: Uint8Array;
}

/** All that signers of one suite share. */
export interface SignerContext {
  readonly inner: CipherSuiteProvider;
  readonly token: Token;
  readonly way: SigningWay;
  readonly store: Store;
}

/** @throws MlsError `usage` if the token has a private key of this id already; TokenError */
export async function makeSigner(context: SignerContext, name: SignerName): Promise<TokenSigner> {
  const { inner, token, way } = context;
  const id = name.id?.slice() ?? inner.random(16);
  const taken = await token.use(
    "looking for a key",
    async (session) => findObjects(session, template({ id })).length > 0,
  );
  if (taken || id.length === 0) {
    throw new MlsError("usage", `a key needs an id of its own in the token "${token.label}"`);
  }
  const isOwnId = name.id === undefined;
  const request = { ...way, use: "sign", id, isOwnId, label: name.label, persistent: true } as const;
  return signerOf(context, await generateKey(token, request));
}

/** @throws MlsError `missing` if there is no such key, `usage` if there are several; TokenError */
export async function findSigner(context: SignerContext, choice: SignerChoice): Promise<TokenSigner> {
  const { inner, token, way } = context;
  const { curve } = way;
  const keyTypes = new Set(curve.variants.map(({ keyType }) => keyType));
  const found = await token.use("looking for a signature key", async (session) => {
    const keys: { key: TokenKey; known: boolean }[] = [];
    for (const keyType of keyTypes) {
      for (const object of findObjects(session, template(choice, keyType))) {
        const params = attribute(session, object, CKA_EC_PARAMS);
        const fits = curve.variants.some((variant) => params && hex(variant.params) === hex(params));
        const id = attribute(session, object, CKA_ID);
        if (!fits || id === undefined) continue;
        const own = publicKeyOf(session, object, id, curve.Npk);
        // Without an object that has it, a public key alone finds nothing: any private key might be meant.
        if (own === undefined && choice.label === undefined && choice.id === undefined) continue;
        const publicKey = own ?? choice.publicKey?.slice();
        if (publicKey === undefined) continue;
        if (choice.publicKey !== undefined && hex(choice.publicKey) !== hex(publicKey)) continue;
        const at = { connection: session.connection, handle: object };
        keys.push({ key: { id, keyType, publicKey, at }, known: own !== undefined });
      }
    }
    if (keys.length === 0) expectLogin(session, token);
    return keys;
  });
  const [first] = found;
  const what = `signature key of ${curve.name} in the token "${token.label}"`;
  if (first === undefined) throw new MlsError("missing", `there is no such ${what}`);
  if (found.length > 1) throw new MlsError("usage", `there is more than one such ${what}: name its id`);
  await inner.signature.validatePublicKey(first.key.publicKey);
  const signer = signerOf(context, first.key);
  if (!first.known) {
    const message = inner.random(16);
    const signature = await signatureOf(context, first.key, message);
    if (!(await inner.signature.verify(signer.publicKey, message, signature))) {
      throw new MlsError("missing", `the ${what} doesn't belong to this public key`);
    }
  }
  return signer;
}

function signerOf({ inner, token, way, store }: SignerContext, key: TokenKey): TokenSigner {
  const signer: TokenSigner = {
    algorithm: inner.suite.signature,
    publicKey: key.publicKey.slice(),
    id: key.id.slice(),
    sign: (message) => signInToken({ inner, token, way }, key, message),
  };
  store.add(signer, key, inner.suite.signature);
  return signer;
}

function template({ label, id }: SignerChoice, keyType?: number) {
  return [
    { type: CKA_CLASS, value: CKO_PRIVATE_KEY },
    ...(keyType === undefined
      ? []
      : [
          { type: CKA_KEY_TYPE, value: keyType },
          { type: CKA_SIGN, value: true },
        ]),
    ...(label === undefined ? [] : [{ type: CKA_LABEL, value: label }]),
    ...(id === undefined ? [] : [{ type: CKA_ID, value: Buffer.from(id) }]),
  ];
}
