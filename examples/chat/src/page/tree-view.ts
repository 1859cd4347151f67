// The ratchet tree, drawn. It is one stop for the tab key; arrow keys go from node to node.
import type { Drawing, DrawnNode } from "../tree/layout.js";
import { wordsFor } from "../tree/words.js";
import { element, setText, svg } from "./dom.js";
import { hueOf, initialOf } from "./words.js";

const LEAF = 17;
const PARENT = 12;

function shapeOf(node: DrawnNode): SVGElement[] {
  const { isLeaf, name, state } = node;
  const r = isLeaf ? LEAF : PARENT;
  const ring = state === "renewed" || state === "reached";
  return [
    ...(ring ? [svg("circle", { class: "ring", r: r + 5 })] : []),
    svg("circle", { class: "disc", r }),
    ...(name === undefined
      ? []
      : [
          svg("text", { class: "initial", dy: "0.36em" }, [initialOf(name)]),
          svg("text", { class: "name", y: r + 20 }, [name.length > 8 ? `${name.slice(0, 7)}…` : name]),
        ]),
  ];
}

export function treeView() {
  let at = 0;
  let drawn: Drawing | undefined;
  let stamp = "";
  const words = element("p", { className: "tree-words", id: "tree-words", "aria-live": "polite" });
  const room = element("div", { className: "tree-room" });

  const choose = (index: number, focus: boolean) => {
    at = index;
    const node = drawn?.nodes[index];
    setText(words, node ? wordsFor(node) : "");
    for (const one of room.querySelectorAll<SVGElement>(".node")) {
      const isChosen = one.dataset.node === String(index);
      one.classList.toggle("chosen", isChosen);
      one.setAttribute("tabindex", isChosen ? "0" : "-1");
      if (isChosen && focus) one.focus();
    }
  };
  const key = (event: Event) => {
    const { key } = event as KeyboardEvent;
    const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
    if (step === undefined || drawn === undefined) return;
    event.preventDefault();
    choose(Math.max(0, Math.min(drawn.nodes.length - 1, at + step)), true);
  };

  const draw = ({ width, height, nodes, edges }: Drawing) => {
    const place = (index: number) => nodes[index] as DrawnNode;
    const lines = edges.map(({ from, to, lit }) => {
      const { x: x1, y: y1 } = place(from);
      const { x: x2, y: y2 } = place(to);
      return svg("line", { class: lit ? "edge lit" : "edge", x1, y1, x2, y2 });
    });
    const shapes = nodes.map((node) => {
      const style = node.name === undefined ? undefined : `--hue: ${hueOf(node.name)}`;
      const kind = node.isLeaf ? "leaf" : "parent";
      return svg(
        "g",
        {
          class: `node ${kind} ${node.state}`,
          style,
          transform: `translate(${node.x} ${node.y})`,
          role: "button",
          tabindex: "-1",
          "data-node": node.index,
          "aria-label": wordsFor(node),
          click: () => choose(node.index, true),
        },
        shapeOf(node),
      );
    });
    const picture = svg(
      "svg",
      {
        class: "tree",
        viewBox: `0 0 ${width} ${height}`,
        role: "group",
        "aria-label": "Ratchet tree. Arrow keys go from node to node.",
        style: `max-width: ${width * 1.25}px; min-width: ${width * 0.68}px`,
        keydown: key,
      },
      [...lines, ...shapes],
    );
    room.replaceChildren(picture);
  };

  const show = (drawing: Drawing) => {
    const next = JSON.stringify(drawing);
    if (next === stamp) return;
    const hadFocus = room.contains(document.activeElement);
    stamp = next;
    drawn = drawing;
    draw(drawing);
    const middle = (drawing.nodes.length - 1) / 2;
    choose(hadFocus ? Math.min(at, drawing.nodes.length - 1) : middle, hadFocus);
  };
  return { element: element("div", {}, [room, words]), show };
}
