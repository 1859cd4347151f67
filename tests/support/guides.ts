// Guides whose programs use a PostgreSQL server.
import { afterAll, beforeAll } from "vitest";
import { type Programs, programs } from "./documents.js";
import { type Postgres, postgresPrograms, startPostgres } from "./postgres.js";

/** A guide's programs, and whether there is a server for them. */
export interface GuideOnPostgres extends Pick<Programs, "errors" | "printed"> {
  readonly hasServer: boolean;
}

/** For a test file: its programs are there, and the server runs, before its tests, and are gone after them. */
export function guideOnPostgres(files: Readonly<Record<string, string>>): GuideOnPostgres {
  const bin = postgresPrograms();
  let code: Programs;
  let server: Postgres | undefined;
  beforeAll(async () => {
    code = await programs(files);
    if (bin === undefined) return;
    server = await startPostgres(bin);
    Object.assign(process.env, server.env);
  });
  afterAll(async () => {
    await code.remove();
    await server?.stop();
  });
  return {
    hasServer: bin !== undefined,
    errors: () => code.errors(),
    printed: (name) => code.printed(name),
  };
}
