// Names, numbers and times as the page writes them.

const list = new Intl.ListFormat("en", { type: "conjunction" });

/** "Alice, Bob and Carol" */
export const listed = (names: readonly string[]): string => list.format(names).replace(/, and /, " and ");

export const counted = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

export const timeOf = (time: number): string =>
  new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

export const dayOf = (time: number): string => {
  const [day, today] = [new Date(time), new Date()];
  if (day.toDateString() === today.toDateString()) return "Today";
  return day.toLocaleDateString([], { weekday: "long", day: "numeric", month: "long" });
};

/** The time of today, or the day. */
export const shortTime = (time: number): string => {
  const [day, today] = [new Date(time), new Date()];
  if (day.toDateString() === today.toDateString()) return timeOf(time);
  return day.toLocaleDateString([], { day: "numeric", month: "short" });
};

/** Groups of five digits. */
export const digitGroups = (number: string): string[] => number.replace(/\s/g, "").match(/.{1,5}/g) ?? [];

/** A hue for each name, in degrees: the same everywhere. The factor keeps the hues of the names that examples have apart. */
export function hueOf(name: string): number {
  let sum = 0;
  for (const letter of name) sum = (sum * 813 + (letter.codePointAt(0) as number)) % 65_521;
  return sum % 360;
}

export const initialOf = (name: string): string => (Array.from(name.trim())[0] ?? "?").toLocaleUpperCase();

/** The people among devices, each once, this one's owner last. */
export function namesOf(devices: readonly { readonly name: string; readonly isMe: boolean }[]): string[] {
  const me = devices.find(({ isMe }) => isMe)?.name;
  const others = [...new Set(devices.map(({ name }) => name))].filter((name) => name !== me);
  return me === undefined ? others : [...others, "you"];
}
