// `npm start`: an end-to-end encrypted group whose members use different providers, step by step.
import { main } from "./main.js";

// A reader such as `head` closes the pipe early. That is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

// An interrupted session exits normally, so that the exit handlers delete its token.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(1));

process.exitCode = await main(process.argv.slice(2), {
  stdout: (text) => process.stdout.write(text),
  stderr: (text) => process.stderr.write(text),
  // https://no-color.org: any value but the empty one turns colour off.
  colour: process.stdout.isTTY === true && !process.env.NO_COLOR,
});
