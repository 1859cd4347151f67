// PKCS#11 v2.40 §4.8, §4.9, §6.3: key pairs in a token, and what is done with them there.
import { CryptoError } from "@copse/core/provider";
import {
  type Attribute,
  CK_PARAMS_EC_DH,
  CKA_CLASS,
  CKA_DERIVE,
  CKA_EC_PARAMS,
  CKA_EC_POINT,
  CKA_EXTRACTABLE,
  CKA_ID,
  CKA_KEY_TYPE,
  CKA_LABEL,
  CKA_PRIVATE,
  CKA_SENSITIVE,
  CKA_SIGN,
  CKA_TOKEN,
  CKA_VALUE,
  CKA_VALUE_LEN,
  CKA_VERIFY,
  CKD_NULL,
  CKK_GENERIC_SECRET,
  CKM_ECDH1_DERIVE,
  CKO_PRIVATE_KEY,
  CKO_PUBLIC_KEY,
  CKO_SECRET_KEY,
  CKS_RW_USER_FUNCTIONS,
  type Handle,
} from "./cryptoki.js";
import type { Curve, SignatureCurve, Variant } from "./curves.js";
import { octetString, publicKeyOfPoint } from "./encoding.js";
import { answerOf, CKR_KEY_HANDLE_INVALID, CKR_OBJECT_HANDLE_INVALID, TokenError } from "./errors.js";
import type { Session, Token } from "./token.js";

/** A private key in the token. Each session finds the object by `id`. */
export interface TokenKey {
  /** CKA_ID */
  readonly id: Uint8Array;
  readonly keyType: number;
  readonly publicKey: Uint8Array;
  /** Where the object was found last. */
  at?: { readonly connection: object; readonly handle: Handle };
}

/** What a key pair is made for. */
export interface KeyRequest {
  readonly curve: Curve;
  readonly variant: Variant;
  readonly use: "sign" | "derive";
  readonly id: Uint8Array;
  /** Whether the id was drawn for this key, so that no other object has it. */
  readonly isOwnId: boolean;
  readonly label: string;
  /** Whether the objects outlive the session; only a probe's don't. */
  readonly persistent: boolean;
}

/** How a token wants the other's point in CKM_ECDH1_DERIVE: the standard leaves both open. */
export type PointForm = "raw" | "der";

const bytes = (value: Uint8Array): Buffer => Buffer.from(value);

/**
 * A key pair whose private key is sensitive and not extractable. The public key's object stays in the token
 * only beside a signature key, where it is what tells a later process the key.
 * @throws TokenError, also if the token made a key that could be read
 */
export function generateKey(token: Token, request: KeyRequest): Promise<TokenKey> {
  const { curve, variant, use, id } = request;
  return token.use(`generating a key of ${curve.name}`, async (session) => {
    const { cryptoki, long, handle, connection } = session;
    let pair: { publicKey: Handle; privateKey: Handle };
    try {
      pair = await long.generateKeyPair(handle, { mechanism: variant.generate }, ...templates(request));
    } catch (error) {
      dropRemains(session, request);
      throw perhapsFull(token, request, error);
    }
    try {
      const [sensitive, extractable] = cryptoki.C_GetAttributeValue(handle, pair.privateKey, [
        { type: CKA_SENSITIVE },
        { type: CKA_EXTRACTABLE },
      ]);
      if (sensitive?.value[0] !== 1 || extractable?.value[0] !== 0) {
        throw new TokenError(`the token "${token.label}" made a private key that can be read`);
      }
      const [point] = cryptoki.C_GetAttributeValue(handle, pair.publicKey, [{ type: CKA_EC_POINT }]);
      const publicKey = publicKeyOfPoint(point?.value ?? Buffer.alloc(0), curve.Npk);
      if (use === "derive") cryptoki.C_DestroyObject(handle, pair.publicKey);
      const at = { connection, handle: pair.privateKey };
      return { id: Uint8Array.from(id), keyType: variant.keyType, publicKey, at };
    } catch (error) {
      for (const object of [pair.privateKey, pair.publicKey]) drop(session, object);
      throw error;
    }
  });
}

