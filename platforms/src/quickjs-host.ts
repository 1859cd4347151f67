// RFC 9420 §17.1: a program that runs a script in QuickJS: `node quickjs-host.js <quickjs-emscripten> <script>`.
import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";

/** What is used of quickjs-emscripten, which is fetched when it is wanted. */
interface Handle {
  dispose(): void;
}
interface Context {
  readonly global: Handle;
  readonly runtime: { executePendingJobs(): { readonly error?: Handle } };
  newFunction(name: string, call: (argument: Handle) => void): Handle;
  setProp(target: Handle, name: string, value: Handle): void;
  getString(handle: Handle): string;
  evalCode(code: string, fileName: string): { readonly error?: Handle };
  dump(handle: Handle): unknown;
}
interface Library {
  getQuickJS(): Promise<{ newContext(): Context }>;
}

const [, , library, script] = process.argv as [string, string, string, string];
const { getQuickJS } = (await import(pathToFileURL(library).href)) as Library;
const context = (await getQuickJS()).newContext();
const print = context.newFunction("print", (line) => console.log(context.getString(line)));
context.setProp(context.global, "print", print);

const { error } = context.evalCode(await readFile(script, "utf8"), script);
// Without timers all that follows are promises' reactions.
const failed = error ?? context.runtime.executePendingJobs().error;
if (failed !== undefined) throw new Error(JSON.stringify(context.dump(failed)));
