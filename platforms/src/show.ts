// RFC 9420 §17.1: how browsers are made to show pages.
import type { ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { createInterface } from "node:readline";
import { freePort, reached, start } from "./programs.js";

/**
 * Shows pages, each in a tab of its own of one browser without a past, until `done` has settled. Then it ends the browser.
 * @returns what `done` is fulfilled with; throws if the browser ends before
 */
export type Show = <T>(command: string, addresses: readonly string[], done: Promise<T>) => Promise<T>;

/** A browser whose command line takes addresses. */
export const byCommandLine =
  (args: (profile: string) => readonly string[]): Show =>
  async (command, addresses, done) => {
    const profile = await mkdtemp(`${tmpdir()}/copse-browser-`);
    const { ended, stop } = start(command, [...args(profile), ...addresses]);
    try {
      return await Promise.race([done, ended]);
    } finally {
      stop();
      await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    }
  };

/** WebKitGTK by its WebDriver, on a display of its own: its browser has no other way to run without a window. */
export const byWebDriver: Show = async (command, addresses, done) => {
  const display = start("Xvfb", ["-displayfd", "1", "-screen", "0", "1024x768x24"]);
  const running = [display];
  try {
    const number = await Promise.race([firstLine(display.child), display.ended]);
    const port = await freePort();
    const driver = start(command, [`--port=${port}`], {
      DISPLAY: `:${number}`,
      // As root, WebKit can't confine its processes. Only our own page runs in them.
      ...(process.getuid?.() === 0 && { WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1" }),
    });
    running.push(driver);
    const show = async () => {
      await openTabs(`http://127.0.0.1:${port}`, addresses);
      return done;
    };
    return await Promise.race([show(), ...running.map(({ ended }) => ended)]);
  } finally {
    for (const one of running.reverse()) one.stop();
  }
};

async function openTabs(driver: string, addresses: readonly string[]): Promise<void> {
  const ask = async (path: string, body: object): Promise<{ sessionId?: string; handle?: string }> => {
    const answer = await reached(`${driver}/${path}`, { method: "POST", body: JSON.stringify(body) });
    const said = await answer.text();
    if (!answer.ok) throw new Error(`WebDriver answered ${answer.status}: ${said}`);
    return (JSON.parse(said) as { value: object | null }).value ?? {};
  };
  const session = `session/${(await ask("session", { capabilities: {} })).sessionId}`;
  let isFirst = true;
  for (const url of addresses) {
    if (!isFirst) {
      const { handle } = await ask(`${session}/window/new`, { type: "tab" });
      await ask(`${session}/window`, { handle });
    }
    isFirst = false;
    await ask(`${session}/url`, { url });
  }
}

async function firstLine({ stdout }: ChildProcess): Promise<string> {
  for await (const line of createInterface(stdout as NonNullable<typeof stdout>)) return line;
  throw new Error("it said nothing");
}
