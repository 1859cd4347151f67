// RFC 9420 §5.1: a provider whose private keys are made in a token, and stay there.
import {
  type Awaitable,
  type CipherSuiteProvider,
  type CryptoProvider,
  checkOptions,
  type HpkePrivateKey,
  MlsError,
  type OptionKind,
  type OptionShape,
  type SignaturePrivateKey,
  type Signer,
  UnsupportedError,
} from "@copse/core/provider";
import { composeSuite, defineProvider, ownInputs } from "@copse/provider-kit";
import { CKA_CLASS, CKA_ID, CKA_LABEL, CKO_PRIVATE_KEY, type Cryptoki } from "./cryptoki.js";
import { type AgreementWay, hpkePart } from "./hpke.js";
import { attribute, destroyKey, destroyObject, expectLogin, findObjects, ifThere } from "./keys.js";
import { openLibrary } from "./library.js";
import type { LoginOptions } from "./login.js";
import { probeAgreement, probeSigning } from "./probe.js";
import { referencesIn } from "./reference.js";
import { findSigner, makeSigner, type SignerChoice, type SignerName, type TokenSigner } from "./signers.js";
import { type SigningWay, signaturePart } from "./signing.js";
import { hex, isBeingMade, isInUse, Store } from "./store.js";
import { Token } from "./token.js";

export interface Pkcs11Options {
  /**
   * Path of the PKCS#11 library, as in `/usr/lib/softhsm/libsofthsm2.so`; or a `PKCS11` of pkcs11js that the
   * application has loaded, and finalises itself.
   */
  readonly library: string | Cryptoki;
  /** The slot's number, needed only if two tokens have the same label. */
  readonly slot?: number;
  /** The token's label. Default, if `slot` isn't given either: the only token there is. */
  readonly tokenLabel?: string;
  /**
   * The user PIN, or a function that asks for it: once at the start, and again whenever a login was lost. A PIN that was
   * refused is never tried again in this process.
   */
  readonly pin: string | (() => Awaitable<string>);
  /** Serves hashes, MACs, AEAD, verification, encryption and randomness, and all keys that aren't the token's. */
  readonly inner: CryptoProvider;
  /** Which keys are made in the token. */
  readonly keys?: {
    /** Signature keys. Default: true, so that suites whose scheme the token lacks aren't served. */
    readonly signature?: boolean;
    /**
     * Init keys and leaf keys. `true` leaves out the suites whose KEM the token lacks. With `"offered"` (default) the
     * inner provider makes the keys of those suites.
     */
    readonly hpke?: boolean | "offered";
  };
  /** Code points of the suites to serve, best first. Default: all of the inner provider's. */
  readonly suites?: readonly number[];
  /** The prefix of CKA_LABEL of the keys made here, one for each user of the token. Default: `copse`. */
  readonly label?: string;
  /** The most sessions to open. Default: 4. */
  readonly poolSize?: number;
  /**
   * Whether the library locks, if it is initialised before this provider is made: `true` if that was done with
   * `CKF_OS_LOCKING_OK`. By default nothing is known of it, and the token works on the thread of the caller, who waits.
   */
  readonly osLocking?: boolean;
  /** Whether to log in even if one more wrong PIN would lock the token. Default: false. */
  readonly allowFinalTry?: boolean;
}

const OPTIONS: OptionShape<Pkcs11Options> = {
  library: ["string", "object"],
  slot: "number",
  tokenLabel: "string",
  pin: ["string", "function"],
  inner: "object",
  keys: { signature: "boolean", hpke: ["boolean", '"offered"'] },
  suites: { "[]": "number" },
  label: "string",
  poolSize: "number",
  osLocking: "boolean",
  allowFinalTry: "boolean",
};
const SIGNER_NAME: OptionShape<SignerName> = { label: "string", id: "bytes" };
const SIGNER_CHOICE: OptionShape<SignerChoice> = { ...SIGNER_NAME, publicKey: "bytes" };
const SWEEP: OptionKind = { inUse: ['"keep"', '"delete"'] };

/** Where the private keys of a suite are made. */
export interface KeyPlaces {
  readonly signature: "token" | "inner";
  readonly hpke: "token" | "inner";
}

