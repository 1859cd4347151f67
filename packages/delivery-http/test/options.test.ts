// Wrong options are refused before anything is opened, and the error says what was expected and what came.
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { httpDelivery } from "@copse/delivery-http";
import { serveDelivery } from "@copse/delivery-http/server";
import { bundle } from "@copse/test-support/bundle";
import { fromRoot } from "@copse/test-support/files";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const parent = mkdtempSync(join(tmpdir(), "copse-options-"));
const data = join(parent, "data");
afterAll(() => rmSync(parent, { recursive: true, force: true }));

const call = { perSecond: 1, burst: 1 };

describe("a service refuses", () => {
  it.each([
    [{ prot: 1 }, 'there is no option "prot" here, only data, port'],
    [{ members: "no" }, 'members: expected "checked" or "unchecked", got string'],
    [{ openGroups: "yes" }, "openGroups: expected boolean, got string"],
    [{ limits: { mesage: 1 } }, 'there is no option "limits.mesage" here, only message'],
    [{ limits: { message: "1" } }, "limits.message: expected number, got string"],
    [{ limits: { message: Number.NaN } }, "limits.message: expected 0 or more, got NaN"],
    [{ rates: { cal: call } }, 'there is no option "rates.cal" here, only login'],
    [{ rates: { call: { ...call, perSecond: "x" } } }, "rates.call.perSecond: expected number, got string"],
    [{ rates: { call: { perSecond: 1 } } }, "rates.call.burst: expected number, got undefined"],
    [{ rates: { call: { ...call, perMinute: 1 } } }, 'there is no option "rates.call.perMinute" here'],
    [{ rates: { call: { ...call, burst: -1 } } }, "rates.call.burst: expected 0 or more, got -1"],
    [{ quotas: { token: 1 } }, 'there is no option "quotas.token" here'],
    [{ quotas: { tokens: -1 } }, "quotas.tokens: expected 0 or more, got -1"],
    [{ times: { logins: 1 } }, 'there is no option "times.logins" here'],
    [{ times: { login: "1h" } }, "times.login: expected number, got string"],
    [
      { times: { ping: Number.POSITIVE_INFINITY } },
      "times.ping: expected 1 to 2147483647 milliseconds, got I",
    ],
    [{ groupBytes: -1 }, "groupBytes: expected 0 or more, got -1"],
    [{ port: "x" }, "port: expected number, got string"],
    [{ port: 70_000 }, "port: expected an integer from 0 to 65535, got 70000"],
    [{ host: 1 }, "host: expected string, got number"],
    [{ host: "" }, 'host: expected an address such as 127.0.0.1, got ""'],
    [{ data: undefined }, "data: expected string, got undefined"],
    [{ handshakes: "public" }, 'handshakes: expected "private" or object, got string'],
    [{ handshakes: {} }, "handshakes.authentication: expected object, got undefined"],
    [{ admit: true }, "admit: expected function, got boolean"],
    [
      { origins: ["chat.example"] },
      'origins: expected origins such as https://chat.example, got "chat.example"',
    ],
    [
      { origins: ["localhost:80"] },
      'origins: expected origins such as https://chat.example, got "localhost:80"',
    ],
    [{ origins: ["null"] }, 'origins: expected origins such as https://chat.example, got "null"'],
    [
      { origins: "https://a.example" },
      'origins: expected an array of origins such as ["https://chat.example"], got "https://a.example"',
    ],
    [{ origins: [1] }, "origins: expected origins such as https://chat.example, got number"],
    [{ pages: ["app.example"] }, 'pages: expected origins such as https://app.example, got "app.example"'],
    [{ pages: "all" }, 'pages: expected an array of origins such as ["https://app.example"], got "all"'],
  ])("%o", async (options, said) => {
    const refused = expect(serveDelivery({ data, ...options } as never)).rejects;
    await refused.toMatchObject({
      name: "DeliveryError",
      code: "invalid",
      message: expect.stringContaining(said),
    });
    expect(existsSync(data)).toBe(false);
  });

  it("what are no options", async () => {
    for (const options of [undefined, null, "./data", []])
      await expect(serveDelivery(options as never)).rejects.toMatchObject({ code: "invalid" });
  });
});

describe("a client", () => {
  const options = {
    user: "alice",
    suite: 1,
    signatureKey: new Uint8Array(32),
    sign: async () => new Uint8Array(),
  };

  it.each([
    [{ bogus: 1 }, 'there is no option "bogus" here, only url, user, client'],
    [{ timeout: -1 }, "timeout: expected 1 to 2147483647 milliseconds, got -1"],
    [{ timeout: 0 }, "timeout: expected 1 to 2147483647 milliseconds, got 0"],
    [{ timeout: Number.POSITIVE_INFINITY }, "timeout: expected 1 to 2147483647 milliseconds, got Infinity"],
    [{ timeout: "1s" }, "timeout: expected number, got string"],
    [{ fetch: true }, "fetch: expected function, got boolean"],
    [{ WebSocket: {} }, "WebSocket: expected function, got object"],
    [
      { admission: new Uint8Array(3) },
      "admission: expected what admit() gave (expected a map, got an integer)",
    ],
    [{ admission: "" }, "admission: expected a Uint8Array, got string"],
    [{ client: "alice" }, "client: expected object, got string"],
    [{ sign: undefined, client: {} }, "expected a client, or sign, signatureKey and suite"],
    [{ user: undefined }, "user: expected a string, got undefined"],
  ])("refuses %o at once", (wrong, said) => {
    const make = () => httpDelivery({ ...options, url: "http://localhost:1", ...wrong } as never);
    expect(make).toThrow(
      expect.objectContaining({ code: "invalid", message: expect.stringContaining(said) }),
    );
  });
});