/** What the token is asked for: the public key, and the private one. */
function templates({ variant, use, id, label, persistent }: KeyRequest): [Attribute[], Attribute[]] {
  const signs = use === "sign";
  const common: Attribute[] = [
    { type: CKA_KEY_TYPE, value: variant.keyType },
    { type: CKA_ID, value: bytes(id) },
    { type: CKA_LABEL, value: label },
  ];
  return [
    [
      { type: CKA_CLASS, value: CKO_PUBLIC_KEY },
      ...common,
      { type: CKA_TOKEN, value: persistent && signs },
      { type: CKA_PRIVATE, value: false },
      { type: CKA_EC_PARAMS, value: bytes(variant.params) },
      ...(signs ? [{ type: CKA_VERIFY, value: true }] : []),
    ],
    [
      { type: CKA_CLASS, value: CKO_PRIVATE_KEY },
      ...common,
      { type: CKA_TOKEN, value: persistent },
      { type: CKA_PRIVATE, value: true },
      { type: CKA_SENSITIVE, value: true },
      { type: CKA_EXTRACTABLE, value: false },
      { type: CKA_SIGN, value: signs },
      { type: CKA_DERIVE, value: !signs },
    ],
  ];
}

/** A key pair is two objects, and a full token may have made one of them. Under an id of the caller's may be others. */
function dropRemains(session: Session, { id, isOwnId }: KeyRequest): void {
  if (!isOwnId) return;
  try {
    for (const { object } of objectsOf(session, id)) drop(session, object);
  } catch {
    // What matters is why there is no key.
  }
}

function drop({ cryptoki, handle }: Session, object: Handle): void {
  try {
    cryptoki.C_DestroyObject(handle, object);
  } catch {
    // What matters is why the key isn't used.
  }
}

/** SoftHSM answers so when the disk is full, and the library of TPMs too: there is nothing that says it clearly. */
const VAGUE: ReadonlySet<string> = new Set(["CKR_GENERAL_ERROR", "CKR_FUNCTION_FAILED", "CKR_HOST_MEMORY"]);

function perhapsFull(token: Token, { curve }: KeyRequest, error: unknown): unknown {
  const ckr = answerOf(error)?.ckr;
  if (ckr === undefined || !VAGUE.has(ckr)) return error;
  const what = `generating a key of ${curve.name}: the token "${token.label}" refused`;
  return new TokenError(`${what} (${ckr}), as some do when they are full`, { ckr });
}

/** Signs with a key in the token: a hash with ECDSA (giving `r || s`), a message with EdDSA. */
export function signWith(
  token: Token,
  key: TokenKey,
  curve: SignatureCurve,
  data: Uint8Array,
): Promise<Uint8Array> {
  // A part of a longer buffer, as pkcs11js gives the address of no bytes of their own as null.
  const input = Buffer.alloc(data.length + 1).subarray(0, data.length);
  input.set(data);
  return token.use(`signing with ${curve.name}`, (session) =>
    withKey(session, token, key, async (handle) => {
      const { cryptoki, long } = session;
      cryptoki.C_SignInit(session.handle, { mechanism: curve.mechanism }, handle);
      const signature = Uint8Array.from(await long.sign(session.handle, input, Buffer.alloc(2 * curve.size)));
      // Overwritten here as the library reads it until then and nothing else holds it.
      input.fill(0);
      return signature;
    }),
  );
}

/**
 * The shared secret of a key in the token and another's public key, which the caller has validated: the
 * x-coordinate, `size` bytes. It leaves the token, as HPKE's key schedule is no mechanism of PKCS#11.
 */
