// PKCS#11 v2.40: a token of software for each platform, in a folder that is removed again.
import { execFile } from "node:child_process";
import { access, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { promisify } from "node:util";
import { APT } from "./get.js";
import type { TokenPlace } from "./report.js";

const run = promisify(execFile);

const LIBRARY = "/usr/lib/softhsm/libsofthsm2.so";
const PIN = "1234";

let folder: string | undefined;

/**
 * Makes tokens of SoftHSM, one for each name, which every program finds that is started from here on.
 * @returns the token of a name; undefined for all if SoftHSM can't be had
 */
export async function tokens(
  names: readonly string[],
  fetch: boolean,
  say: (line: string) => void,
): Promise<(name: string) => TokenPlace | undefined> {
  const util = await APT(
    "softhsm2",
    "/usr/bin/softhsm2-util",
  )(fetch).catch((error: Error) => {
    say(`pkcs11: not tried: ${error.message}`);
  });
  if (util === undefined) return () => undefined;
  // Tokens are many small files that are written through to the disk: in memory they take no time.
  const place = await access("/dev/shm").then(
    () => "/dev/shm",
    () => tmpdir(),
  );
  folder = await mkdtemp(`${place}/copse-tokens-`);
  const config = `directories.tokendir = ${folder}\nobjectstore.backend = file\nlog.level = ERROR\n`;
  await writeFile(`${folder}/softhsm2.conf`, config);
  process.env.SOFTHSM2_CONF = `${folder}/softhsm2.conf`;
  for (const name of names) {
    const init = ["--init-token", "--free", "--label", name, "--pin", PIN, "--so-pin", "12345678"];
    await run(util.command, init);
  }
  return (tokenLabel) => ({ library: LIBRARY, tokenLabel, pin: PIN });
}

/** Removes all tokens. */
export async function removeTokens(): Promise<void> {
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  folder = undefined;
}
