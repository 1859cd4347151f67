// A PostgreSQL server for tests, in a folder of its own, where Debian's package has put the program.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The folder of the newest version's programs; `undefined` where there is none. */
export function postgresPrograms(): string | undefined {
  const parent = "/usr/lib/postgresql";
  const versions = existsSync(parent) ? readdirSync(parent).sort((a, b) => Number(b) - Number(a)) : [];
  return versions
    .map((version) => join(parent, version, "bin"))
    .find((bin) => existsSync(join(bin, "initdb")));
}

/** The server refuses to be run by root: then it is run by a user who may do nothing else. */
function user(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string) => Number(execFileSync("id", [flag, "nobody"], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}

/** A server that runs. */
export interface Postgres {
  /** What `pg` and `psql` take from the environment. */
  readonly env: Readonly<Record<"PGHOST" | "PGUSER" | "PGDATABASE", string>>;
  stop(): Promise<void>;
}

/** @param bin what {@link postgresPrograms} returned */
export async function startPostgres(bin: string): Promise<Postgres> {
  const folder = mkdtempSync(join(tmpdir(), "copse-postgres-"));
  const who = user();
  if (who.uid !== undefined) chownSync(folder, who.uid, who.gid as number);
  const data = join(folder, "data");
  // A language whose order isn't that of bytes.
  const language = ["--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en"];
  execFileSync(join(bin, "initdb"), ["-D", data, "-U", "copse", "--auth=trust", "--no-sync", ...language], {
    ...who,
    stdio: ["ignore", "ignore", "pipe"],
    cwd: folder,
  });
  const settings = { listen_addresses: "", unix_socket_directories: folder, fsync: "off" };
  const options = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const server: ChildProcess = spawn(join(bin, "postgres"), ["-D", data, ...options], {
    ...who,
    stdio: ["ignore", "ignore", "pipe"],
    cwd: folder,
  });
  const stop = async () => {
    const ended = new Promise((resolve) => server.once("close", resolve));
    if (server.exitCode === null && server.kill("SIGINT")) await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await ready(server);
  } catch (error) {
    await stop();
    throw error;
  }
  return { env: { PGHOST: folder, PGUSER: "copse", PGDATABASE: "postgres" }, stop };
}

function ready(server: ChildProcess): Promise<void> {
  let said = "";
  return new Promise((resolve, reject) => {
    server.stderr?.on("data", (data: Buffer) => {
      said += data;
      if (said.includes("ready to accept connections")) resolve();
    });
    server.on("close", () => reject(new Error(`PostgreSQL ended: ${said}`)));
    server.on("error", reject);
  });
}
