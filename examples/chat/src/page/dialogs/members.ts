// Who is in a group: comparing, inviting, removing, leaving.
import type { Actions, ConversationView, DeviceView } from "../../shared/view.js";
import { avatar } from "../avatar.js";
import { element, showList } from "../dom.js";
import { button, form } from "../parts.js";
import { counted, listed } from "../words.js";
import { confirm, type Dialog, openDialog } from "./dialog.js";
import { peopleInput } from "./people-input.js";
import { showSafetyNumber, verifiedMark } from "./safety.js";

export interface PersonView {
  readonly name: string;
  readonly isMe: boolean;
  readonly devices: readonly DeviceView[];
}

/** The people whose devices these are; this one's owner first. */
export function peopleOf(devices: readonly DeviceView[]): PersonView[] {
  const me = devices.find(({ isMe }) => isMe)?.name;
  const names = [...new Set(devices.map(({ name }) => name))].sort((a, b) => {
    return Number(b === me) - Number(a === me) || a.localeCompare(b);
  });
  return names.map((name) => {
    const own = devices.filter((device) => device.name === name);
    return { name, isMe: name === me, devices: own };
  });
}

/** A person with devices, and whether their safety numbers were compared. */
export function personCard(
  person: PersonView,
  actions: Actions,
  more: readonly HTMLElement[] = [],
): HTMLElement {
  const { name, isMe, devices } = person;
  const lines = devices
    .filter((device) => !device.isMe)
    .map((device) =>
      element("div", { className: "device" }, [
        verifiedMark(device),
        button(device.verified ? "Show number" : "Compare", () => showSafetyNumber(device, actions), {
          icon: "shield",
        }),
      ]),
    );
  return element("li", { className: "person" }, [
    avatar(name),
    element("div", { className: "person-text" }, [
      element("strong", {}, [isMe ? `${name} (you)` : name]),
      devices.length > 1 && element("span", { className: "hint" }, [counted(devices.length, "device")]),
      ...lines,
    ]),
    ...more,
  ]);
}

export interface MembersDialog {
  readonly id: string;
  show(conversation: ConversationView): void;
}

/** @param known names that are offered to be invited */
export function openMembers(
  conversation: ConversationView,
  known: readonly string[],
  actions: Actions,
  closed: () => void,
): MembersDialog {
  const { id, title } = conversation;
  const list = element("ul", { className: "people", "aria-label": "Members" });
  const here = new Set(conversation.members.map(({ name }) => name));
  const people = peopleInput(
    "Invite",
    "Names as they are shown here. They decide for themselves whether to join.",
    known.filter((name) => !here.has(name)),
  );
  const invite = async () => {
    const names = people.names();
    if (names.length === 0) return people.input.focus();
    if (await dialog.attempt(() => actions.invite(id, names))) dialog.close();
  };
  const inviting = form([people.element], button("Invite", invite, { kind: "primary", icon: "plus" }));
  const leave = button("Leave this group", () => askToLeave(conversation, actions, dialog), {
    kind: "danger",
  });
  const forget = button("Delete it from this device", () => askToForget(conversation, actions, dialog), {
    kind: "danger",
  });
  const dialog: Dialog = openDialog(
    `Members of ${title}`,
    [list, inviting, element("hr"), leave, forget],
    closed,
  );
  const show = (now: ConversationView) => {
    const isOver = now.state === "left" || now.state === "removed";
    inviting.hidden = isOver;
    leave.hidden = isOver;
    forget.hidden = !isOver;
    showList(
      list,
      peopleOf(now.members),
      ({ name }) => name,
      (person) =>
        personCard(person, actions, person.isMe || isOver ? [] : [removeButton(now, person.name, actions)]),
    );
  };
  show(conversation);
  return { id, show };
}

function removeButton({ id, title }: ConversationView, name: string, actions: Actions): HTMLButtonElement {
  const made = button("Remove", () =>
    confirm(
      `Remove ${name}?`,
      `${name} stays able to read what was written until now, and nothing that comes. Everybody in ${title} sees that you did it.`,
      `Remove ${name}`,
      () => actions.remove(id, name),
    ),
  );
  made.setAttribute("aria-label", `Remove ${name}`);
  return made;
}

function askToForget({ id, title }: ConversationView, actions: Actions, dialog: Dialog): void {
  confirm(
    `Delete ${title}?`,
    "All that was said there is gone from this device. The others keep theirs.",
    "Delete",
    async () => {
      await actions.forget(id);
      dialog.close();
    },
  );
}

function askToLeave({ id, title, members }: ConversationView, actions: Actions, dialog: Dialog): void {
  const others = [...new Set(members.filter(({ isMe }) => !isMe).map(({ name }) => name))];
  confirm(
    `Leave ${title}?`,
    others.length === 0
      ? "Nobody else is here, so the group ends with it."
      : `You read nothing that comes after. One of the others (${listed(others)}) finishes it by a commit, as MLS lets nobody take themselves out alone.`,
    "Leave",
    async () => {
      await actions.leave(id);
      dialog.close();
    },
  );
}
