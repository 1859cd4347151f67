// The kinds of steps.
import { agree } from "../forks/agree.js";
import { fork, found, tell } from "../forks/make.js";
import { pass, turn } from "../forks/take.js";
import type { Kind } from "../step.js";
import type { Action } from "./action.js";
import { batch } from "./batch.js";
import { commit, submit } from "./commit.js";
import { deliver, lose } from "./deliver.js";
import { external } from "./join.js";
import { offer, withdraw } from "./key-packages.js";
import { crash, create, leave, open, settleRoom, shut, wait } from "./life.js";
import { look } from "./look.js";
import { propose, send } from "./send.js";

export const ACTIONS: Readonly<Record<Kind, Action>> = {
  create,
  send,
  propose,
  commit,
  submit,
  deliver,
  batch,
  lose,
  external,
  offer,
  withdraw,
  crash,
  open,
  shut,
  look,
  leave,
  wait,
  settle: settleRoom,
  found,
  tell,
  fork,
  pass,
  turn,
  agree,
};
