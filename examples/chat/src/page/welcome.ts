// The first view of a tab: who is here?
import type { Account } from "../shared/view.js";
import { accountOf, type Known, keyOf } from "./accounts.js";
import { avatar } from "./avatar.js";
import { element } from "./dom.js";
import { button, field, form } from "./parts.js";

/**
 * @param people those of this browser
 * @param enter goes on as one of them. What it rejects with is shown by its caller
 */
export function welcomeView(
  people: readonly Known[],
  enter: (account: Account) => Promise<void>,
): HTMLElement {
  const name = element("input", {
    id: "name",
    type: "text",
    required: true,
    maxLength: 40,
    autocomplete: "off",
    pattern: "[^,]*\\S[^,]*",
    title: "A name without commas",
  });
  const device = element("input", {
    id: "device",
    type: "text",
    required: true,
    maxLength: 40,
    autocomplete: "off",
    value: matchMedia("(pointer: coarse)").matches ? "Phone" : "Laptop",
  });
  const create = async () => {
    if (!name.reportValidity() || !device.reportValidity()) return;
    await enter(accountOf(name.value.trim(), device.value.trim()));
  };
  const primary = button("Make keys and go in", create, { kind: "primary", id: "create" });
  return element("main", { className: "welcome" }, [
    element("header", {}, [
      element("h1", {}, ["Copse chat"]),
      element("p", { className: "lead" }, [
        "Groups that nobody can listen to, not even the service between. And a window into how MLS does it.",
      ]),
    ]),
    people.length > 0 && peopleSection(people, enter),
    element("section", { className: "card", "aria-labelledby": "new-title" }, [
      element("h2", { id: "new-title" }, [people.length > 0 ? "Somebody new" : "Who are you?"]),
      form(
        [
          field("Name", name, "Others invite you by it."),
          field(
            "Device",
            device,
            "If you are in this browser with more than one, give each another name: the first lets the others in, in its tab.",
          ),
        ],
        primary,
      ),
    ]),
    element("p", { className: "hint" }, [
      "For a conversation, open this address in another tab, and be somebody else there. Each person's private keys are made in this browser, and no script can read them.",
    ]),
  ]);
}

function peopleSection(people: readonly Known[], enter: (account: Account) => Promise<void>): HTMLElement {
  const one = (account: Known) => {
    const { name, device, elsewhere } = account;
    const words = element("span", {}, [
      element("strong", {}, [name]),
      element("span", { className: "hint" }, [elsewhere ? "open in another tab" : device]),
    ]);
    const made = button(name, () => enter(accountOf(name, device)));
    made.className = "account";
    made.disabled = elsewhere;
    made.replaceChildren(avatar(name), words);
    made.dataset.account = keyOf(account);
    return element("li", {}, [made]);
  };
  return element("section", { className: "card", "aria-labelledby": "people-title" }, [
    element("h2", { id: "people-title" }, ["Who is in this tab?"]),
    element("ul", { className: "accounts" }, people.map(one)),
  ]);
}
