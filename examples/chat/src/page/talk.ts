// A conversation: its head, what was said, and where one writes.
import type { Actions, ConnectionState, ConversationState, ConversationView, View } from "../shared/view.js";
import { attempt } from "./dialogs/dialog.js";
import { element, setText } from "./dom.js";
import { icon } from "./icons.js";
import { itemList } from "./items.js";
import { busy, emptyState, iconButton } from "./parts.js";
import { listed, namesOf } from "./words.js";

interface Choices {
  readonly back: () => void;
  readonly members: () => void;
  readonly inside: () => void;
  readonly begin: () => void;
}

const NOTES: Partial<Record<ConversationState, string>> = {
  starting: "The group is being started.",
  leaving: "You are leaving: one of the others will finish it.",
  left: "You left this group. What you read stays on this device.",
  removed: "You were removed from this group. What you read stays on this device.",
};

export function talk(actions: Actions, { back, members, inside, begin }: Choices) {
  const title = element("h1");
  const names = element("p", { className: "hint" });
  const insideButton = iconButton("What MLS does", "tree", inside);
  insideButton.id = "inside-button";
  const membersButton = iconButton("Members", "people", members);
  membersButton.id = "members-button";
  const backButton = iconButton("Back to the conversations", "back", back);
  backButton.classList.add("back");
  const head = element("header", { className: "talk-head" }, [
    backButton,
    element("div", { className: "talk-title" }, [title, names]),
    membersButton,
    insideButton,
  ]);
  const items = itemList(() => void attempt(() => actions.earlier()));
  const note = element("p", { className: "note" });
  const composer = composerOf(actions);
  const whole = element("div", { className: "talk-whole" }, [head, items.element, note, composer.element]);
  const nothing = element("div", { className: "talk-nothing" }, [
    emptyState("Pick a conversation", "Or start a new one.", []),
  ]);
  const beginButton = element("button", { type: "button", className: "button primary", click: begin }, [
    icon("plus"),
    element("span", {}, ["New group"]),
  ]);
  nothing.firstElementChild?.append(beginButton);
  const root = element("main", { className: "talk", id: "talk" }, [nothing, whole]);

  const show = (view: View) => {
    const conversation = view.conversations.find(({ id }) => id === view.open?.id);
    whole.hidden = conversation === undefined;
    nothing.hidden = conversation !== undefined;
    if (conversation === undefined || view.open === undefined) return;
    setText(title, conversation.title);
    setText(names, listed(namesOf(conversation.members)));
    items.show(view.open, conversation);
    const words = NOTES[conversation.state] ?? OFFLINE[view.connection] ?? "";
    setText(note, words);
    note.hidden = words === "";
    composer.show(conversation);
  };
  return { element: root, show, composer, insideButton, backButton };
}

const OFFLINE: Partial<Record<ConnectionState, string>> = {
  offline: "You are offline. What you write is kept here, and sent when you come back.",
  unreachable: "The service doesn't answer. What you write is kept here, and sent as soon as it does.",
};

function composerOf(actions: Actions) {
  let current: ConversationView | undefined;
  const drafts = new Map<string, string>();
  const text = element("textarea", { id: "text", rows: 1, maxLength: 10_000, "aria-label": "Message" });
  const send = async () => {
    const { id } = current ?? {};
    const words = text.value.trim();
    if (id === undefined || words === "") return text.focus();
    if (!(await attempt(() => actions.send(id, words)))) return;
    drafts.delete(id);
    if (current?.id === id && text.value.trim() === words) text.value = "";
    fit();
  };
  /** As high as what was written. */
  const fit = () => {
    text.style.height = "auto";
    text.style.height = `${Math.min(text.scrollHeight, 160)}px`;
  };
  const button = iconButton("Send", "send", () => void busy(button, send));
  button.classList.add("send");
  text.addEventListener("input", () => {
    if (current) drafts.set(current.id, text.value);
    fit();
  });
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    void busy(button, send);
  });
  const form = element("form", { className: "composer", submit: (event: Event) => event.preventDefault() }, [
    text,
    button,
  ]);
  const show = (conversation: ConversationView) => {
    const { id, title, state } = conversation;
    form.hidden = state !== "active" && state !== "catching-up" && state !== "starting";
    if (id !== current?.id) {
      text.value = drafts.get(id) ?? "";
      text.placeholder = `Write to ${title}`;
      fit();
    }
    current = conversation;
  };
  return { element: form, show, focus: () => text.focus() };
}