export interface Pkcs11Provider extends CryptoProvider {
  /** The token, as it describes itself. */
  readonly token: {
    readonly label: string;
    readonly manufacturer: string;
    readonly model: string;
    readonly serialNumber: string;
  };
  /** @throws UnsupportedError if the suite isn't served */
  places(suite: number): KeyPlaces;
  /** A fresh signature key that stays in the token, for all suites with this one's scheme. @throws TokenError */
  generateSigner(suite: number, name: SignerName): Promise<TokenSigner>;
  /** A signature key that is in the token already. @throws MlsError `missing`, or `usage` if several fit */
  findSigner(suite: number, choice: SignerChoice): Promise<TokenSigner>;
  /**
   * Deletes a key from the token, irrevocably.
   * @returns whether it was there
   * @throws MlsError `usage` if this isn't a key of this provider's in the token
   */
  destroyKey(key: HpkePrivateKey | SignaturePrivateKey | Signer): Promise<boolean>;
  /**
   * Deletes the init keys and leaf keys that nothing needs any more: those made under this provider's label that
   * no saved state refers to. Signature keys stay.
   * @param saved all states that are kept: what `Group.save` and `Client.saveKeyPackages` gave, not encrypted
   * @param options `inUse`: what becomes of keys that this process still holds a handle of. `"keep"`, as by
   *   default, spares them; `"delete"` is for when `saved` was made just now and holds all that is needed.
   * @returns how many were deleted
   */
  sweep(saved: readonly Uint8Array[], options?: { readonly inUse?: "keep" | "delete" }): Promise<number>;
  /** Ends the login, unless another provider of this process shares it. All later calls are refused as `closed`. */
  close(): Promise<void>;
}

interface Served {
  readonly inner: CipherSuiteProvider;
  readonly signing: SigningWay | undefined;
  readonly agreement: AgreementWay | undefined;
}

/**
 * Logs in to a token, and finds out what it can do by doing it, with keys that are deleted at once.
 * @throws TokenError if the token refuses; MlsError `missing` if there is no such token or library, or pkcs11js
 *   isn't installed; MlsError `unsupported` if no suite can be served; MlsError `usage`
 */
export async function pkcs11Provider(options: Pkcs11Options): Promise<Pkcs11Provider> {
  checkOptions(options, OPTIONS);
  const { inner, slot, tokenLabel, poolSize = 4, label = "copse" } = options;
  if (!Number.isInteger(poolSize) || poolSize < 1) {
    throw new MlsError("usage", `expected a pool of at least 1 session, got ${poolSize}`);
  }
  const ids = options.suites ?? inner.suites.map(({ id }) => id);
  const [firstId] = ids;
  if (firstId === undefined) throw new UnsupportedError("expected at least one suite to serve");
  const login = loginOptions(options, inner.suite(firstId));

  const library = await openLibrary(options.library, options.osLocking ?? false);
  let token: Token;
  try {
    token = await Token.open(library, { slot, tokenLabel }, login, poolSize);
  } catch (error) {
    library.release();
    throw error;
  }
  try {
    const served = await probe(
      token,
      ids.map((id) => inner.suite(id)),
      options.keys,
    );
    if (served.length === 0) {
      throw new UnsupportedError(`the token "${token.label}" supports no suite's signature scheme`);
    }
    return makeProvider(token, served, label);
  } catch (error) {
    await token.close();
    throw error;
  }
}

function loginOptions(
  { pin, allowFinalTry = false }: Pkcs11Options,
  suite: CipherSuiteProvider,
): LoginOptions {
  return {
    pin,
    allowFinalTry,
    digest: (text) => suite.hash.mac(processSecret(suite), new TextEncoder().encode(text)),
  };
}

let secret: Uint8Array | undefined;

/** Under which refused PINs are remembered. */
function processSecret(suite: CipherSuiteProvider): Uint8Array {
  secret ??= suite.random(32);
  return secret;
}

