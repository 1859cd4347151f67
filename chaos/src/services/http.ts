// The service by HTTP, in a process of its own that is killed and started again; clients reach it through a proxy.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serveDelivery } from "@copse/delivery-http/server";
import { freePorts } from "@copse/test-support/ports";
import { HttpProxy } from "../network/http.js";
import { sleep, Weather } from "../network/weather.js";
import { ServiceProcess } from "./child.js";
import type { Service } from "./service.js";

/** All clients of the run come from one address, and say in minutes what people say in months. */
const MANY = { perSecond: 1e6, burst: 1e6 };

/** Milliseconds: all waits are short. */
const GRACE = 10_000;

/** In the service's own process. @param args its folder, its port, and the port of the proxy */
export async function serve([data = "", port = "", proxy = ""]: readonly string[]): Promise<void> {
  await serveDelivery({
    data,
    port: Number(port),
    times: { grace: GRACE },
    origins: [`http://127.0.0.1:${proxy}`],
    rates: {
      login: MANY,
      register: MANY,
      call: MANY,
      message: MANY,
      byte: MANY,
      handshake: MANY,
      join: MANY,
      claim: MANY,
      claimed: MANY,
      claimedByOne: MANY,
      group: MANY,
      proof: MANY,
      socket: MANY,
      frame: MANY,
    },
  });
}

export async function httpService(seed: number): Promise<Service> {
  const folder = await mkdtemp(join(process.env.COPSE_CRASH_FOLDER ?? tmpdir(), "copse-service-"));
  const [port = 0] = await freePorts(1);
  const weather = new Weather(seed, 2000, {
    delayed: 10,
    delay: 60,
    duplicated: 20,
    lost: 100,
    unanswered: 100,
    cut: 2000,
  });
  const proxy = await HttpProxy.open(port, weather);
  const program = process.argv[1] as string;
  const args = [program, "--serve", folder, `${port}`, `${proxy.port}`];
  const server = new ServiceProcess(process.execPath, args, port);
  const close = async () => {
    await proxy.close();
    await server.close();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await server.start();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    place: { kind: "http", url: `http://127.0.0.1:${proxy.port}` },
    async strike(milliseconds) {
      await server.kill();
      await sleep(milliseconds);
      await server.start();
    },
    cut: () => proxy.cut(),
    calm: () => weather.calm(),
    counts: weather.counts,
    close,
  };
}
