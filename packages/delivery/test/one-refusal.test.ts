// RFC 9750 §5.2: a service says often that it isn't time yet, and then once that it refuses: whoever has waited isn't given up.
import { DeliveryError, type DeliveryService } from "@copse/delivery";
import { expect, it } from "vitest";
import { agree, heard, problems, type Someone, together, World } from "./support/people.js";
import { changed } from "./support/unreliable.js";

/** More than a refusal is repeated before it is taken as final. */
const MANY = 20;

/** A service for Bob, which answers with these before it does what a call asks for. */
function answering(method: "submit" | "send" | "subscribe") {
  const answers: DeliveryError[] = [];
  const answer = () => {
    const next = answers.shift();
    if (next !== undefined) throw next;
  };
  const wrap = (service: DeliveryService, name: string): DeliveryService => {
    if (name !== "bob") return service;
    const how: Partial<DeliveryService> = {
      submit: async (...args) => {
        answer();
        return service.submit(...args);
      },
      send: async (...args) => {
        answer();
        return service.send(...args);
      },
      subscribe: (...args) => {
        answer();
        return service.subscribe(...args);
      },
    };
    return changed(service, { [method]: how[method] });
  };
  const waits = (code: "limit" | "unavailable") =>
    Array.from({ length: MANY }, () => new DeliveryError(code, "not yet", { retryAfter: 1 }));
  /** Many times that it isn't time yet, and then once that it refuses. */
  const begin = (code: "limit" | "unavailable") =>
    answers.push(...waits(code), new DeliveryError("forbidden", "somebody else came first"));
  return { wrap, begin, answers };
}

async function two(wrap: ReturnType<typeof answering>["wrap"]) {
  const world = new World({ members: "unchecked", wrap, engine: { longestWait: 10 } });
  const people = (await world.people("alice", "bob")) as [Someone, Someone];
  const all = await together(people);
  await agree(people, all);
  return { people, all };
}

it("makes a commit for which the service let wait and refused once", async () => {
  const { wrap, begin, answers } = answering("submit");
  const { people, all } = await two(wrap);
  begin("limit");
  await all[1]?.update();
  expect(answers).toEqual([]);
  await agree(people, all);
});

it("sends a message for which the service let wait and refused once", async () => {
  const { wrap, begin, answers } = answering("send");
  const { people, all } = await two(wrap);
  begin("limit");
  const sent = await all[1]?.send("here");
  await sent?.sent;
  expect(answers).toEqual([]);
  expect(await heard(people[0], all[0] as never, 1)).toEqual(["bob: here"]);
});

it("reads on where the service couldn't be reached and refused once", async () => {
  const { wrap, begin, answers } = answering("subscribe");
  const { people, all } = await two(wrap);
  await people[1].messenger.close();
  begin("unavailable");
  const again = await people[1].reopen();
  await (await all[0]?.send("hello"))?.sent;
  const conversation = again.messenger.conversation(all[0]?.id as string);
  expect(await heard(again, conversation as never, 1)).toEqual(["alice: hello"]);
  expect(answers).toEqual([]);
  expect(problems(again).filter((text) => text.startsWith("rejoined"))).toEqual([]);
});
