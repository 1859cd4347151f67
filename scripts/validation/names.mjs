// Whether a test of a name is in a file, without running it: its titles, with what tables and templates fill in.
import { parseAst } from "vitest/node";

const escaped = (text) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** The pattern of a title: what is filled in is a group. */
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

/** What a call is to vitest: `describe`, `it` or `test`, also with `.each(...)` or another modifier. */
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

/** Whether the source has a test of this full name, as far as can be told without running it. */
export function hasTest(source, name) {
  if (!known.has(source)) known.set(source, patternsIn(source));
  return known.get(source).some((pattern) => {
    const match = pattern.exec(name);
    if (match === null) return false;
    // Numbers and objects may be computed; a text that is filled in stands in the file.
    return match.slice(1).every((text) => /^[\d{[]/.test(text) || source.includes(text));
  });
}