export function deriveWith(
  token: Token,
  key: TokenKey,
  curve: Curve,
  form: PointForm,
  publicKey: Uint8Array,
): Promise<Uint8Array> {
  const publicData = bytes(form === "raw" ? publicKey : octetString(publicKey));
  return token.use(`ECDH with ${curve.name}`, (session) =>
    withKey(session, token, key, async (handle) => {
      const { cryptoki, long } = session;
      const derived = await long.deriveKey(
        session.handle,
        { mechanism: CKM_ECDH1_DERIVE, parameter: { type: CK_PARAMS_EC_DH, kdf: CKD_NULL, publicData } },
        handle,
        [
          { type: CKA_CLASS, value: CKO_SECRET_KEY },
          { type: CKA_KEY_TYPE, value: CKK_GENERIC_SECRET },
          { type: CKA_TOKEN, value: false },
          { type: CKA_SENSITIVE, value: false },
          { type: CKA_EXTRACTABLE, value: true },
          { type: CKA_VALUE_LEN, value: curve.size },
        ],
      );
      publicData.fill(0);
      try {
        const [read] = cryptoki.C_GetAttributeValue(session.handle, derived, [{ type: CKA_VALUE }]);
        const value = read?.value ?? Buffer.alloc(0);
        if (value.length > curve.size)
          throw new CryptoError("the token gave a shared secret that is too long");
        // Some tokens drop the zeros in front.
        const secret = new Uint8Array(curve.size);
        secret.set(value, curve.size - value.length);
        value.fill(0);
        return secret;
      } finally {
        cryptoki.C_DestroyObject(session.handle, derived);
      }
    }),
  );
}

/** Whether the token has the key. */
export function hasKey(token: Token, key: TokenKey): Promise<boolean> {
  return token.use("looking for a key", async (session) => {
    // Looked for anew: what was found before may be deleted by now.
    delete key.at;
    if (locate(session, key) !== undefined) return true;
    expectLogin(session, token);
    return false;
  });
}

/**
 * Deletes a key from the token, with its public key's object. A key that somebody has made since under the same id
 * stays.
 * @returns whether it was there
 */
export function destroyKey(token: Token, key: TokenKey): Promise<boolean> {
  return token.use("deleting a key", async (session) => {
    const objects = locate(session, key) === undefined ? [] : objectsOf(session, key.id);
    let destroyed = false;
    for (const { object, isPrivate } of objects) {
      const gone = destroyObject(session, object);
      if (isPrivate && gone) destroyed = true;
    }
    delete key.at;
    if (!destroyed) expectLogin(session, token);
    return destroyed;
  });
}

function objectsOf(session: Session, id: Uint8Array): { object: Handle; isPrivate: boolean }[] {
  return [CKO_PRIVATE_KEY, CKO_PUBLIC_KEY].flatMap((kind) =>
    findObjects(session, [
      { type: CKA_CLASS, value: kind },
      { type: CKA_ID, value: bytes(id) },
    ]).map((object) => ({ object, isPrivate: kind === CKO_PRIVATE_KEY })),
  );
}

/**
 * What a call with an object answers; undefined if the object is gone: another process may delete it at any time. SoftHSM
 * answers CKR_FUNCTION_FAILED if that happens during the call, so another answer counts only if the object is still there.
 */
export function ifThere<T>(session: Session, object: Handle, call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    const code = answerOf(error)?.code;
    if (code === undefined) throw error;
    if (code !== CKR_OBJECT_HANDLE_INVALID && findObjects(session, []).some((one) => one.equals(object)))
      throw error;
    return undefined;
  }
}

/** @returns whether it was there: somebody else may delete it at the same time */
export function destroyObject(session: Session, object: Handle): boolean {
  const destroy = () => {
    session.cryptoki.C_DestroyObject(session.handle, object);
    return true;
  };
  return ifThere(session, object, destroy) ?? false;
}

