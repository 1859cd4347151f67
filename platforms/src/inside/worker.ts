// RFC 9420 §17.1: run by workerd: options in the request's address, lines in the answer as they come.
// It compiles no WASM from bytes: that of libsodium is a module beside this one.
import type { RunOptions } from "../report.js";
import libsodium from "./libsodium.wasm";
import { PROVIDERS } from "./providers.js";
import { run } from "./run.js";

export default {
  fetch(request: Request): Response {
    const options = JSON.parse(new URL(request.url).searchParams.get("options") ?? "{}") as RunOptions;
    const lines = run(PROVIDERS, { ...options, libsodium });
    const encoder = new TextEncoder();
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { done, value } = await lines.next();
        if (done) controller.close();
        else controller.enqueue(encoder.encode(`${JSON.stringify(value)}\n`));
      },
    });
    return new Response(body);
  },
};
