// Somebody who uses the chat's page in a tab, by what the page shows.
import { type Tab, type TabBrowser, until } from "@copse/test-support/tabs";

const quoted = (text: string) => JSON.stringify(text);

export class Person {
  readonly name: string;
  readonly tab: Tab;

  constructor(name: string, tab: Tab) {
    this.name = name;
    this.tab = tab;
  }

  /**
   * Opens the page, and makes somebody who wasn't there.
   * @param byKeyboard whether by Enter, and not by the button
   */
  static async enter(
    browser: TabBrowser,
    address: string,
    name: string,
    byKeyboard = false,
  ): Promise<Person> {
    const person = new Person(name, await browser.open());
    await person.tab.goto(address);
    await person.tab.click("#name");
    await person.tab.type(name);
    if (byKeyboard) await person.tab.press("Enter");
    else await person.tab.click("#create");
    await person.isIn();
    return person;
  }

  async isIn(): Promise<void> {
    await this.sees(".sidebar .me", this.name);
    await this.sees("#connection", "Connected");
  }

  /** Waits until some element that is seen has a text. */
  async sees(selector: string, text: string): Promise<void> {
    const found = `[...document.querySelectorAll(${quoted(selector)})]
      .some((one) => one.checkVisibility() && one.innerText.includes(${quoted(text)}))`;
    await until(this.tab, found);
  }

  /** The texts of all elements that are seen. */
  texts(selector: string): Promise<string[]> {
    return this.tab.evaluate(`[...document.querySelectorAll(${quoted(selector)})]
      .filter((one) => one.checkVisibility()).map((one) => (one.innerText ?? one.textContent).trim())`);
  }

  async text(selector: string): Promise<string> {
    return (await this.texts(selector)).join("\n");
  }

  /** Clicks the first element that is seen and has a text, or a label. */
  clickText(selector: string, text: string): Promise<void> {
    return this.tab.click({
      expression: `[...document.querySelectorAll(${quoted(selector)})]
        .find((one) => one.checkVisibility() && (one.innerText.includes(${quoted(text)}) || one.ariaLabel === ${quoted(text)}))`,
    });
  }

  async startGroup(title: string, names: readonly string[]): Promise<void> {
    await this.tab.click("#new-group");
    await this.tab.type(title);
    await this.tab.click("dialog .people-input input");
    await this.tab.type(names.join(","));
    await this.clickText("dialog .button", "Start the group");
    await this.sees(".talk-title", title);
  }

  /** The invitation's dialog. */
  async look(title: string): Promise<string> {
    await this.clickText(".entry.invited", title);
    await this.sees("dialog", `Join ${title}?`);
    return this.text("dialog");
  }

  async join(title: string): Promise<void> {
    await this.look(title);
    await this.tab.click("#join");
    await this.sees(".talk-title", title);
  }

  async say(text: string): Promise<void> {
    await this.tab.click("#text");
    await this.tab.type(text);
    await this.tab.press("Enter");
    await this.sees(".message.mine", text);
  }

  hears(name: string, text: string): Promise<unknown> {
    return until(
      this.tab,
      `[...document.querySelectorAll(".message.theirs")]
        .some((one) => one.textContent.includes(${quoted(name)}) && one.textContent.includes(${quoted(text)}))`,
    );
  }

  async openMembers(): Promise<void> {
    await this.tab.click("#members-button");
    await this.sees("dialog", "Members of");
  }

  /** In a dialog with people: the safety number with one of them, whose dialog stays open. */
  async safetyNumber(name: string): Promise<string> {
    await this.tab.click({
      expression: `[...document.querySelectorAll("dialog .person")]
        .find((one) => one.querySelector("strong").textContent === ${quoted(name)})?.querySelector(".device .button")`,
    });
    await this.sees("dialog", `Safety number with ${name}`);
    return this.text("dialog:last-of-type .digits");
  }

  async closeDialogs(): Promise<void> {
    while (await this.tab.evaluate<boolean>(`document.querySelector("dialog") !== null`)) {
      await this.tab.press("Escape");
    }
  }

  async openInside(): Promise<void> {
    const isOpen = await this.tab.evaluate<boolean>(
      `document.querySelector(".chat").dataset.inside === "open"`,
    );
    if (!isOpen) await this.tab.click("#inside-button");
    await this.sees("#epoch", "");
  }

  epoch(): Promise<number> {
    return this.tab.evaluate(`Number(document.querySelector("#epoch").textContent)`);
  }

  async reachesEpoch(epoch: number): Promise<void> {
    await until(this.tab, `Number(document.querySelector("#epoch").textContent) >= ${epoch}`);
  }

  async switchOnline(): Promise<void> {
    await this.tab.click("#online");
  }
}
