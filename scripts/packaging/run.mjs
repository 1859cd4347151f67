// Programs in processes of their own.
import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** How many lines of a failed program are shown. */
const MOST = 20;

const execute = promisify(execFile);

/**
 * Runs a program, and gives what it printed.
 * @throws Error with what it printed, if it exits with another code than 0
 */
export async function run(command, args, options = {}) {
  try {
    const { stdout } = await execute(command, args, { maxBuffer: 1 << 26, ...options });
    return stdout;
  } catch (error) {
    const said = `${error.stdout}${error.stderr}`.split("\n");
    const shown =
      said.length > MOST ? [...said.slice(0, MOST), `and ${said.length - MOST} lines more`] : said;
    throw new Error([`${command} ${args.join(" ")}`, ...shown].join("\n"));
  }
}

/** Runs a program of Node. */
export const node = (args, options) => run(process.execPath, args, options);