/** What the token does for each suite. Each scheme and each KEM is tried once. */
async function probe(
  token: Token,
  suites: readonly CipherSuiteProvider[],
  { signature = true, hpke = "offered" }: NonNullable<Pkcs11Options["keys"]> = {},
): Promise<Served[]> {
  const signings = new Map<string, SigningWay | undefined>();
  const agreements = new Map<number, AgreementWay | undefined>();
  const served: Served[] = [];
  for (const inner of suites) {
    const { suite } = inner;
    // Also the hash, as ECDSA signs with that of its scheme only.
    const scheme = `${suite.signature.id} ${suite.hash.name}`;
    if (signature && !signings.has(scheme)) signings.set(scheme, await probeSigning(token, inner));
    const signing = signings.get(scheme);
    if (signature && signing === undefined) continue;
    if (hpke !== false && !agreements.has(suite.kem.id)) {
      agreements.set(suite.kem.id, await probeAgreement(token, inner));
    }
    const agreement = agreements.get(suite.kem.id);
    if (hpke === true && agreement === undefined) continue;
    served.push({ inner, signing, agreement });
  }
  return served;
}

function makeProvider(token: Token, served: readonly Served[], label: string): Pkcs11Provider {
  const store = new Store();
  const hpkeLabel = `${label}: HPKE`;
  const provider = defineProvider(
    "pkcs11",
    served.map(({ inner, signing, agreement }) => ({
      suite: inner.suite,
      make: () =>
        composeSuite({
          suite: inner.suite,
          hash: inner.hash,
          kdf: inner.kdf,
          aead: inner.aead,
          // Calls wait for a session of the token, and then come to their inputs.
          hpke:
            agreement === undefined
              ? inner.hpke
              : ownInputs(
                  hpkePart(inner, token, agreement, store, hpkeLabel, (saved) =>
                    sweep(token, hpkeLabel, saved, "keep"),
                  ),
                ),
          signature:
            signing === undefined
              ? inner.signature
              : ownInputs(signaturePart(inner, token, signing, store, `${label}: signature`)),
          random: (length) => inner.random(length),
        }),
    })),
  );
  const find = (id: number): Served => {
    const entry = served.find(({ inner }) => inner.suite.id === id);
    if (entry === undefined) throw new UnsupportedError(`pkcs11 does not serve cipher suite ${id}`);
    return entry;
  };
  const signerContext = (id: number) => {
    const { inner, signing } = find(id);
    if (signing === undefined)
      throw new MlsError("usage", "this provider doesn't sign in the token: see the option `keys`");
    return { inner, token, way: signing, store };
  };
  const { label: tokenLabel, manufacturerID, model, serialNumber } = token.info;
  return {
    ...provider,
    token: {
      label: tokenLabel.trim(),
      manufacturer: manufacturerID.trim(),
      model: model.trim(),
      serialNumber: serialNumber.trim(),
    },
    places(id) {
      const { signing, agreement } = find(id);
      return {
        signature: signing === undefined ? "inner" : "token",
        hpke: agreement === undefined ? "inner" : "token",
      };
    },
    async generateSigner(id, name) {
      checkOptions(name, SIGNER_NAME, "name");
      return makeSigner(signerContext(id), name);
    },
    async findSigner(id, choice) {
      checkOptions(choice, SIGNER_CHOICE, "choice");
      return findSigner(signerContext(id), choice);
    },
    async destroyKey(handle) {
      const own = store.keyOf(handle);
      if (own === undefined)
        throw new MlsError("usage", "this key isn't one of this provider's in the token");
      return destroyKey(token, own);
    },
    async sweep(saved, options = {}) {
      checkOptions(options, SWEEP);
      return sweep(token, hpkeLabel, saved, options.inUse ?? "keep");
    },
    async close() {
      await token.close();
      store.close();
    },
  };
}

async function sweep(
  token: Token,
  label: string,
  saved: readonly Uint8Array[],
  inUse: "keep" | "delete",
): Promise<number> {
  const needed = new Set(saved.flatMap((state) => referencesIn(state).map(hex)));
  return token.use("deleting keys that are no longer needed", async (session) => {
    expectLogin(session, token);
    let deleted = 0;
    for (const object of findObjects(session, [
      { type: CKA_CLASS, value: CKO_PRIVATE_KEY },
      { type: CKA_LABEL, value: label },
    ])) {
      // Another sweep, of another process perhaps, may have deleted it since it was found.
      const id = ifThere(session, object, () => attribute(session, object, CKA_ID));
      if (id === undefined || needed.has(hex(id))) continue;
      if (isBeingMade(id) || (inUse === "keep" && isInUse(id))) continue;
      if (destroyObject(session, object)) deleted++;
    }
    return deleted;
  });
}
