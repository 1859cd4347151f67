// What MLS does in the conversation that is shown.
import type { Actions, Inside, LogLine, View, WireLine } from "../shared/view.js";
import { attempt } from "./dialogs/dialog.js";
import { digits } from "./dialogs/safety.js";
import { type Child, element, setText, showList } from "./dom.js";
import { type Icon, icon } from "./icons.js";
import { button, iconButton } from "./parts.js";
import { treeView } from "./tree-view.js";
import { timeOf } from "./words.js";

const ICONS: Record<LogLine["kind"], Icon> = {
  commit: "tree",
  message: "mail",
  welcome: "people",
  service: "cloud",
  problem: "warning",
};

const section = (id: string, title: string, children: readonly Child[]) =>
  element("section", { className: "block", "aria-labelledby": id }, [
    element("h3", { id }, [title]),
    ...children,
  ]);

const more = (question: string, answer: string) =>
  element("details", { className: "more" }, [element("summary", {}, [question]), element("p", {}, [answer])]);

const LEGEND = [
  ["renewed", "new key by the last commit"],
  ["reached", "the secret was encrypted to it"],
  ["kept", "has a key"],
  ["blank", "blank: no key"],
] as const;

/** A part of the panel. */
interface Block {
  readonly element: HTMLElement;
  show(inside: Inside): void;
}

function epochBlock(): Block {
  const epoch = element("p", { className: "epoch", id: "epoch" });
  const began = element("p", { className: "began" });
  const suite = element("p", { className: "hint" });
  const block = section("epoch-title", "Epoch", [
    element("div", { className: "epoch-line" }, [epoch, element("div", {}, [began, suite])]),
    more(
      "What is an epoch?",
      "The time between two commits. In each epoch all members share one secret, from which every message key comes. A commit changes who is a member, or renews keys, and starts the next epoch with a secret that only its members can compute.",
    ),
  ]);
  const show = (inside: Inside) => {
    setText(epoch, inside.epoch);
    setText(began, inside.began);
    setText(suite, inside.suite);
  };
  return { element: block, show };
}

function treeBlock(renewKeys: () => Promise<unknown>): Block {
  const tree = treeView();
  const renew = button("Renew my keys", renewKeys, { icon: "tree", id: "renew", describedBy: "renew-hint" });
  const legend = LEGEND.map(([state, words]) =>
    element("li", {}, [element("span", { className: `dot ${state}` }), words]),
  );
  const block = section("tree-title", "Ratchet tree", [
    tree.element,
    element("ul", { className: "legend" }, legend),
    element("div", { className: "actions" }, [renew]),
    element("p", { className: "hint", id: "renew-hint" }, [
      "A commit of your own: new keys on the way from your leaf to the root. Whoever had stolen your old ones is locked out.",
    ]),
    more(
      "Why a tree?",
      "Each member knows the private keys on the way from the own leaf to the root, and no others. A new secret needs one ciphertext for each node beside that way, and not one for each member: 20 for a million members.",
    ),
  ]);
  return { element: block, show: ({ drawing }) => tree.show(drawing) };
}

function numberBlock(): Block {
  const number = element("div");
  const block = section("number-title", "Number of this epoch", [
    number,
    element("p", { className: "hint" }, [
      "Every member's device shows the same digits. They change with each commit. If somebody's differ, you aren't in the same group.",
    ]),
  ]);
  const show = ({ groupNumber }: Inside) =>
    showList(number, [groupNumber], String, (text) => digits(text, "Number of this epoch"));
  return { element: block, show };
}

function wireBlock(): Block {
  const rows = element("tbody");
  const head = ["What", "Way", "Bytes"].map((word) =>
    element("th", { scope: "col", className: word === "Bytes" ? "number" : "" }, [word]),
  );
  const block = section("wire-title", "On the wire", [
    element("table", { className: "wire" }, [element("thead", {}, [element("tr", {}, head)]), rows]),
    element("p", { className: "hint" }, [
      "What the service sees: who sends and reads in which group, when, how many bytes, and the epoch. Not what is said, and not the group's name.",
    ]),
  ]);
  return { element: block, show: ({ wire }) => showList(rows, wire, ({ id }) => id, wireRow) };
}

function logBlock(): Block {
  const log = element("ol", { className: "log", "aria-label": "What happened, newest first" });
  const block = section("log-title", "What happened", [
    log,
    element("p", { className: "hint" }, [
      "Each message has a key of its own, which is deleted once it was used. Its sender, its signature and its padding are inside the ciphertext.",
    ]),
  ]);
  return { element: block, show: (inside) => showList(log, inside.log, ({ id }) => id, logLine) };
}

export function insidePanel(actions: Actions, close: () => void) {
  let current: string | undefined;
  const renewKeys = () => attempt(async () => current && actions.renewKeys(current));
  const blocks = [epochBlock(), treeBlock(renewKeys), logBlock(), wireBlock(), numberBlock()];
  const body = element("div", { className: "inside-body" }, [...blocks.map((block) => block.element)]);
  const nothing = element("p", { className: "inside-body hint" }, [
    "Pick a conversation of which you are a member: here you see its epoch, its tree and what goes over the wire.",
  ]);
  const closeButton = iconButton("Close", "close", close);
  const root = element("aside", { className: "inside", id: "inside", "aria-labelledby": "inside-title" }, [
    element("header", {}, [element("h2", { id: "inside-title" }, ["What MLS does"]), closeButton]),
    body,
    nothing,
  ]);
  const show = ({ open }: View) => {
    current = open?.id;
    const inside = open?.inside;
    body.hidden = inside === undefined;
    nothing.hidden = inside !== undefined;
    if (inside) for (const block of blocks) block.show(inside);
  };
  return { element: root, show, closeButton };
}

const wireRow = ({ what, isOut, bytes }: WireLine) =>
  element("tr", {}, [
    element("th", { scope: "row" }, [what]),
    element("td", {}, [isOut ? "sent" : "received"]),
    element("td", { className: "number" }, [bytes.toLocaleString("en")]),
  ]);

const logLine = ({ kind, text, time }: LogLine) =>
  element("li", { className: `log-line by-${kind}` }, [
    icon(ICONS[kind]),
    element("p", {}, [text, " ", element("time", {}, [timeOf(time)])]),
  ]);
