// The left side: oneself, invitations, conversations.
import type {
  Actions,
  ConnectionState,
  ConversationView,
  InvitationView,
  KnockView,
  View,
} from "../shared/view.js";
import { avatar, avatars } from "./avatar.js";
import { attempt } from "./dialogs/dialog.js";
import { type Child, element, setText, showList } from "./dom.js";
import { icon } from "./icons.js";
import { button, emptyState } from "./parts.js";
import { counted, namesOf, shortTime } from "./words.js";

const CONNECTION: Record<ConnectionState, string> = {
  connecting: "Connecting…",
  online: "Connected",
  offline: "Not connected",
  unreachable: "No answer: trying again",
};

interface Choices {
  readonly open: (conversation: string) => void;
  readonly look: (invitation: InvitationView) => void;
  readonly knock: (knock: KnockView) => void;
  readonly begin: () => void;
}

export function sidebar(actions: Actions, { open, look, knock, begin }: Choices) {
  const me = element("div", { className: "me" });
  const knocks = element("ul", { className: "list", "aria-label": "Devices that ask to be let in" });
  const invitations = element("ul", { className: "list", "aria-label": "Invitations" });
  const conversations = element("ul", { className: "list", "aria-label": "Conversations" });
  const nothing = element("div");
  const status = element("span", { id: "connection", role: "status" });
  const online = element("input", {
    type: "checkbox",
    role: "switch",
    id: "online",
    checked: true,
    "aria-describedby": "connection",
    change: () => void attempt(() => actions.goOnline(online.checked)),
  });
  const root = element("nav", { className: "sidebar", "aria-label": "Conversations" }, [
    me,
    element("div", { className: "sidebar-lists" }, [knocks, invitations, conversations, nothing]),
    element("footer", {}, [
      button("New group", begin, { kind: "primary", icon: "plus", id: "new-group" }),
      element("div", { className: "connection" }, [
        element("label", { htmlFor: "online" }, [online, "Online"]),
        status,
      ]),
    ]),
  ]);

  const show = (view: View) => {
    showList(
      me,
      [{ name: view.name, device: view.device }],
      ({ name }) => name,
      ({ name, device }) =>
        element("div", { className: "me-line" }, [
          avatar(name),
          element("div", {}, [
            element("strong", {}, [name]),
            element("span", { className: "hint" }, [device]),
          ]),
          element("a", { className: "hint", href: location.pathname }, ["Switch"]),
        ]),
    );
    setText(status, CONNECTION[view.connection]);
    status.dataset.state = view.connection;
    online.checked = view.connection !== "offline";
    showList(
      invitations,
      view.invitations,
      ({ id }) => id,
      (one) => invitationEntry(one, look),
    );
    showList(
      knocks,
      view.knocks,
      ({ id }) => id,
      (one) => knockEntry(one, knock),
    );
    const shown = view.open?.id;
    const entries = view.conversations.map((one) => ({ ...one, isShown: one.id === shown }));
    showList(
      conversations,
      entries,
      ({ id }) => id,
      (one) => conversationEntry(one, open),
    );
    const isEmpty = view.conversations.length + view.invitations.length === 0;
    nothing.replaceChildren(...(isEmpty ? [noConversations(view.name)] : []));
  };
  return { element: root, show };
}

interface Entry extends ConversationView {
  readonly isShown: boolean;
}

function conversationEntry(one: Entry, open: Choices["open"]): HTMLElement {
  const { id, title, members, unread, lastText, lastTime, isShown } = one;
  const others = namesOf(members.filter(({ isMe }) => !isMe));
  const line = (children: readonly Child[]) => element("span", { className: "entry-line" }, children);
  const badge = [String(unread), element("span", { className: "unseen" }, [" unread"])];
  const properties = {
    type: "button",
    className: "entry",
    click: () => open(id),
    "aria-current": isShown && "true",
  };
  return element("li", {}, [
    element("button", properties, [
      avatars(others.length > 0 ? others : [title]),
      element("span", { className: "entry-text" }, [
        line([
          element("strong", {}, [title]),
          element("time", {}, [lastTime > 0 ? shortTime(lastTime) : ""]),
        ]),
        line([
          element("span", { className: "last" }, [lastText]),
          unread > 0 && element("span", { className: "badge" }, badge),
        ]),
      ]),
    ]),
  ]);
}

function invitationEntry(one: InvitationView, look: Choices["look"]): HTMLElement {
  return element("li", {}, [
    element("button", { type: "button", className: "entry invited", click: () => look(one) }, [
      avatar(one.by.name),
      element("span", { className: "entry-text" }, [
        element("span", { className: "entry-line" }, [element("strong", {}, [one.title]), icon("mail")]),
        element("span", { className: "last" }, [`Invitation by ${one.by.name}`]),
      ]),
    ]),
  ]);
}

function knockEntry(one: KnockView, knock: Choices["knock"]): HTMLElement {
  return element("li", {}, [
    element("button", { type: "button", className: "entry invited", click: () => knock(one) }, [
      avatar(one.device),
      element("span", { className: "entry-text" }, [
        element("span", { className: "entry-line" }, [element("strong", {}, [one.device]), icon("shield")]),
        element("span", { className: "last" }, ["A new device of yours?"]),
      ]),
    ]),
  ]);
}

const noConversations = (name: string) =>
  emptyState(
    "No conversations yet",
    `Start a group, or let somebody invite you as “${name}”. Alone here? Open this page in another tab, and be somebody else there.`,
  );

export const unreadIn = ({ conversations, invitations }: View): string => {
  const unread = conversations.reduce((sum, one) => sum + one.unread, 0) + invitations.length;
  return unread > 0 ? counted(unread, "new", "new") : "";
};
