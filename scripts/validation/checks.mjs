// Finds the checks in the core's sources. Wraps their conditions, so that a run of the tests can observe each check
// and switch it off.
//
// A check is either `ensure(condition, "section: rule", ...)`, whose name is its rule; or a guard,
// `if (condition) throw new MlsError("code", "message")` or `throw reader.fail("message")`, whose name is its code and
// message, with "…" in the place of each value.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAst } from "vitest/node";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const CORE = join(ROOT, "packages/core/src");

/**
 * @typedef {object} Check
 * @property {string} id its file and name, with a number if the file has several of that name
 * @property {"ensure" | "guard"} kind
 * @property {string} file below packages/core/src
 * @property {string} name
 * @property {number} start where the condition starts in the source
 * @property {number} end where the condition ends
 * @property {string} digest the hash of condition and name: it changes if the check changes
 */

/** The text of a string or a template; `undefined` for anything else. */
function textOf(node) {
  if (node?.type === "Literal" && typeof node.value === "string") return node.value;
  if (node?.type === "TemplateLiteral") return node.quasis.map(({ value }) => value.cooked).join("…");
  return undefined;
}

/** The name of a guard: what a statement throws, if it ends in throwing one of the core's errors. */
function thrownBy(statement) {
  const last = statement.type === "BlockStatement" ? statement.body.at(-1) : statement;
  if (last?.type !== "ThrowStatement") return undefined;
  // `throw blame(new MlsError(...), ...)` adds the proposal that caused the error.
  const thrown = last.argument.callee?.name === "blame" ? last.argument.arguments[0] : last.argument;
  const { type, callee, arguments: args } = thrown;
  if (type === "NewExpression" && callee.name === "MlsError") {
    const message = textOf(args[1]);
    return message && `${textOf(args[0]) ?? "…"}: ${message}`;
  }
  if (type === "CallExpression" && callee.property?.name === "fail") {
    const message = textOf(args[0]);
    return message && `decode: ${message}`;
  }
  return undefined;
}

/** All checks of a source, in their order in it. @returns {Check[]} */
export function checksIn(file, source) {
  const found = [];
  const add = (kind, name, { start, end }) => {
    const before = found.filter((one) => one.name === name).length;
    const id = `${file} | ${name}${before > 0 ? ` | ${before + 1}` : ""}`;
    const digest = createHash("sha256")
      .update(`${source.slice(start, end)}\n${name}`)
      .digest("hex");
    found.push({ id, kind, file, name, start, end, digest: digest.slice(0, 12) });
  };
  const visit = (node) => {
    if (Array.isArray(node)) {
      for (const one of node) visit(one);
      return;
    }
    if (typeof node !== "object" || node === null) return;
    if (node.type === "CallExpression" && node.callee.name === "ensure") {
      const name = textOf(node.arguments[1]);
      if (name === undefined)
        throw new Error(`${file}: expected a string literal as the rule at offset ${node.start}`);
      add("ensure", name, node.arguments[0]);
    }
    if (node.type === "IfStatement") {
      const name = thrownBy(node.consequent);
      if (name !== undefined) add("guard", name, node.test);
    }
    for (const value of Object.values(node)) visit(value);
  };
  visit(parseAst(source, { lang: "ts" }, file));
  return found.sort((a, b) => a.start - b.start);
}

/** All checks of the core. @returns {Check[]} */
export function allChecks() {
  const files = readdirSync(CORE, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && name !== "errors.ts")
    .sort();
  return files.flatMap((name) =>
    checksIn(name.replaceAll("\\", "/"), readFileSync(join(CORE, name), "utf8")),
  );
}

/** The same source with each condition passed to `globalThis.copseCheck(id, passes)`, whose result replaces it. */
export function instrumented(file, source) {
  let code = source;
  for (const { id, kind, start, end } of checksIn(file, source).reverse()) {
    const condition = code.slice(start, end);
    const passes = kind === "ensure" ? `(${condition})` : `!(${condition})`;
    const call = `${kind === "ensure" ? "" : "!"}globalThis.copseCheck(${JSON.stringify(id)}, ${passes})`;
    code = code.slice(0, start) + call + code.slice(end);
  }
  return code;
}

/** The Vite plugin that instruments the core. */
export function checksPlugin() {
  return {
    name: "copse-checks",
    enforce: "pre",
    transform(source, path) {
      const [clean] = path.split("?");
      const file = relative(CORE, clean).replaceAll("\\", "/");
      if (file.startsWith("..") || !file.endsWith(".ts") || file === "errors.ts") return undefined;
      return { code: instrumented(file, source), map: null };
    },
  };
}
