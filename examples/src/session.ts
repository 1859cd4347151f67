// `npm start`: members on different backends in one group, end to end encrypted, step by step.
import { main } from "./main.js";

// A reader that has seen enough, as `head` has, is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

// A session that is interrupted still clears away what it made: that is done at the process's exit.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(1));

process.exitCode = await main(process.argv.slice(2), {
  stdout: (text) => process.stdout.write(text),
  stderr: (text) => process.stderr.write(text),
  // https://no-color.org: any value but the empty one turns colour off.
  colour: process.stdout.isTTY === true && !process.env.NO_COLOR,
});