it("a client says whose it is, for the messenger that compares it", () => {
  const keys = { suite: 1, signatureKey: new Uint8Array(32), sign: async () => new Uint8Array() };
  expect(httpDelivery({ url: "http://localhost:1", user: "alice", ...keys }).user).toBe("alice");
});

describe("a client says of a URL", () => {
  const options = {
    user: "alice",
    suite: 1,
    signatureKey: new Uint8Array(32),
    sign: async () => new Uint8Array(),
  };

  it.each([
    ["localhost:8123", '"localhost:8123"'],
    ["chat.example", '"chat.example"'],
    [undefined, "undefined"],
    ["ftp://me:password@chat.example", '"...@chat.example"'],
  ])("%s what came", (url, got) => {
    const said = `url: expected one such as https://chat.example, got ${got}`;
    expect(() => httpDelivery({ ...options, url: url as string })).toThrow(said);
  });
});

describe("the program", () => {
  let folder: string;
  beforeAll(async () => {
    // Below the repository, where the packages are that aren't bundled.
    mkdirSync(fromRoot("node_modules/.cache"), { recursive: true });
    folder = mkdtempSync(fromRoot("node_modules/.cache/copse-program-"));
    const packages = ["@hono/node-server", "hono", "hono/cors", "ws"];
    // By import(): what is imported for its effects is left out of a package that says it has none.
    const script = `await import(${JSON.stringify(fromRoot("packages/delivery-http/src/bin.ts"))});`;
    for (const name of ["bin", "dist"]) mkdirSync(join(folder, name));
    writeFileSync(join(folder, "package.json"), '{"type":"module"}');
    writeFileSync(join(folder, "dist/bin.js"), await bundle(script, "node", packages));
    copyFileSync(fromRoot("packages/delivery-http/bin/copse-delivery.js"), join(folder, "bin/run.js"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const run = (...args: string[]) =>
    spawnSync(process.execPath, [join(folder, "bin/run.js"), ...args], { encoding: "utf8" });

  it("helps", () => {
    expect(run("--help")).toMatchObject({
      status: 0,
      stdout: expect.stringContaining("usage: copse-delivery"),
    });
  });

  it.each([
    [
      ["--data", data, "--origin", "chat.example"],
      '--origin: expected origins such as https://chat.example, got "c',
    ],
    [
      ["--data", data, "--page", "app.example"],
      '--page: expected origins such as https://app.example, got "a',
    ],
    [
      ["--data", data, "--host", "nowhere.invalid"],
      '--host: expected an address or a name of this machine, got "n',
    ],
    [
      ["--data", data, "--host", "203.0.113.1"],
      '--host: expected an address or a name of this machine, got "2',
    ],
  ])("says what it expected of %o", (args, said) => {
    const { status, stderr } = run(...args);
    expect(stderr).toContain(`copse-delivery: ${said}`);
    expect(stderr).toMatch(/^.*\n$/);
    expect(status).toBe(1);
    expect(existsSync(data)).toBe(false);
  });

  it.each([
    [[], "--data: expected a folder, got nothing"],
    [["--data="], "--data: expected a folder, got nothing"],
    [["--data"], "--data: expected a folder, got nothing"],
    [["--data", "--port", "80"], "--data: expected a folder, got --port"],
    [["--data", data, "--port", "x"], "--port: expected 0 to 65535, got x"],
    [["--data", data, "--port", "-1"], "--port: expected 0 to 65535, got -1"],
    [["--data", data, "--port", ""], "--port: expected 0 to 65535, got nothing"],
    [["--data", data, "--port", "65536"], "--port: expected 0 to 65535, got 65536"],
    [["--data", data, "--host", ""], "--host: expected an address of this machine, got nothing"],
    [["--data", data, "--foo"], "there is no option --foo"],
    [["--data", data, "-x"], "there is no option -x"],
    [["--data", data, "more"], 'expected options alone, got "more"'],
  ])("says what it expected of %o, and how it is used", (args, said) => {
    const { status, stderr } = run(...args);
    expect(stderr).toMatch(/^copse-delivery: .*\n\nusage: copse-delivery --data FOLDER/);
    expect(stderr).toContain(`copse-delivery: ${said}\n`);
    expect(status).toBe(1);
    expect(existsSync(data)).toBe(false);
  });

  it("says that a port isn't free, and makes no folder", async () => {
    const other = createServer();
    const port = await new Promise((resolve) => {
      other.listen(0, "127.0.0.1", () => resolve((other.address() as AddressInfo).port));
    });
    const { status, stderr } = run("--data", data, "--port", `${port}`);
    other.close();
    const said = `copse-delivery: --port: expected one that is free at 127.0.0.1, got ${port} (EADDRINUSE)\n`;
    expect({ status, stderr }).toEqual({ status: 1, stderr: said });
    expect(existsSync(data)).toBe(false);
  });

  it("says which file isn't what it expected", () => {
    const file = join(parent, "file");
    writeFileSync(file, "no folder");
    for (const path of [file, join(file, "below")])
      expect(run("--port=0", "--data", path).stderr).toMatch(
        /^copse-delivery: --data: expected a folder, got a file, or one below it: .*\/file.* \((EEXIST|ENOTDIR)\)\n$/,
      );
    for (const name of ["delivery.db", "lock.db"]) {
      const folder = mkdtempSync(join(parent, "garbage-"));
      writeFileSync(join(folder, name), "garbage ".repeat(1000));
      expect(run("--port=0", "--data", folder).stderr).toBe(
        `copse-delivery: --data: expected a database of this service, got ${join(folder, name)}: file is not a database\n`,
      );
    }
  });
});
