// What was said and what happened in a conversation.
import type { ConversationView, Item, OpenView } from "../shared/view.js";
import { avatar } from "./avatar.js";
import { element, showList } from "./dom.js";
import { icon } from "./icons.js";
import { button, emptyState, say } from "./parts.js";
import { dayOf, timeOf } from "./words.js";

/** An item with what depends on the one before it. */
type Placed = Item & { readonly day: string | undefined; readonly isFirst: boolean };

/** Messages of one person that follow within some minutes belong together. */
const TOGETHER = 5 * 60_000;

function placed(items: readonly Item[]): Placed[] {
  return items.map((item, place) => {
    const before = items[place - 1];
    const day = dayOf(item.time);
    const isNewDay = before === undefined || dayOf(before.time) !== day;
    const continues =
      !isNewDay &&
      before?.kind === "message" &&
      item.kind === "message" &&
      before.name === item.name &&
      item.time - before.time < TOGETHER;
    return { ...item, day: isNewDay ? day : undefined, isFirst: !continues };
  });
}

function messageOf(item: Extract<Placed, { kind: "message" }>): HTMLElement {
  const { name, mine, text, time, waits, isFirst } = item;
  const meta = element("span", { className: "meta" }, [
    element("time", { dateTime: new Date(time).toISOString() }, [timeOf(time)]),
    mine && icon(waits ? "clock" : "check"),
    mine && element("span", { className: "unseen" }, [waits ? "waits to be sent" : "sent"]),
  ]);
  return element("div", { className: `message ${mine ? "mine" : "theirs"} ${isFirst ? "first" : "next"}` }, [
    !mine && (isFirst ? avatar(name, "small") : element("span", { className: "avatar-room" })),
    element("div", { className: "bubble" }, [
      element("strong", { className: mine || !isFirst ? "unseen" : "name" }, [mine ? "You" : name]),
      element("p", {}, [text, meta]),
    ]),
  ]);
}

function make(item: Placed): HTMLElement {
  const content =
    item.kind === "message"
      ? messageOf(item)
      : element("p", { className: "notice" }, [item.text, " ", element("time", {}, [timeOf(item.time)])]);
  return element("li", {}, [
    item.day !== undefined && element("p", { className: "day" }, [item.day]),
    content,
  ]);
}

export function itemList(earlier: () => void) {
  const list = element("ol", { className: "items", "aria-label": "Messages" });
  const more = button("Show earlier messages", earlier);
  more.classList.add("earlier");
  const nothing = element("div");
  const scroller = element(
    "div",
    { className: "scroller", tabIndex: 0, role: "region", "aria-label": "Messages" },
    [more, nothing, list],
  );
  let shown: string | undefined;
  let isAtEnd = true;
  const toEnd = () => {
    scroller.scrollTop = scroller.scrollHeight;
  };
  let top = 0;
  scroller.addEventListener("scroll", () => {
    const isNear = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80;
    // Only who scrolls up leaves the end: it may also have moved away by itself, because the room or a message changed.
    if (isNear || scroller.scrollTop < top) isAtEnd = isNear;
    top = scroller.scrollTop;
  });
  // Whoever reads the newest goes on doing so when the room changes: by a keyboard, a panel, another view on a phone.
  new ResizeObserver(() => isAtEnd && toEnd()).observe(scroller);
  let seen = new Set<string>();

  const announce = (items: readonly Item[]) => {
    const fresh = items.filter(({ id }) => !seen.has(id));
    const words = fresh.flatMap((item) => {
      if (item.kind === "notice") return [item.text];
      return item.mine ? [] : [`${item.name}: ${item.text}`];
    });
    if (words.length > 0 && words.length < 5) say(words.join(". "));
  };

  const show = ({ id, items, hasEarlier }: OpenView, { title }: ConversationView) => {
    const isOther = id !== shown;
    const fromEnd = scroller.scrollHeight - scroller.scrollTop;
    const first = list.firstElementChild?.getAttribute("data-key");
    const last = items.at(-1);
    const isMineNew = last?.kind === "message" && last.mine && !seen.has(last.id);
    if (!isOther) announce(items);
    seen = new Set(items.map((item) => item.id));
    shown = id;
    more.hidden = !hasEarlier;
    showList(list, placed(items), (item) => item.id, make);
    const said = items.some(({ kind }) => kind === "message");
    nothing.replaceChildren(...(said ? [] : [nothingSaid(title)]));
    if (isOther || isMineNew) isAtEnd = true;
    if (isAtEnd) toEnd();
    else if (first !== list.firstElementChild?.getAttribute("data-key"))
      scroller.scrollTop = scroller.scrollHeight - fromEnd;
  };
  return { element: scroller, show };
}

const nothingSaid = (title: string) =>
  emptyState("Nothing said yet", `Write the first message to ${title} below. Only its members can read it.`);
