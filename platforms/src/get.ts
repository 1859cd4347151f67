// RFC 9420 §17.1: gets platforms, from npm into a folder that git ignores, or from Debian.
import { execFile } from "node:child_process";
import { access, mkdir, readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { CACHE } from "./bundle.js";

const run = promisify(execFile);

/** A platform that is here. */
export interface Got {
  readonly command: string;
  /** Of the platform and, where it is one that matters, its cryptography. */
  readonly version: string;
}

/** A platform that can't be had, and why. */
export class Unavailable extends Error {
  override readonly name = "Unavailable";
}

type Get = (fetch: boolean) => Promise<Got>;

/** The first line of what a failed command said, which of npm and apt-get is an error. */
function said(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message: string };
  const lines = (stderr || message).split("\n").filter((line) => !/^npm warn|^W:|^$/.test(line));
  return lines[0] ?? message;
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

/** The version that a program gives as its own: the first number of what it prints. */
async function versionOf(command: string): Promise<string> {
  try {
    const { stdout } = await run(command, ["--version"]);
    return /\d+(\.\d+)+(esr)?|\d{4}-\d\d-\d\d/.exec(stdout)?.[0] ?? stdout.trim();
  } catch (error) {
    throw new Unavailable(`it doesn't start: ${said(error)}`);
  }
}

async function nodeVersion(command: string): Promise<string> {
  const script = "process.versions.node + ' (OpenSSL ' + process.versions.openssl + ')'";
  const { stdout } = await run(command, ["-p", script]);
  return stdout.trim();
}

/** The Node that this runs in, if it is of that major version. */
export async function runningNode(major: number): Promise<Got | undefined> {
  if (Number(process.versions.node.split(".")[0]) !== major) return undefined;
  return { command: process.execPath, version: await nodeVersion(process.execPath) };
}

/** How a program's version is told: by itself, by Node with OpenSSL's, or by its package. */
type TellsVersion = (command: string, packaged: string) => Promise<string>;
const itself: TellsVersion = (command) => versionOf(command);
export const ofNode: TellsVersion = (command) => nodeVersion(command);
export const ofPackage: TellsVersion = async (_, packaged) => packaged;

/**
 * A program that an npm package ships: `name@version`, and the program's path in the package. A version that isn't
 * complete (`22`) is a range, and each fetch asks npm for its newest version.
 * @param others packages that it needs besides, with their versions
 */
export function NPM(
  spec: string,
  program: string,
  version: TellsVersion = itself,
  others: readonly string[] = [],
): Get {
  const at = spec.lastIndexOf("@");
  const [name, wanted] = [spec.slice(0, at), spec.slice(at + 1)];
  const pinned = /^\d+\.\d+\.\d+$/.test(wanted);
  return async (fetch) => {
    if (process.platform !== "linux" || process.arch !== "x64") {
      throw new Unavailable(
        `${name} is for Linux on x64, and this is ${process.platform} on ${process.arch}`,
      );
    }
    const prefix = `${CACHE}/${[spec, ...others]
      .join("-")
      .replace(/[^\w.]+/g, "-")
      .replace(/^-/, "")}`;
    const folder = `${prefix}/node_modules/${name}`;
    const cached = await installed(folder);
    if (pinned ? cached !== wanted : fetch || cached === undefined) {
      if (!fetch) throw new Unavailable(`${spec} isn't in the cache`);
      await mkdir(prefix, { recursive: true });
      const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-save"];
      await run("npm", ["install", "--prefix", prefix, ...flags, spec, ...others]).catch((error) => {
        throw new Unavailable(`npm: ${said(error)}`);
      });
    }
    const command = `${folder}/${program}`;
    return { command, version: await version(command, (await installed(folder)) ?? wanted) };
  };
}

async function installed(folder: string): Promise<string | undefined> {
  try {
    const { version } = JSON.parse(await readFile(`${folder}/package.json`, "utf8")) as { version: string };
    return version;
  } catch {
    return undefined;
  }
}

/**
 * A program of a Debian package, which only root can install.
 * @param others packages that it needs besides
 * @param version tells its version; default: it does so itself
 */
export function APT(
  name: string,
  command: string,
  others: readonly string[] = [],
  version: () => Promise<string> = () => versionOf(command),
): Get {
  return async (fetch) => {
    if (!(await exists(command))) {
      if (!fetch) throw new Unavailable(`${name} isn't installed`);
      if (process.getuid?.() !== 0)
        throw new Unavailable(`${name} isn't installed, and only root can do that`);
      const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
      await run("apt-get", ["update", "-qq"], { env }).catch(() => undefined);
      await run("apt-get", ["install", "-y", "-qq", name, ...others], { env, maxBuffer: 2 ** 26 }).catch(
        (error) => {
          throw new Unavailable(`apt-get: ${said(error)}`);
        },
      );
    }
    return { command, version: await version() };
  };
}

/** The version of a Debian package's program, without Debian's own part of it. */
export async function packageVersion(name: string): Promise<string> {
  // The name and the version, with a tab between them.
  const { stdout } = await run("dpkg-query", ["--show", name]);
  return stdout
    .trim()
    .replace(/^.*\t/, "")
    .replace(/-[^-]*$/, "");
}
