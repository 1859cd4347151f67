// Dialogs: the browser's own, which keep the focus inside and give it back, and end by Escape.
import { Failure } from "../../shared/bridge.js";
import { type Child, element } from "../dom.js";
import { button, iconButton, say } from "../parts.js";

let dialogs = 0;

export interface Dialog {
  readonly element: HTMLDialogElement;
  /** Where its content is. */
  readonly body: HTMLElement;
  close(): void;
  /** Does some work, and says in the dialog what went wrong. @returns whether it was done */
  attempt(work: () => Promise<unknown>): Promise<boolean>;
}

/** Opens a dialog. It is gone from the page once it is closed. */
export function openDialog(title: string, content: readonly Child[], closed?: () => void): Dialog {
  const id = `dialog-${++dialogs}`;
  const problem = element("p", { className: "problem", role: "alert", hidden: true });
  const body = element("div", { className: "dialog-body" }, content);
  const close = (): void => made.close();
  const made: HTMLDialogElement = element("dialog", { className: "dialog", "aria-labelledby": id }, [
    element("header", {}, [element("h2", { id }, [title]), iconButton("Close", "close", close)]),
    body,
    problem,
  ]);
  made.addEventListener("close", () => {
    made.remove();
    closed?.();
  });
  // A press beside it closes it, too.
  made.addEventListener("click", (event: Event) => event.target === made && close());
  document.body.append(made);
  made.showModal();
  const attempt = async (work: () => Promise<unknown>) => {
    problem.hidden = true;
    try {
      await work();
      return true;
    } catch (error) {
      problem.textContent = wordsOf(error);
      problem.hidden = false;
      return false;
    }
  };
  return { element: made, body, close, attempt };
}

/** What went wrong, for the eyes of the user. */
export function wordsOf(error: unknown): string {
  if (error instanceof Failure) return `${error.problem.what} ${error.problem.advice}`;
  return `Something went wrong that we didn't expect: ${error}. Load the page again.`;
}

/** Asks before something is done that can't be undone. */
export function confirm(question: string, words: string, yes: string, work: () => Promise<unknown>): void {
  const act = async () => {
    if (await dialog.attempt(work)) dialog.close();
  };
  const dialog = openDialog(question, [
    element("p", {}, [words]),
    element("div", { className: "actions" }, [
      button("Cancel", () => dialog.close()),
      button(yes, act, { kind: "danger" }),
    ]),
  ]);
}

/** Shows for some seconds what went wrong outside of a dialog. */
export async function attempt(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    toast(wordsOf(error));
    return false;
  }
}

export function toast(text: string): void {
  document.querySelector(".toast")?.remove();
  const made: HTMLElement = element("div", { className: "toast" }, [
    element("p", {}, [text]),
    iconButton("Dismiss", "close", () => made.remove()),
  ]);
  document.body.append(made);
  say(text);
  setTimeout(() => made.remove(), 12_000);
}