/** Handles of all objects that have the attributes. */
export function findObjects({ cryptoki, handle }: Session, template: Attribute[]): Handle[] {
  cryptoki.C_FindObjectsInit(handle, template);
  try {
    const found: Handle[] = [];
    for (;;) {
      const some = cryptoki.C_FindObjects(handle, 64);
      found.push(...some);
      if (some.length < 64) return found;
    }
  } finally {
    cryptoki.C_FindObjectsFinal(handle);
  }
}

/** An attribute's bytes; undefined if the object has none. */
export function attribute(
  { cryptoki, handle }: Session,
  object: Handle,
  type: number,
): Uint8Array | undefined {
  try {
    const [read] = cryptoki.C_GetAttributeValue(handle, object, [{ type }]);
    return read === undefined ? undefined : Uint8Array.from(read.value);
  } catch (error) {
    // CKR_ATTRIBUTE_SENSITIVE and CKR_ATTRIBUTE_TYPE_INVALID
    const code = answerOf(error)?.code;
    if (code === 0x11 || code === 0x12) return undefined;
    throw error;
  }
}

/**
 * To be called where a key isn't found: a token shows private keys only after a login.
 * @throws TokenError, `lost`, if that is why
 */
export function expectLogin({ cryptoki, handle }: Session, token: Token): void {
  if (cryptoki.C_GetSessionInfo(handle).state === CKS_RW_USER_FUNCTIONS) return;
  throw new TokenError(`the token "${token.label}" lost its login; a later call logs in again`, {
    lost: true,
  });
}

/**
 * The object of a key. Numbers of objects start again when somebody finalises the library, and a key may be deleted and
 * another made under its id. So the id is read each time, and what is found by it is compared with the public key.
 */
function locate(session: Session, key: TokenKey): Handle | undefined {
  const { at } = key;
  if (at?.connection === session.connection && hasId(session, at.handle, key.id)) return at.handle;
  delete key.at;
  const [handle] = findObjects(session, [
    { type: CKA_CLASS, value: CKO_PRIVATE_KEY },
    { type: CKA_KEY_TYPE, value: key.keyType },
    { type: CKA_ID, value: bytes(key.id) },
  ]);
  if (handle === undefined) return undefined;
  const publicKey = publicKeyOf(session, handle, key.id, key.publicKey.length);
  if (publicKey !== undefined && !bytes(publicKey).equals(key.publicKey)) return undefined;
  key.at = { connection: session.connection, handle };
  return handle;
}

function hasId(session: Session, object: Handle, id: Uint8Array): boolean {
  const found = ifThere(session, object, () => attribute(session, object, CKA_ID));
  return found !== undefined && bytes(found).equals(id);
}

/** From the public key's object, which has the same id, or from the private key's, which has it in few tokens. */
export function publicKeyOf(
  session: Session,
  privateKey: Handle,
  id: Uint8Array,
  size: number,
): Uint8Array | undefined {
  const publicKeys = findObjects(session, [
    { type: CKA_CLASS, value: CKO_PUBLIC_KEY },
    { type: CKA_ID, value: bytes(id) },
  ]);
  for (const object of [...publicKeys, privateKey]) {
    const point = attribute(session, object, CKA_EC_POINT);
    if (point !== undefined && point.length > 0) return publicKeyOfPoint(point, size);
  }
  return undefined;
}

async function withKey<T>(
  session: Session,
  token: Token,
  key: TokenKey,
  call: (handle: Handle) => Promise<T>,
): Promise<T> {
  const missing = (ckr?: string): TokenError => {
    expectLogin(session, token);
    return new TokenError(`the token "${token.label}" has this private key no longer`, { ckr });
  };
  const handle = locate(session, key);
  if (handle === undefined) throw missing();
  try {
    return await call(handle);
  } catch (error) {
    const answer = answerOf(error);
    if (answer?.code !== CKR_KEY_HANDLE_INVALID && answer?.code !== CKR_OBJECT_HANDLE_INVALID) throw error;
    // Deleted, or another object by now: the next call looks for it by its id.
    delete key.at;
    throw missing(answer.ckr);
  }
}
