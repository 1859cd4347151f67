// Safety numbers: what two people compare to know that nobody is between them.
import type { Actions, DeviceView } from "../../shared/view.js";
import { avatar } from "../avatar.js";
import { element } from "../dom.js";
import { icon } from "../icons.js";
import { button } from "../parts.js";
import { digitGroups } from "../words.js";
import { openDialog } from "./dialog.js";

/** Sixty digits in groups. Screen readers read them one by one. */
export function digits(number: string, label: string): HTMLElement {
  const groups = digitGroups(number);
  const spoken = groups.map((group) => Array.from(group).join(" ")).join(", ");
  return element("div", { className: "digits", role: "img", "aria-label": `${label}: ${spoken}` }, [
    ...groups.map((group) => element("span", { "aria-hidden": "true" }, [group])),
  ]);
}

/** Says whether a device's number was compared. */
export function verifiedMark({ verified, isNew }: DeviceView): HTMLElement {
  if (verified) return element("span", { className: "mark good" }, [icon("check"), "Compared"]);
  if (isNew) return element("span", { className: "mark bad" }, [icon("warning"), "New key, not compared"]);
  return element("span", { className: "mark" }, [icon("shield"), "Not compared yet"]);
}

export function showSafetyNumber(device: DeviceView, actions: Actions): void {
  const { name, safetyNumber = "", verified, isNew } = device;
  const answer = async (matches: boolean) => {
    if (await dialog.attempt(() => actions.verify(device, matches))) dialog.close();
  };
  const differ = () => {
    warning.hidden = false;
    warning.focus();
  };
  const warning = element("p", { className: "warning", hidden: true, tabIndex: -1, id: "they-differ" }, [
    `Then somebody else may hold this key. Write nothing secret here. Remove ${name} from the group, and invite ${name} again when you are together.`,
  ]);
  const dialog = openDialog(`Safety number with ${name}`, [
    element("div", { className: "safety-head" }, [avatar(name, "large")]),
    isNew &&
      element("p", { className: "warning" }, [
        `You compared another key of ${name} before. ${name} has a new device, or somebody else uses the name.`,
      ]),
    element("p", {}, [
      `Meet ${name}, or call. Read these digits aloud: ${name}'s device must show the same ones. Then you know that this key is ${name}'s, and nobody can be between you, not even the service.`,
    ]),
    digits(safetyNumber, `Safety number with ${name}`),
    warning,
    element("div", { className: "actions" }, [
      ...(verified
        ? [button("We haven't compared it", () => answer(false))]
        : [button("They differ", differ), button("They match", () => answer(true), { kind: "primary" })]),
    ]),
  ]);
}
