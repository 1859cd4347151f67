// Finds out whether a file has a test of a given name, without running it: by its titles, which may have placeholders
// for the values of tables and templates.
import { parseAst } from "vitest/node";

const escaped = (text) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** The pattern of a title. Each placeholder is a group. */
function patternOf(title) {
  if (title?.type === "Literal" && typeof title.value === "string") {
    return title.value
      .split(/%[sdifjoO]/)
      .map(escaped)
      .join("(.+?)");
  }
  if (title?.type === "TemplateLiteral") {
    return title.quasis.map(({ value }) => escaped(value.cooked)).join("(.+?)");
  }
  return undefined;
}

/** Which function of vitest a call is: `describe`, `it` or `test`, also with `.each(...)` or another modifier. */
function kindOf(callee) {
  if (callee.type === "Identifier") return /^(describe|it|test)$/.exec(callee.name)?.[0];
  if (callee.type === "CallExpression") return kindOf(callee.callee);
  return callee.type === "MemberExpression" ? kindOf(callee.object) : undefined;
}

/** The patterns of the full names of all tests in a source. */
function patternsIn(source) {
  const patterns = [];
  const visit = (node, outer) => {
    if (Array.isArray(node)) {
      for (const one of node) visit(one, outer);
      return;
    }
    if (typeof node !== "object" || node === null) return;
    let inner = outer;
    if (node.type === "CallExpression" && kindOf(node.callee) !== undefined) {
      const pattern = patternOf(node.arguments[0]);
      if (pattern !== undefined && node.arguments.length > 1) {
        inner = [...outer, pattern];
        if (kindOf(node.callee) !== "describe") patterns.push(new RegExp(`^${inner.join(" ")}$`));
      }
    }
    for (const value of Object.values(node)) visit(value, inner);
  };
  visit(parseAst(source, { lang: "ts" }), []);
  return patterns;
}

const known = new Map();

/** Whether the source has a test of this full name, as far as is known without running it. */
export function hasTest(source, name) {
  if (!known.has(source)) known.set(source, patternsIn(source));
  return known.get(source).some((pattern) => {
    const match = pattern.exec(name);
    if (match === null) return false;
    // Numbers and objects may be computed. Any other value must occur in the file.
    return match.slice(1).every((text) => /^[\d{[]/.test(text) || source.includes(text));
  });
}
