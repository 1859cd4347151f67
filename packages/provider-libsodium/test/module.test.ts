// libsodium's WASM as a module, for platforms that compile none from bytes.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { SOURCES } from "@copse/test-support/bundle";
import { root } from "@copse/test-support/documents";
import { build } from "esbuild";
import { expect, it } from "vitest";

/** libsodium is loaded once in a process: each program has its own. Prints a line of JSON. */
async function printed(program: string): Promise<unknown> {
  const { outputFiles } = await build({
    stdin: { contents: program, resolveDir: root, sourcefile: "program.ts", loader: "ts" },
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    alias: SOURCES,
    logLevel: "silent",
  });
  const code = outputFiles[0]?.text ?? "";
  const run = promisify(execFile)(process.execPath, ["--input-type=module"], { maxBuffer: 2 ** 24 });
  run.child.stdin?.end(code);
  return JSON.parse((await run).stdout);
}

const BEGIN = `
  import { libsodiumProvider, libsodiumWasm } from "@copse/provider-libsodium";
  const codeOf = (work) => work.then(() => "fine", ({ code }) => code);
`;

/** What a Worker does with bytes, and its answer for known inputs. */
const WORKER = `${BEGIN}
  const { instantiate } = WebAssembly;
  let fromBytes = 0;
  const refusing = (source, imports) => {
    if (source instanceof WebAssembly.Module) return instantiate(source, imports);
    fromBytes++;
    return Promise.reject(new WebAssembly.CompileError("disallowed by embedder"));
  };
`;

it("libsodiumWasm gives the bytes of a module that libsodium is made of", async () => {
  const program = `${BEGIN}
    const before = WebAssembly.instantiate;
    const wasm = await libsodiumWasm();
    const module = await WebAssembly.compile(wasm);
    const again = await codeOf(libsodiumWasm());
    const { publicKey } = await (await libsodiumProvider()).suite(3).hpke.deriveKeyPair(new Uint8Array(32));
    console.log(JSON.stringify([
      WebAssembly.Module.exports(module).length > 100, before === WebAssembly.instantiate, again, publicKey.length,
    ]));
  `;
  expect(await printed(program)).toEqual([true, true, "usage", 32]);
});

it("libsodiumWasm says that it comes too late, if the application has loaded libsodium", async () => {
  const program = `${BEGIN}
    import sodium from "libsodium-wrappers";
    await sodium.ready;
    const answers = [await codeOf(libsodiumWasm()), await codeOf(libsodiumWasm())];
    console.log(JSON.stringify([...answers, (await libsodiumProvider()).suites.length]));
  `;
  expect(await printed(program)).toEqual(["usage", "usage", 1]);
});

it("an application loads another copy of libsodium at the same time", async () => {
  const program = `${BEGIN}
    import { createRequire } from "node:module";
    const loading = libsodiumWasm();
    const copy = createRequire(${JSON.stringify(`${root}/`)})("libsodium-wrappers");
    const wasm = await loading;
    await copy.ready;
    console.log(JSON.stringify([wasm.length > 1000, copy.crypto_generichash(16, "a").length]));
  `;
  expect(await printed(program)).toEqual([true, 16]);
});

it("a module that doesn't fit is refused as such", async () => {
  const program = `${WORKER}
    // A hundred exports of one function that does nothing.
    const names = Array.from({ length: 100 }, (_, i) => [2, 97 + (i % 26), 97 + Math.floor(i / 26), 0, 0]).flat();
    const size = names.length + 1;
    const module = await WebAssembly.compile(Uint8Array.of(
      0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0,
      7, 128 | (size & 127), size >> 7, 100, ...names, 10, 4, 1, 2, 0, 11,
    ));
    const error = await libsodiumProvider({ module }).catch((e) => e);
    const again = await libsodiumProvider().catch((e) => e);
    console.log(JSON.stringify([error.code, error.message, again.message === error.message]));
  `;
  expect(await printed(program)).toEqual([
    "unsupported",
    expect.stringContaining("can't be loaded with this module"),
    true,
  ]);
});

it("a module serves where none is compiled from bytes, and the platform's function is put back", async () => {
  const wasm = await printed(`${BEGIN} console.log(JSON.stringify(Array.from(await libsodiumWasm())));`);
  const program = `${WORKER}
    const module = await WebAssembly.compile(new Uint8Array(${JSON.stringify(wasm)}));
    WebAssembly.instantiate = refusing;
    const loading = libsodiumProvider({ module });
    // Meanwhile other bytes go where they always go.
    const other = await WebAssembly.instantiate(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)).catch((e) => e.message);
    const provider = await loading;
    const { signature, aead } = provider.suite(3);
    const { publicKey } = signature.importPrivateKey(
      new Uint8Array(Buffer.from("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", "hex")),
    );
    const nothing = new Uint8Array();
    console.log(JSON.stringify([
      other, fromBytes, WebAssembly.instantiate === refusing, Buffer.from(publicKey).toString("hex"),
      aead.seal(new Uint8Array(32), new Uint8Array(12), nothing, nothing).length,
      (await libsodiumProvider()).suites.length,
    ]));
  `;
  const publicKey = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
  expect(await printed(program)).toEqual(["disallowed by embedder", 1, true, publicKey, 16, 1]);
});

it("without a module the refusal says what to do, and what is no module of libsodium's is refused", async () => {
  const program = `${WORKER}
    const empty = await WebAssembly.compile(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0));
    const refused = [];
    for (const module of [empty, {}, new Uint8Array(8)]) refused.push(await codeOf(libsodiumProvider({ module })));
    WebAssembly.instantiate = refusing;
    const error = await libsodiumProvider().catch((e) => e);
    console.log(JSON.stringify([refused, error.code, error.message, fromBytes]));
  `;
  expect(await printed(program)).toEqual([
    ["usage", "usage", "usage"],
    "unsupported",
    expect.stringContaining("give it as the option module"),
    1,
  ]);
});
