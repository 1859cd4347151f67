// Small pictures, drawn in lines of the text's colour. What they mean stands beside them, or in their button's label.
import { svg } from "./dom.js";

const LINES = {
  back: "M15 5l-7 7 7 7",
  close: "M6 6l12 12M18 6L6 18",
  plus: "M12 5v14M5 12h14",
  send: "M4 12l16-7-5 15-4-6zM11 14l9-9",
  people:
    "M9 11a3.2 3.2 0 100-6.4A3.2 3.2 0 009 11zM3 19c.4-3.4 2.8-5.2 6-5.2s5.6 1.8 6 5.2M15.5 11a2.7 2.7 0 10-1-5.2M17 14c2.2.4 3.7 2 4 5",
  tree: "M12 8v4M6 16v-2.5L12 12l6 1.5V16M12 8a2.2 2.2 0 100-4.4A2.2 2.2 0 0012 8zM6 20.4a2.2 2.2 0 100-4.4 2.2 2.2 0 000 4.4zM18 20.4a2.2 2.2 0 100-4.4 2.2 2.2 0 000 4.4z",
  check: "M5 12.5l4.5 4.5L19 7.5",
  clock: "M12 20a8 8 0 100-16 8 8 0 000 16zM12 8v4l3 2",
  shield: "M12 3.5l7 2.5v5.5c0 4.3-2.9 7.4-7 9-4.1-1.6-7-4.7-7-9V6z",
  mail: "M4 6.5h16v11H4zM4 7l8 6 8-6",
  cloud: "M7 18a4 4 0 01-.5-8A5.5 5.5 0 0117 9.5 4.3 4.3 0 0117 18z",
  warning: "M12 4l9 15.5H3zM12 10v4.5M12 17v.2",
} as const;

export type Icon = keyof typeof LINES;

export function icon(name: Icon): SVGSVGElement {
  return svg("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, [
    svg("path", { d: LINES[name] }),
  ]);
}
