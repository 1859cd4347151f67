// PKCS#11 v2.40: SoftHSM 2 with tokens in a temporary folder, for one test file.
import { accessSync, constants, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, it } from "vitest";
import type { Attribute, Cryptoki, Handle } from "../src/cryptoki.js";
import { answerOf } from "../src/errors.js";

const PLACES = [
  process.env.SOFTHSM2_LIBRARY,
  "/usr/lib/softhsm/libsofthsm2.so",
  "/usr/lib64/pkcs11/libsofthsm2.so",
  "/usr/lib/pkcs11/libsofthsm2.so",
  "/usr/local/lib/softhsm/libsofthsm2.so",
  "/opt/homebrew/lib/softhsm/libsofthsm2.so",
];

/** pkcs11js with what only a test needs of it. */
export interface RawCryptoki extends Cryptoki {
  load(path: string): void;
  C_InitToken(slot: Handle, pin: string, label: string): string;
  C_InitPIN(session: Handle, pin: string): void;
  C_SetPIN(session: Handle, oldPin: string, newPin: string): void;
  C_Logout(session: Handle): void;
  C_CloseAllSessions(slot: Handle): void;
}

export interface SoftHsm {
  readonly library: string;
  /** The folder that holds the tokens. */
  readonly folder: string;
  /** The same library, to act behind a provider's back. */
  readonly raw: RawCryptoki;
  /** Makes a token. */
  addToken(label: string, pin: string): void;
  slotOf(label: string): Handle;
}

export const SO_PIN = "so-secret-1234";

const library = PLACES.find((path) => path !== undefined && existsSync(path));
const missing = library === undefined ? "SoftHSM 2" : findPkcs11js() === undefined ? "pkcs11js" : undefined;

function findPkcs11js(): (new () => RawCryptoki) | undefined {
  try {
    return createRequire(import.meta.url)("pkcs11js").PKCS11;
  } catch {
    return undefined;
  }
}

/** Declares tests that need SoftHSM. Where it isn't installed they are skipped, or fail if it is required. */
export function describeWithSoftHsm(name: string, body: (hsm: SoftHsm) => void): void {
  if (missing === undefined) {
    describe(name, () => body(start(library as string)));
    return;
  }
  describe(name, () => {
    it(`NOT TESTED: ${missing} isn't installed here (apt-get install softhsm2; npm install pkcs11js)`, ({
      skip,
    }) => {
      if (process.env.COPSE_SOFTHSM_REQUIRED === "1") throw new Error(`${missing} is required, but not here`);
      console.warn(`${name}: NOT TESTED, as ${missing} isn't installed`);
      skip(`${missing} isn't installed`);
    });
  });
}

function start(path: string): SoftHsm {
  const root = mkdtempSync(join(place(), "copse-softhsm-"));
  writeFileSync(
    join(root, "softhsm2.conf"),
    `directories.tokendir = ${root}\nobjectstore.backend = file\nlog.level = ERROR\n`,
  );
  process.env.SOFTHSM2_CONF = join(root, "softhsm2.conf");
  const raw = new (findPkcs11js() as new () => RawCryptoki)();
  raw.load(path);
  initialize(raw);
  afterAll(() => {
    try {
      raw.C_Finalize();
    } catch {
      // A test has done it.
    }
    rmSync(root, { recursive: true, force: true });
  });
  const slotOf = (label: string): Handle => {
    // The last provider to be closed may have finalised it.
    initialize(raw);
    const slot = raw.C_GetSlotList(true).find((one) => raw.C_GetTokenInfo(one).label.trim() === label);
    if (slot === undefined) throw new Error(`no token ${label}`);
    return slot;
  };
  return {
    library: path,
    folder: root,
    raw,
    slotOf,
    addToken(label, pin) {
      initialize(raw);
      const free = raw.C_GetSlotList(true).find((slot) => (raw.C_GetTokenInfo(slot).flags & 0x400) === 0);
      raw.C_InitToken(free as Handle, SO_PIN, label.padEnd(32));
      const session = raw.C_OpenSession(slotOf(label), 6);
      raw.C_Login(session, 0, SO_PIN);
      raw.C_InitPIN(session, pin);
      raw.C_Logout(session);
      raw.C_CloseSession(session);
    },
  };
}

/** In memory if there is such a folder: SoftHSM waits for the disk at each of its many writes. */
function place(): string {
  try {
    accessSync("/dev/shm", constants.W_OK);
    return "/dev/shm";
  } catch {
    return tmpdir();
  }
}

export function initialize(raw: RawCryptoki): void {
  try {
    raw.C_Initialize({ flags: 2 });
  } catch (error) {
    if (answerOf(error)?.ckr !== "CKR_CRYPTOKI_ALREADY_INITIALIZED") throw error;
  }
}

/** Handles of all objects in a token that have the attributes. */
export function objects(raw: RawCryptoki, session: Handle, template: Attribute[]): Handle[] {
  raw.C_FindObjectsInit(session, template);
  const found = raw.C_FindObjects(session, 1000);
  raw.C_FindObjectsFinal(session);
  return found;
}

/** The library with some functions replaced, and logins counted. */
export function tapped(raw: RawCryptoki, replaced: Partial<RawCryptoki> = {}) {
  const pins: (string | undefined)[] = [];
  const library = new Proxy(raw, {
    get(target, name) {
      const own = replaced[name as keyof RawCryptoki];
      if (own !== undefined) return own;
      const value = Reflect.get(target, name) as unknown;
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        if (name === "C_Login") pins.push(args[2] as string);
        return Reflect.apply(value, target, args) as unknown;
      };
    },
  });
  return { library, pins };
}
