// A provider with its private keys in a SoftHSM 2 token. The token is created for this run and deleted after it.
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { accessSync, constants, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { MlsError } from "@copse/core";
import { nodeProvider } from "@copse/provider-node";
import { pkcs11Provider } from "@copse/provider-pkcs11";
import { NotHereError, type ProviderEntry, type SessionProvider } from "./provider-entry.js";

const PLACES = [
  process.env.SOFTHSM2_LIBRARY ?? "",
  "/usr/lib/softhsm/libsofthsm2.so",
  "/usr/lib64/pkcs11/libsofthsm2.so",
  "/usr/lib/pkcs11/libsofthsm2.so",
  "/usr/local/lib/softhsm/libsofthsm2.so",
  "/opt/homebrew/lib/softhsm/libsofthsm2.so",
];

const LABEL = "copse example";
const INSTALL = "on Debian: apt-get install softhsm2";

/** @param places where to look for SoftHSM's library */
export function tokenProvider(places: readonly string[] = PLACES): ProviderEntry {
  return {
    name: "pkcs11",
    needsInstalling: true,
    make: () => makeToken(places),
    describe: async () => "signature, init and leaf keys in a token of SoftHSM 2; the rest by node",
  };
}

async function makeToken(places: readonly string[]): Promise<SessionProvider> {
  const library = places.find((path) => existsSync(path));
  if (library === undefined) throw new NotHereError(`SoftHSM 2 isn't installed here (${INSTALL})`);
  const folder = mkdtempSync(join(memoryOrDisk(), "copse-token-"));
  const environment = process.env.SOFTHSM2_CONF;
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const clear = () => {
    process.off("exit", remove);
    remove();
    if (environment === undefined) delete process.env.SOFTHSM2_CONF;
    else process.env.SOFTHSM2_CONF = environment;
  };
  // Where the process ends before the session does.
  process.on("exit", remove);
  try {
    const configuration = join(folder, "softhsm2.conf");
    writeFileSync(
      configuration,
      `directories.tokendir = ${folder}\nobjectstore.backend = file\nlog.level = ERROR\n`,
    );
    process.env.SOFTHSM2_CONF = configuration;
    const pin = randomBytes(8).toString("hex");
    await initialize(library, pin);
    const provider = await pkcs11Provider({
      library,
      tokenLabel: LABEL,
      pin,
      inner: nodeProvider(),
      keys: { hpke: true },
    });
    return { ...provider, close: () => provider.close().finally(clear) };
  } catch (error) {
    clear();
    // pkcs11js is an optional dependency: npm goes on where it can't be compiled.
    if (error instanceof MlsError && error.code === "missing") throw new NotHereError(error.message);
    throw error;
  }
}

async function initialize(library: string, pin: string): Promise<void> {
  const soPin = randomBytes(8).toString("hex");
  const what = ["--init-token", "--free", "--module", library, "--label", LABEL];
  try {
    await promisify(execFile)("softhsm2-util", [...what, "--pin", pin, "--so-pin", soPin]);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new NotHereError(`softhsm2-util isn't installed here (${INSTALL})`);
  }
}

/** SoftHSM waits for the disk at each of its many writes: in memory, if there is such a folder. */
function memoryOrDisk(): string {
  try {
    accessSync("/dev/shm", constants.W_OK);
    return "/dev/shm";
  } catch {
    return tmpdir();
  }
}
