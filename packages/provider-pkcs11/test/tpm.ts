// A TPM 2.0 in software (swtpm), with the resource manager and the PKCS#11 library that a real one is used by.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, it } from "vitest";

const LIBRARIES = [
  process.env.TPM2_PKCS11_LIBRARY,
  ...["x86_64", "aarch64"].map((machine) => `/usr/lib/${machine}-linux-gnu/libtpm2_pkcs11.so.1`),
  "/usr/lib64/libtpm2_pkcs11.so.1",
];
const PROGRAMS = ["swtpm", "dbus-daemon", "tpm2-abrmd", "tpm2_ptool"];
const INSTALL =
  "apt-get install swtpm tpm2-abrmd libtss2-tcti-tabrmd0 libtpm2-pkcs11-1 libtpm2-pkcs11-tools dbus-daemon";

const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin"];
const library = LIBRARIES.find((path) => path !== undefined && existsSync(path));
const missing = PROGRAMS.filter((name) => !folders.some((folder) => existsSync(join(folder, name))));
if (library === undefined) missing.push("libtpm2_pkcs11.so.1");

export interface Tpm {
  readonly library: string;
  /** The label of its only token. */
  readonly tokenLabel: string;
  readonly pin: string;
}

/** Declares tests that need a TPM. Where its software isn't installed they are skipped, or fail if it is required. */
export function describeWithTpm(name: string, body: (tpm: Tpm) => void): void {
  describe(name, () => {
    if (library !== undefined && missing.length === 0) {
      start();
      body({ library, ...TOKEN });
      return;
    }
    it(`NOT TESTED: there is no ${missing.join(", ")} here (${INSTALL})`, ({ skip }) => {
      if (process.env.COPSE_TPM_REQUIRED === "1")
        throw new Error(`${missing.join(", ")}: required, but not here`);
      console.warn(`${name}: NOT TESTED, as ${missing.join(", ")} isn't installed`);
      skip();
    });
  });
}

const TOKEN = { tokenLabel: "mls", pin: "12345678" };

function start(): void {
  const running: ChildProcess[] = [];
  const folder = mkdtempSync(join(tmpdir(), "copse-tpm-"));
  const [bus, chip] = [join(folder, "bus"), join(folder, "chip")];
  const run = (program: string, ...args: string[]) =>
    running.push(
      spawn(program, args, { stdio: "ignore", env: { ...process.env, PATH: folders.join(delimiter) } }),
    );

  beforeAll(async () => {
    const [state, store] = ["state", "store"].map((part) => join(folder, part)) as [string, string];
    for (const part of [state, store]) mkdirSync(part);
    run("dbus-daemon", "--session", "--nofork", "--nopidfile", `--address=unix:path=${bus}`);
    const sockets = ["--server", `type=unixio,path=${chip}`, "--ctrl", `type=unixio,path=${chip}.ctrl`];
    run(
      "swtpm",
      "socket",
      "--tpm2",
      "--tpmstate",
      `dir=${state}`,
      ...sockets,
      "--flags",
      "not-need-init,startup-clear",
    );
    await until(() => [bus, chip, `${chip}.ctrl`].every((path) => existsSync(path)), "the bus and the TPM");
    Object.assign(process.env, {
      DBUS_SESSION_BUS_ADDRESS: `unix:path=${bus}`,
      TPM2TOOLS_TCTI: "tabrmd:bus_type=session",
      TPM2_PKCS11_TCTI: "tabrmd:bus_type=session",
      TPM2_PKCS11_STORE: store,
    });
    // A TPM holds three keys at a time; the resource manager changes them for all who use it.
    run("tpm2-abrmd", "--session", "--allow-root", "--tcti", `swtpm:path=${chip}`);
    const tool = (...args: string[]) => promisify(execFile)("tpm2_ptool", [...args, "--path", store]);
    await until(
      () =>
        tool("init").then(
          () => true,
          () => false,
        ),
      "the resource manager",
    );
    const { tokenLabel, pin } = TOKEN;
    await tool("addtoken", "--pid", "1", "--label", tokenLabel, "--userpin", pin, "--sopin", "87654321");
  }, 60_000);

  afterAll(() => {
    for (const one of running.reverse()) one.kill();
    rmSync(folder, { recursive: true, force: true });
  });
}

async function until(there: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let i = 0; i < 300; i++) {
    if (await there()) return;
    await sleep(100);
  }
  throw new Error(`${what} didn't start within 30 s`);
}
