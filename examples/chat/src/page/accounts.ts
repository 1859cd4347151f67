// The people of this browser, and who is open in which tab.
import { readConfig } from "../shared/config.js";
import type { Account } from "../shared/view.js";

export interface Known extends Account {
  /** Another tab is open for them. */
  readonly elsewhere: boolean;
}

const { id: place } = await readConfig();
const PEOPLE = `copse chat ${place}: people`;

/** Somebody at this service. */
export const accountOf = (name: string, device: string): Account => ({ name, device, place });

/** What tells accounts apart, in addresses too. */
export const keyOf = ({ name, device }: Account): string => `${name}@${device}`;

function stored(): Account[] {
  try {
    return JSON.parse(localStorage.getItem(PEOPLE) ?? "[]") as Account[];
  } catch {
    return [];
  }
}

const lockOf = (account: Account) => `copse chat ${place}: ${keyOf(account)}`;

export async function knownAccounts(): Promise<Known[]> {
  const { held = [] } = await navigator.locks.query();
  const taken = new Set(held.map(({ name }) => name));
  return stored().map((account) => ({ ...account, elsewhere: taken.has(lockOf(account)) }));
}

export function remember(account: Account): void {
  const others = stored().filter((one) => keyOf(one) !== keyOf(account));
  localStorage.setItem(PEOPLE, JSON.stringify([...others, account]));
}

/** The names that this browser knows, but one. */
export const otherNames = (name: string): string[] => [
  ...new Set(stored().flatMap((one) => (one.name === name ? [] : [one.name]))),
];

/** Takes an account for this tab until it is closed: one messenger at a time has a person's storage. @returns whether it is free */
export function take(account: Account): Promise<boolean> {
  return new Promise((resolve) => {
    void navigator.locks.request(lockOf(account), { ifAvailable: true }, (lock) => {
      resolve(lock !== null);
      return lock === null ? undefined : new Promise(() => undefined);
    });
  });
}

/** Whom the tab's address names. */
export function accountOfAddress(): Account | undefined {
  const asked = new URLSearchParams(location.search);
  const [name, device] = [asked.get("as"), asked.get("on")];
  return name && device ? accountOf(name, device) : undefined;
}

/** So that the tab stays theirs when it is loaded again. */
export function nameInAddress({ name, device }: Account): void {
  history.replaceState(null, "", `?${new URLSearchParams({ as: name, on: device })}`);
  document.title = `${name}: Copse chat`;
}
