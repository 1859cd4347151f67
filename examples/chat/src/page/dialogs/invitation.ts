// An invitation is shown before it is accepted: what group, who is there, and by whom.
import type { Actions, InvitationView, KnockView } from "../../shared/view.js";
import { avatar } from "../avatar.js";
import { element } from "../dom.js";
import { button } from "../parts.js";
import { counted } from "../words.js";
import { openDialog } from "./dialog.js";
import { peopleOf, personCard } from "./members.js";

export function showInvitation(
  invitation: InvitationView,
  actions: Actions,
  joined: (conversation: string) => void,
): void {
  const { id, title, by, members } = invitation;
  const accept = async () => {
    const done = await dialog.attempt(async () => joined(await actions.accept(id)));
    if (done) dialog.close();
  };
  const decline = async () => {
    if (await dialog.attempt(() => actions.decline(id))) dialog.close();
  };
  const people = peopleOf(members);
  const dialog = openDialog(`Join ${title}?`, [
    element("div", { className: "safety-head" }, [avatar(by.name, "large")]),
    element("p", {}, [
      element("strong", {}, [by.name]),
      ` invites you. The group has ${counted(people.length, "member")}, with you. Nobody there reads what was written before they came, and neither will you.`,
    ]),
    element("p", { className: "hint" }, [
      "Names are what people call themselves. Compare safety numbers to know who they are: now, or later.",
    ]),
    element("ul", { className: "people", "aria-label": "Members" }, [
      ...people.map((person) => personCard(person, actions)),
    ]),
    element("div", { className: "actions" }, [
      button("Decline", decline),
      button("Join", accept, { kind: "primary", id: "join" }),
    ]),
  ]);
}

/** Another device asks: only its owner can know whose it is. */
export function showKnock({ id, device }: KnockView, actions: Actions): void {
  const answer = (isMine: boolean) => async () => {
    if (await dialog.attempt(() => actions.admit(id, isMine))) dialog.close();
  };
  const dialog = openDialog("A new device of yours?", [
    element("div", { className: "safety-head" }, [avatar(device, "large")]),
    element("p", {}, [
      element("strong", {}, [device]),
      " in another tab of this browser says that it is yours. If you let it in, it is invited wherever somebody invites you from now on, and reads what you read there. Into a conversation that is there already, invite your own name. Refuse it if you haven't just made it yourself.",
    ]),
    element("div", { className: "actions" }, [
      button("Refuse", answer(false)),
      button("Let it in", answer(true), { kind: "primary" }),
    ]),
  ]);
}
