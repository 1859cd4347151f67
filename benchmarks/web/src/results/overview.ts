// All suites, sizes and devices in one table.
import { duration, ratio } from "../../../src/format.js";
import { compare, isNoisy, spreadOf } from "../../../src/noise.js";
import { isSize, OPERATIONS, type Operation } from "../../../src/operations.js";
import type { Result, Tree } from "../../../src/samples.js";
import { element } from "../dom.js";
import { suiteName } from "../suites.js";
import { type Device, providersOf, resultOf } from "./devices.js";
import { whyMissing } from "./missing.js";

/** The operations that most applications wait for. */
const HOT: readonly Operation[] = [
  "key package",
  "add all others",
  "join",
  "empty commit",
  "process empty commit",
  "encrypt 1 KiB",
  "decrypt 1 KiB",
];

interface Group {
  readonly suite: number;
  readonly members: number;
  readonly tree: Tree;
}

/** @param all whether to show every operation, or those that matter most */
export function overview(devices: readonly Device[], all: boolean): HTMLTableElement {
  const columns = devices.flatMap((device) => providersOf(device).map((provider) => ({ device, provider })));
  const about = {
    className: "overview",
    "aria-labelledby": "results-title",
    "aria-describedby": "overview-hint",
  };
  const table = element("table", about, [head(devices)]);
  for (const group of groupsOf(devices)) {
    const rows = OPERATIONS.filter((one) => !isSize(one) && (all || HOT.includes(one))).flatMap(
      (operation) => {
        const cells = columns.map(({ device, provider }) =>
          resultOf(device, { ...group, provider, operation }),
        );
        if (!cells.some(Boolean)) return [];
        return [
          element("tr", {}, [
            element("th", { scope: "row" }, [operation]),
            ...columns.map(({ device, provider }, i) =>
              cellOf({ devices, device, provider, operation, group, result: cells[i] }),
            ),
          ]),
        ];
      },
    );
    if (rows.length === 0) continue;
    const title = `Suite ${suiteName(group.suite)}; ${group.members.toLocaleString("en")} members, ${group.tree}`;
    const span = { scope: "rowgroup", colSpan: columns.length + 1, className: "group" };
    // Its words stay in sight when the table is scrolled to the side.
    const heading = element("th", span, [element("span", {}, [title])]);
    table.append(element("tbody", {}, [element("tr", {}, [heading]), ...rows]));
  }
  return table;
}

/** How to read the table. */
export function wordsOf(devices: readonly Device[]): string {
  const [first] = devices as [Device, ...Device[]];
  const words = "Medians. Bold: the fastest of its device, where the runs can tell.";
  return devices.length === 1
    ? words
    : `${words} The factor below a time: how many times as long as on ${first.name}.`;
}

function head(devices: readonly Device[]): HTMLTableSectionElement {
  const names = devices.map((device) =>
    element("th", { scope: "colgroup", colSpan: providersOf(device).length, className: "device" }, [
      device.name,
    ]),
  );
  const providers = devices.flatMap((device) =>
    providersOf(device).map((name) => element("th", { scope: "col", className: "number" }, [name])),
  );
  const corner = element("th", { scope: "col", rowSpan: 2 }, ["Operation"]);
  return element("thead", {}, [element("tr", {}, [corner, ...names]), element("tr", {}, providers)]);
}

function groupsOf(devices: readonly Device[]): Group[] {
  const groups = new Map<string, Group>();
  for (const { suite, members, tree } of devices.flatMap(({ results }) => results)) {
    groups.set(`${suite}/${members}/${tree}`, { suite, members, tree });
  }
  return [...groups.values()].sort(
    (a, b) => a.suite - b.suite || a.members - b.members || a.tree.localeCompare(b.tree),
  );
}

interface Cell {
  readonly devices: readonly Device[];
  readonly device: Device;
  readonly provider: string;
  readonly operation: Operation;
  readonly group: Group;
  readonly result: Result | undefined;
}

function cellOf({ devices, device, provider, operation, group, result }: Cell): HTMLTableCellElement {
  if (result === undefined) {
    const why = whyMissing(device, { ...group, provider, operation });
    return element("td", { className: "number missing" }, ["–", element("small", {}, [why])]);
  }
  const time = duration(result.median);
  const others = providersOf(device)
    .filter((name) => name !== provider)
    .flatMap((name) => resultOf(device, { ...group, provider: name, operation }) ?? []);
  const fastest = others.length > 0 && others.every((other) => compare(result, other) === "faster");
  const notes: string[] = [];
  if (isNoisy(result)) notes.push(`±${Math.round(100 * spreadOf(result))} %: too noisy`);
  const [first] = devices;
  if (first !== undefined && first !== device) notes.push(...besideFirst(first, result));
  return element("td", { className: "number" }, [
    fastest ? element("strong", {}, [time]) : time,
    ...notes.map((note) => element("small", {}, [note])),
  ]);
}

/** How it compares with the same provider on the first device. */
function besideFirst(first: Device, result: Result): string[] {
  const there = resultOf(first, result);
  if (there === undefined) return [];
  const verdict = compare(result, there);
  const times = `× ${ratio(result.median / there.median)}`;
  return [verdict === "faster" || verdict === "slower" ? times : `${times}, ${verdict}`];
}
