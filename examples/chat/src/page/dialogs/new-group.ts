// A new group: its name and who is invited.
import type { Actions } from "../../shared/view.js";
import { element } from "../dom.js";
import { button, field, form } from "../parts.js";
import { openDialog } from "./dialog.js";
import { peopleInput } from "./people-input.js";

/** @param known names that are offered */
export function openNewGroup(known: readonly string[], actions: Actions, made: (id: string) => void): void {
  const title = element("input", {
    id: "group-name",
    type: "text",
    required: true,
    maxLength: 80,
    autocomplete: "off",
  });
  const people = peopleInput(
    "Whom do you invite?",
    "Names, one by one or with commas. You can invite more people later.",
    known,
  );
  const start = async () => {
    if (!title.reportValidity()) return;
    const names = people.names();
    const done = await dialog.attempt(async () => made(await actions.start(title.value.trim(), names)));
    if (done) dialog.close();
  };
  const primary = button("Start the group", start, { kind: "primary" });
  const dialog = openDialog("New group", [
    form(
      [field("Name of the group", title, "All members see it. The service doesn't."), people.element],
      primary,
      [button("Cancel", () => dialog.close())],
    ),
  ]);
  title.focus();
}
