// A native module for keys in a phone's chip, played by node:crypto, in the formats of iOS and of Android.
import { createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject, sign } from "node:crypto";

/** What becomes of a use of a key. */
export type Fate = "answer" | "cancel" | "hang";

export interface Phone {
  create(name: string, use: "sign" | "agree"): Promise<void>;
  publicKey(name: string): Promise<string | null>;
  sign(name: string, message: string): Promise<string>;
  agree(name: string, publicKey: string): Promise<string>;
  remove(name: string): Promise<void>;
  /** Decides about each use of a private key; `undefined`: all are answered. */
  fate: (() => Fate) | undefined;
  /** Whether the chip makes no keys, though it says that it did. */
  forgets: boolean;
  readonly names: readonly string[];
  /** Puts a key in the place of another. */
  swap(name: string, other: string): void;
}

const SPKI_PREFIX = Buffer.from("3059301306072a8648ce3d020106082a8648ce3d030107034200", "hex");

/** A module that rejects does it with an error of the platform's name. */
class PhoneError extends Error {
  override readonly name = "PhoneError";
  constructor(readonly code: string) {
    super(code);
  }
}

export function startPhone(kind: "ios" | "android"): Phone {
  const keys = new Map<string, { readonly key: KeyObject; readonly use: string }>();
  const find = async (phone: Phone, name: string, use: string): Promise<KeyObject> => {
    const found = keys.get(name);
    if (found?.use !== use) throw new PhoneError(kind === "ios" ? "errSecItemNotFound" : "KeyStoreException");
    const fate = phone.fate?.() ?? "answer";
    if (fate === "cancel")
      throw new PhoneError(kind === "ios" ? "errSecUserCanceled" : "ERROR_USER_CANCELED");
    if (fate === "hang") await new Promise(() => undefined);
    return found.key;
  };
  const phone: Phone = {
    fate: undefined,
    forgets: false,
    get names() {
      return [...keys.keys()];
    },
    async create(name, use) {
      if (keys.has(name) || phone.forgets) return;
      const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
      keys.set(name, { key: privateKey, use });
    },
    async publicKey(name) {
      const found = keys.get(name);
      if (found === undefined) return null;
      const spki = createPublicKey(found.key).export({ format: "der", type: "spki" });
      return (kind === "ios" ? spki.subarray(SPKI_PREFIX.length) : spki).toString("base64");
    },
    async sign(name, message) {
      const key = await find(phone, name, "sign");
      return sign("sha256", Buffer.from(message, "base64"), key).toString("base64");
    },
    async agree(name, publicKey) {
      const privateKey = await find(phone, name, "agree");
      const spki = Buffer.concat([SPKI_PREFIX, Buffer.from(publicKey, "base64")]);
      const theirs = createPublicKey({ key: spki, format: "der", type: "spki" });
      return diffieHellman({ privateKey, publicKey: theirs }).toString("base64");
    },
    async remove(name) {
      keys.delete(name);
    },
    swap(name, other) {
      keys.set(name, keys.get(other) as { key: KeyObject; use: string });
    },
  };
  return phone;
}
