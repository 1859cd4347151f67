// Scripts of the working group's harness: the steps of all actors, in JSON.
import { readFileSync } from "node:fs";

/** A step: an action, its actor, and its parameters. */
export interface Step {
  readonly action: string;
  readonly actor?: string | undefined;
  readonly [parameter: string]: unknown;
}

export type Script = readonly Step[];

export interface ScriptFile {
  /** Whether all assignments of servers to actors are played, or a random one. */
  readonly mode?: "allCombinations" | "random" | undefined;
  readonly scripts: Readonly<Record<string, Script>>;
}

/** An extension in a script; its data in base64. */
export interface ScriptExtension {
  readonly extension_type: number;
  readonly extension_data: string;
}

/** @throws Error if the file contains no scripts */
export function readScriptFile(path: string | URL): ScriptFile {
  const file = JSON.parse(readFileSync(path, "utf8")) as Partial<ScriptFile>;
  if (typeof file.scripts !== "object" || file.scripts === null) throw new Error(`${path}: no scripts`);
  for (const [name, script] of Object.entries(file.scripts)) {
    if (!Array.isArray(script) || script.some((step) => typeof step?.action !== "string")) {
      throw new Error(`${path}: the script ${name} has a step without an action`);
    }
  }
  return { mode: file.mode, scripts: file.scripts };
}

/** Scripts spell keys in several ways (`externalTree`, `external_tree`); they mean the same. */
const plain = (key: string) => key.replaceAll("_", "").toLowerCase();

/** The parameters of a step, independent of the spelling of their names. */
export class Parameters {
  private readonly values: ReadonlyMap<string, unknown>;

  constructor(step: object) {
    this.values = new Map(Object.entries(step).map(([key, value]) => [plain(key), value]));
  }

  private get(key: string): unknown {
    return this.values.get(plain(key));
  }

  text(key: string): string {
    const value = this.get(key);
    if (value !== undefined && typeof value !== "string") throw new TypeError(`${key} is no text`);
    return value ?? "";
  }

  flag(key: string): boolean {
    return this.get(key) === true;
  }

  /** @throws TypeError if it is missing */
  number(key: string): number {
    const value = this.get(key);
    if (typeof value !== "number") throw new TypeError(`${key} is no number`);
    return value;
  }

  list<T = string>(key: string): readonly T[] {
    const value = this.get(key) ?? [];
    if (!Array.isArray(value)) throw new TypeError(`${key} is no list`);
    return value as readonly T[];
  }

  /** @throws TypeError if it is missing */
  object(key: string): object {
    const value = this.get(key);
    if (typeof value !== "object" || value === null) throw new TypeError(`${key} is no object`);
    return value;
  }
}

/** All actors of a script, in the order of their first step. */
export function actorsOf(script: Script): string[] {
  const actors = new Set<string>();
  for (const step of script) {
    const parameters = new Parameters(step);
    if (step.actor !== undefined) actors.add(step.actor);
    for (const key of ["joiner", "signer", "member", "proposer", "committer", "welcomer"]) {
      const name = parameters.text(key);
      if (name !== "") actors.add(name);
    }
    for (const key of ["members", "joiners", "clients"]) {
      for (const name of parameters.list(key)) actors.add(name);
    }
  }
  return [...actors];
}
