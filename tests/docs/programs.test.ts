// Programs of the packages: `npx NAME` asks the registry for a package of that name where none is installed, and such a name may be
// anybody's.
import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { readDocument, root } from "@copse/test-support/documents";
import { expect, test } from "vitest";

const listed = (...patterns: string[]) =>
  spawnSync("git", ["ls-files", ...patterns], { cwd: root, encoding: "utf8" })
    .stdout.trim()
    .split("\n");

interface Package {
  readonly name: string;
  readonly bin?: Readonly<Record<string, string>>;
}

const packages: Package[] = await Promise.all(
  listed("package.json", "*/package.json").map(async (file) =>
    JSON.parse(await readFile(`${root}${file}`, "utf8")),
  ),
);
/** Programs, and the packages that have them, but those whose package has the same name. */
const programs = packages.flatMap(({ name, bin = {} }) =>
  Object.keys(bin).flatMap((program) => (program === name ? [] : [[program, name] as const])),
);

test("there are such programs", () => expect(Object.fromEntries(programs)).toHaveProperty("copse-delivery"));

test.each(listed("*.md"))("%s names the package of each program that isn't installed", async (page) => {
  const { text } = await readDocument(page);
  for (const [program, name] of programs) {
    const at = text.search(new RegExp(`npx ${program}\\b`));
    if (at < 0) continue;
    const section = text.slice(0, at).split(/^#+ /m).at(-1) as string;
    // In the project's own folder it is there.
    const isThere = section.includes(`npm install ${name}`) || section.includes("npm run build");
    expect(isThere, `npx ${program}: expected npx -p ${name} ${program}`).toBe(true);
  }
});
