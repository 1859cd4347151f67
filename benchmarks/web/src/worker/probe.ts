// A worker for one provider: loads it, and tells its suites, how long that took, and how much was fetched for it.
import { mlsTs } from "../../../src/mls-ts.js";
import { OPENMLS } from "../../../src/references.js";
import type { Loading, OurName, Served, ToProbe } from "../messages.js";
import { LOADERS, loadOwn } from "./loaders.js";

self.addEventListener("message", ({ data }: MessageEvent<ToProbe>) => {
  void probe(data).then((served) => self.postMessage(served));
});

async function probe(what: ToProbe): Promise<Served> {
  const own = "module" in what ? what.module : undefined;
  const before = fetched();
  const start = performance.now();
  try {
    const { provider, suites } = await load(what);
    const milliseconds = performance.now() - start;
    const names = [...fetched()].filter((one) => !before.has(one));
    const loading = { milliseconds, ...(await sizes(new Set(own ? [...names, own.url] : names))) };
    return { provider, suites, loading, ...(own && { module: own }) };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return { provider: "name" in what ? what.name : what.module.label, suites: [], problem };
  }
}

async function load(what: ToProbe): Promise<Pick<Served, "provider" | "suites">> {
  if ("name" in what && what.name === OPENMLS) return { provider: OPENMLS, suites: await mlsTs.suites() };
  const made = await ("name" in what ? LOADERS[what.name as OurName]() : loadOwn(what.module));
  return {
    provider: "name" in what ? what.name : made.name,
    suites: made.suites.map(({ id }) => id),
  };
}

const fetched = () => new Set(performance.getEntriesByType("resource").map(({ name }) => name));

/** As a server would send them. Nothing where a browser doesn't tell what it fetched. */
async function sizes(addresses: ReadonlySet<string>): Promise<Omit<Loading, "milliseconds">> {
  if (addresses.size === 0 || typeof CompressionStream !== "function") return {};
  let [bytes, gzipped] = [0, 0];
  try {
    for (const address of addresses) {
      const content = await (await fetch(address)).blob();
      const packed = new Response(content.stream().pipeThrough(new CompressionStream("gzip")));
      bytes += content.size;
      gzipped += (await packed.blob()).size;
    }
  } catch {
    return {};
  }
  return { bytes, gzipped };
}
