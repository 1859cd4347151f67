// RFC 9420 §5.3, §10: a client of ts-mls: its identity, keys and PSKs.
import { UnsupportedByImplementation } from "@copse/interop";
import {
  bytesToBase64,
  type CiphersuiteName,
  defaultCredentialTypes,
  defaultKeyPackageEqualityConfig,
  defaultKeyRetentionConfig,
  defaultLifetimeConfig,
  defaultPaddingConfig,
  generateKeyPackageWithKey,
  getCiphersuiteImpl,
  unsafeTestingAuthenticationService,
} from "ts-mls";
import { SUITES, uncompressed } from "../keys.js";
import type { FullContext } from "./commit.js";

type Psks = Record<string, Uint8Array>;

/** A client: an identity with a fresh signature key. */
export interface Party {
  readonly suite: number;
  readonly identity: Uint8Array;
  readonly context: FullContext;
  readonly keys: { signKey: Uint8Array; publicKey: Uint8Array };
}

const stores = new Map<string, Psks>();

export async function makeParty(suite: number, identity: Uint8Array): Promise<Party> {
  const name = (SUITES as Readonly<Record<number, CiphersuiteName>>)[suite];
  if (name === undefined) throw new UnsupportedByImplementation(`no suite ${suite}`);
  const cipherSuite = await getCiphersuiteImpl(name);
  const keys = await cipherSuite.signature.keygen();
  if (suite === 2) keys.publicKey = uncompressed(keys.publicKey);
  const id = bytesToBase64(identity);
  const externalPsks = stores.get(id) ?? {};
  stores.set(id, externalPsks);
  const context: FullContext = {
    cipherSuite,
    authService: unsafeTestingAuthenticationService,
    externalPsks,
    clientConfig: {
      keyRetentionConfig: { ...defaultKeyRetentionConfig, retainKeysForEpochs: 256 },
      lifetimeConfig: defaultLifetimeConfig,
      keyPackageEqualityConfig: defaultKeyPackageEqualityConfig,
      paddingConfig: defaultPaddingConfig,
    },
  };
  return { suite, identity, context, keys };
}

export function makeKeyPackage({ identity, context, keys }: Party) {
  return generateKeyPackageWithKey({
    credential: { credentialType: defaultCredentialTypes.basic, identity },
    signatureKeyPair: keys,
    cipherSuite: context.cipherSuite,
  });
}

export function store({ context }: Party, id: Uint8Array, secret: Uint8Array): void {
  (context.externalPsks as Psks)[bytesToBase64(id)] = secret;
}
