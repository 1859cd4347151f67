// The page of one tab: who is here, and then their conversations.
import { connect } from "../shared/bridge.js";
import type { Account, Actions, InvitationView, KnockView, View } from "../shared/view.js";
import {
  accountOfAddress,
  keyOf,
  knownAccounts,
  nameInAddress,
  otherNames,
  remember,
  take,
} from "./accounts.js";
import { attempt, toast, wordsOf } from "./dialogs/dialog.js";
import { showInvitation, showKnock } from "./dialogs/invitation.js";
import { type MembersDialog, openMembers } from "./dialogs/members.js";
import { openNewGroup } from "./dialogs/new-group.js";
import { element } from "./dom.js";
import { insidePanel } from "./inside.js";
import { say } from "./parts.js";
import { sidebar, unreadIn } from "./sidebar.js";
import { talk } from "./talk.js";
import { welcomeView } from "./welcome.js";

const app = document.getElementById("app") as HTMLElement;

/** On a phone one place is shown at a time; `inside` is beside the others where there is room. */
type Place = "list" | "talk";

function chat(account: Account, actions: Actions) {
  let view: View | undefined;
  let members: MembersDialog | undefined;
  const root = element("div", { className: "chat" });
  const go = (place: Place) => {
    root.dataset.place = place;
  };
  const known = () => {
    const others = view?.conversations.flatMap((one) => one.members.map(({ name }) => name)) ?? [];
    return [...new Set([...otherNames(account.name), ...others])].filter((name) => name !== account.name);
  };
  const open = async (id: string | undefined) => {
    if (!(await attempt(() => actions.open(id)))) return;
    go(id === undefined ? "list" : "talk");
    if (id !== undefined) conversation.composer.focus();
  };
  const back = () => {
    // Where there is no room for both, the panel would hide the list.
    showInside(false);
    go("list");
    void attempt(() => actions.open(undefined));
    root.querySelector<HTMLElement>(".sidebar [aria-current], #new-group")?.focus();
  };
  const showMembers = () => {
    const one = view?.conversations.find(({ id }) => id === view?.open?.id);
    if (one === undefined) return;
    members = openMembers(one, known(), actions, () => {
      members = undefined;
    });
  };
  const showInside = (wanted: boolean) => {
    root.dataset.inside = wanted ? "open" : "closed";
    conversation.insideButton.setAttribute("aria-expanded", String(wanted));
    if (wanted) inside.closeButton.focus();
    else conversation.insideButton.focus();
  };
  const begin = () => openNewGroup(known(), actions, (id) => void open(id));
  const look = (one: InvitationView) => showInvitation(one, actions, (id) => void open(id));
  const inside = insidePanel(actions, () => showInside(false));
  const conversation = talk(actions, {
    back,
    begin,
    members: showMembers,
    inside: () => showInside(root.dataset.inside !== "open"),
  });
  conversation.insideButton.setAttribute("aria-controls", "inside");
  conversation.insideButton.setAttribute("aria-expanded", "false");
  const knock = (one: KnockView) => showKnock(one, actions);
  const side = sidebar(actions, { open: (id) => void open(id), look, knock, begin });
  root.append(side.element, conversation.element, inside.element);
  go("list");

  let invited = 0;
  const show = (next: View) => {
    view = next;
    side.show(next);
    conversation.show(next);
    inside.show(next);
    const shown = next.conversations.find(({ id }) => id === members?.id);
    if (shown) members?.show(shown);
    if (next.invitations.length > invited) say(`${next.invitations.at(-1)?.by.name} invites you to a group`);
    invited = next.invitations.length;
    const unread = unreadIn(next);
    document.title = `${unread === "" ? "" : `(${unread}) `}${account.name}: Copse chat`;
  };
  return { element: root, show };
}

async function enter(account: Account): Promise<void> {
  if (!(await take(account))) {
    await welcome();
    toast(`${account.name} is open in another tab. Go there, or be somebody else here.`);
    return;
  }
  const others = await knownAccounts();
  const isFurther = others.some((one) => one.name === account.name && one.device !== account.device);
  if (isFurther && !others.some((one) => keyOf(one) === keyOf(account)))
    toast(`${account.name} is here with another device. Let this one in there, in its tab.`);
  const worker = new Worker(new URL("../worker/worker.ts", import.meta.url), { type: "module" });
  let show: (view: View) => void = () => undefined;
  const actions = connect(worker, (view) => show(view));
  const screen = chat(account, actions);
  show = screen.show;
  try {
    await actions.enter(account);
  } catch (error) {
    worker.terminate();
    toast(wordsOf(error));
    return;
  }
  remember(account);
  nameInAddress(account);
  app.replaceChildren(screen.element);
  document.querySelector(".toast")?.remove();
  void navigator.storage?.persist?.();
}

async function welcome(): Promise<void> {
  app.replaceChildren(welcomeView(await knownAccounts(), enter));
}

const asked = accountOfAddress();
const isKnown = asked && (await knownAccounts()).some((one) => keyOf(one) === keyOf(asked));
if (isKnown) await enter(asked);
if (app.childElementCount === 0) await welcome();
