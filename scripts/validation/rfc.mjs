// Finds the requirements in the text of RFC 9420, which isn't part of the repository, and compares them with the index
// in musts.mjs. The text is rfc9420.md of https://github.com/mlswg/mls-protocol, in Markdown.
//
// A requirement is a sentence with MUST, SHALL or REQUIRED; a step "Verify ..." and what else says when something is
// invalid; and each item of a list that such a sentence introduces.
import { createHash } from "node:crypto";
import { MUSTS } from "./musts.mjs";

const REQUIREMENT =
  /\b(MUST|SHALL|REQUIRED)\b|^Verify\b|, verify that\b|\band verify that\b|\b(in)?valid if\b|\breturn an error\b/;
/** The end of a sentence: what follows begins with a capital letter, or with code, a quotation or a parenthesis. */
const SENTENCE_END = /(?<=[.:!?]["”)]?) (?=[A-Z"(`*{])/;

/** @typedef {{ section: string, indent: number, item: boolean, text: string }} Block a paragraph or a list item */

/** The paragraphs and list items of the text, without code and figures. @returns {Block[]} */
function blocksOf(text) {
  const blocks = [];
  const counts = [0, 0, 0, 0, 0];
  let [section, appendix, fenced] = ["", false, false];
  /** @type {Block | undefined} */
  let open;
  for (const line of text.split("\n")) {
    const heading = /^(#+) /.exec(line);
    const item = /^(\s*)(?:\*|\d+\.)\s+/.exec(line);
    if (line.startsWith("~~~")) fenced = !fenced;
    if (fenced || /^(~~~|---|\s*$)/.test(line)) {
      if (line === "--- back") appendix = counts.fill(0).length > 0;
      open = undefined;
    } else if (heading !== null) {
      const depth = heading[1].length;
      counts[depth - 1]++;
      counts.fill(0, depth);
      const [first, ...rest] = counts.slice(0, depth);
      section = [appendix ? String.fromCharCode(64 + first) : first, ...rest].join(".");
      open = undefined;
    } else if (item !== null || open === undefined) {
      const indent = item === null ? /^\s*/.exec(line)[0].length : item[1].length + 1;
      open = { section, indent, item: item !== null, text: line.slice(item?.[0].length ?? 0).trim() };
      blocks.push(open);
    } else open.text += ` ${line.trim()}`;
  }
  return blocks.filter((one) => one.section !== "");
}

/** The requirements of the text, by section, in their order. @returns {Map<string, string[]>} */
export function requirementsIn(text) {
  const found = new Map();
  /** The sentences that introduce the lists around a block. */
  let intros = [];
  for (const { section, indent, item, text: block } of blocksOf(text)) {
    intros = intros.filter((one) => one.section === section && one.indent < indent);
    const listed = item && intros.at(-1)?.required === true;
    const sentences = block.replaceAll(/\s+/g, " ").split(SENTENCE_END);
    for (const [i, sentence] of sentences.entries()) {
      if (!REQUIREMENT.test(sentence) && !(listed && i === 0)) continue;
      found.set(section, [...(found.get(section) ?? []), sentence]);
    }
    const last = sentences.at(-1);
    if (last.endsWith(":")) {
      intros.push({ section, indent: item ? indent : 0, required: REQUIREMENT.test(last) });
    }
  }
  return found;
}

/** The digest of a sentence in the index. */
export function digestOf(sentence) {
  return createHash("sha256").update(sentence).digest("hex").slice(0, 16);
}

/** Compares the index with the text. @returns {string[]} the differences */
export function compareWithText(text) {
  const problems = [];
  const sections = requirementsIn(text);
  for (const [section, sentences] of sections) {
    const entries = MUSTS[section] ?? [];
    for (const [i, sentence] of sentences.entries()) {
      const entry = [entries[i] ?? []].flat()[0];
      if (entry !== digestOf(sentence)) {
        problems.push(
          `§${section} #${i + 1}: expected ${digestOf(sentence)} in the index, got ${entry}: ${sentence}`,
        );
      }
    }
  }
  for (const [section, entries] of Object.entries(MUSTS)) {
    const count = sections.get(section)?.length ?? 0;
    for (let i = count; i < entries.length; i++) {
      problems.push(`§${section} #${i + 1}: the index has an entry, and the text no such sentence`);
    }
  }
  return problems;
}
