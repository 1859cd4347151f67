// RFC 9420 §11, §12, §15: the actions of a script, each as calls of the service.
import type { Message } from "../grpc.js";
import { sameBytes } from "../wire.js";
import { describe, extensionsOf } from "./describe.js";
import { branch, reinit } from "./follow.js";
import type { Parameters } from "./script.js";
import { bytesOf, Disagreement, keyPackageOf, type Scene, type Stage } from "./stage.js";

const utf8 = new TextEncoder();

type Action = (scene: Scene) => Promise<void>;

async function join(
  stage: Stage,
  actor: string,
  transaction_id: number,
  welcome: Uint8Array,
  options: { readonly ratchetTree?: Uint8Array | undefined; readonly expected?: Uint8Array } = {},
): Promise<void> {
  const response = await stage.call(actor, "JoinGroup", {
    transaction_id,
    welcome,
    encrypt_handshake: stage.encryptHandshake,
    identity: utf8.encode(actor),
    ratchet_tree: options.ratchetTree,
  });
  stage.enter(actor, response, options.expected);
}

const createGroup: Action = async ({ stage, index, actor, parameters }) => {
  const groupId = stage.chance.bytes(16);
  const created = await stage.call(actor, "CreateGroup", {
    group_id: groupId,
    cipher_suite: stage.suite,
    encrypt_handshake: stage.encryptHandshake,
    identity: utf8.encode(actor),
  });
  stage.states.set(actor, Number(created.state_id));
  stage.keep(index, "group_id", groupId);
  const members = parameters.list("members");
  if (members.length === 0) return;
  const packages: Message[] = [];
  for (const member of members) packages.push(await keyPackageOf(stage, member));
  const committed = await stage.call(actor, "Commit", {
    state_id: stage.state(actor),
    by_value: packages.map((one) => ({
      proposal_type: utf8.encode("add"),
      key_package: bytesOf(one, "key_package"),
    })),
  });
  const merged = await stage.call(actor, "HandlePendingCommit", { state_id: stage.state(actor) });
  const expected = stage.enter(actor, merged);
  for (const [i, member] of members.entries()) {
    const transaction = Number(packages[i]?.transaction_id);
    await join(stage, member, transaction, bytesOf(committed, "welcome"), { expected });
  }
  await stage.agree([actor, ...members]);
};

const createKeyPackage: Action = async ({ stage, index, actor }) => {
  const made = await keyPackageOf(stage, actor);
  stage.transactions.set(actor, Number(made.transaction_id));
  stage.keep(index, "key_package", bytesOf(made, "key_package"));
};

const joinGroup: Action = async ({ stage, actor, parameters }) => {
  const welcome = stage.kept(parameters.number("welcome"), "welcome");
  await join(stage, actor, stage.transaction(actor), welcome);
};

const groupInfo: Action = async ({ stage, index, actor, parameters }) => {
  await askGroupInfo(stage, index, actor, parameters.flag("externalTree"));
};

async function askGroupInfo(
  stage: Stage,
  index: number,
  actor: string,
  external_tree: boolean,
): Promise<{ group_info: Uint8Array; ratchet_tree: Uint8Array }> {
  const answer = await stage.call(actor, "GroupInfo", { state_id: stage.state(actor), external_tree });
  const found = { group_info: bytesOf(answer, "group_info"), ratchet_tree: bytesOf(answer, "ratchet_tree") };
  stage.keep(index, "group_info", found.group_info);
  stage.keep(index, "ratchet_tree", found.ratchet_tree);
  return found;
}

const externalJoin: Action = async ({ stage, index, actor, parameters }) => {
  const joiner = parameters.text("joiner");
  const info = await askGroupInfo(stage, index, actor, parameters.flag("externalTree"));
  const joined = await stage.call(joiner, "ExternalJoin", {
    ...info,
    encrypt_handshake: stage.encryptHandshake,
    identity: utf8.encode(joiner),
    remove_prior: parameters.flag("removePrior"),
    psks: parameters.list<number>("psks").map((step) => ({
      psk_id: stage.kept(step, "psk_id"),
      psk_secret: stage.kept(step, "psk_secret"),
    })),
  });
  const former = stage.states.get(joiner);
  const expected = stage.enter(joiner, joined);
  if (former !== undefined && former !== stage.state(joiner)) {
    await stage.call(joiner, "Free", { state_id: former }, true);
  }
  stage.keep(index, "commit", bytesOf(joined, "commit"));
  const members = [...parameters.list("members"), actor];
  for (const member of members) await handle(stage, member, bytesOf(joined, "commit"), [], expected);
  await stage.agree([joiner, ...members]);
};

async function handle(
  stage: Stage,
  member: string,
  commit: Uint8Array,
  proposal: readonly Uint8Array[],
  expected?: Uint8Array,
): Promise<void> {
  const request = { state_id: stage.state(member), proposal, commit };
  stage.enter(member, await stage.call(member, "HandleCommit", request), expected);
}

const installExternalPSK: Action = async ({ stage, index, parameters }) => {
  const [psk_id, psk_secret] = [stage.chance.bytes(32), stage.chance.bytes(32)];
  stage.keep(index, "psk_id", psk_id);
  stage.keep(index, "psk_secret", psk_secret);
  for (const actor of parameters.list("clients")) {
    const state_or_transaction_id = stage.states.get(actor) ?? stage.transaction(actor);
    await stage.call(actor, "StorePSK", { state_or_transaction_id, psk_id, psk_secret });
  }
};

/** An action that sends a proposal in a message of its own. */
function proposing(rpc: string, request: (scene: Scene) => Message): Action {
  return async (scene) => {
    const { stage, index, actor } = scene;
    const answer = await stage.call(actor, rpc, { state_id: stage.state(actor), ...request(scene) });
    stage.keep(index, "proposal", bytesOf(answer, "proposal"));
  };
}

async function makeCommit({ stage, index, actor, parameters }: Scene): Promise<Message> {
  const external_tree = parameters.flag("externalTree");
  const answer = await stage.call(actor, "Commit", {
    state_id: stage.state(actor),
    by_reference: referred(stage, parameters),
    by_value: parameters.list<object>("byValue").map((one) => describe(stage, one)),
    force_path: parameters.flag("forcePath"),
    external_tree,
  });
  stage.keep(index, "commit", bytesOf(answer, "commit"));
  stage.keep(index, "welcome", bytesOf(answer, "welcome"));
  if (external_tree) stage.keep(index, "ratchet_tree", bytesOf(answer, "ratchet_tree"));
  return answer;
}

const referred = (stage: Stage, parameters: Parameters): Uint8Array[] =>
  parameters.list<number>("byReference").map((step) => stage.kept(step, "proposal"));

const fullCommit: Action = async (scene) => {
  const { stage, actor, parameters } = scene;
  const made = await makeCommit(scene);
  const state_id = stage.state(actor);
  const expected = stage.enter(actor, await stage.call(actor, "HandlePendingCommit", { state_id }));
  const [members, joiners] = [parameters.list("members"), parameters.list("joiners")];
  for (const member of members) {
    await handle(stage, member, bytesOf(made, "commit"), referred(stage, parameters), expected);
  }
  for (const joiner of joiners) {
    await join(stage, joiner, stage.transaction(joiner), bytesOf(made, "welcome"), {
      ratchetTree: parameters.flag("externalTree") ? bytesOf(made, "ratchet_tree") : undefined,
      expected,
    });
  }
  await stage.agree([actor, ...members, ...joiners]);
};

const handleCommit: Action = async ({ stage, actor, parameters }) => {
  const commit = stage.kept(parameters.number("commit"), "commit");
  await handle(stage, actor, commit, referred(stage, parameters));
};

const handlePendingCommit: Action = async ({ stage, actor }) => {
  stage.enter(actor, await stage.call(actor, "HandlePendingCommit", { state_id: stage.state(actor) }));
};

const protect: Action = async ({ stage, index, actor, parameters }) => {
  const authenticated_data = utf8.encode(parameters.text("authenticatedData"));
  const plaintext = utf8.encode(parameters.text("plaintext"));
  const request = { state_id: stage.state(actor), authenticated_data, plaintext };
  const answer = await stage.call(actor, "Protect", request);
  stage.keep(index, "authenticated_data", authenticated_data);
  stage.keep(index, "plaintext", plaintext);
  stage.keep(index, "ciphertext", bytesOf(answer, "ciphertext"));
};

const unprotect: Action = async ({ stage, actor, parameters }) => {
  const from = parameters.number("ciphertext");
  const request = { state_id: stage.state(actor), ciphertext: stage.kept(from, "ciphertext") };
  const answer = await stage.call(actor, "Unprotect", request);
  for (const field of ["authenticated_data", "plaintext"]) {
    if (!sameBytes(bytesOf(answer, field), stage.kept(from, field))) {
      throw new Disagreement(`${actor} reads another ${field}`);
    }
  }
};

const newMemberAddProposal: Action = async ({ stage, index, actor, parameters }) => {
  const joiner = parameters.text("joiner");
  const { group_info } = await askGroupInfo(stage, index, actor, false);
  const identity = utf8.encode(joiner);
  const made = await stage.call(joiner, "NewMemberAddProposal", { group_info, identity });
  stage.transactions.set(joiner, Number(made.transaction_id));
  stage.keep(index, "proposal", bytesOf(made, "proposal"));
};

const addExternalSigner: Action = async ({ stage, index, actor, parameters }) => {
  const signer = parameters.text("signer");
  const request = { cipher_suite: stage.suite, identity: utf8.encode(signer) };
  const created = await stage.call(signer, "CreateExternalSigner", request);
  stage.signers.set(signer, Number(created.signer_id));
  const external_sender = bytesOf(created, "external_sender");
  const added = { state_id: stage.state(actor), external_sender };
  stage.keep(index, "proposal", bytesOf(await stage.call(actor, "AddExternalSigner", added), "proposal"));
};

const externalSignerProposal: Action = async ({ stage, index, actor, parameters }) => {
  const info = await askGroupInfo(stage, index, parameters.text("member"), true);
  const made = await stage.call(actor, "ExternalSignerProposal", {
    ...info,
    signer_id: stage.signer(actor),
    description: describe(stage, parameters.object("description")),
  });
  stage.keep(index, "proposal", bytesOf(made, "proposal"));
};

/** All actions, by their names in scripts. */
export const ACTIONS: Readonly<Record<string, Action>> = {
  createGroup,
  createKeyPackage,
  joinGroup,
  groupInfo,
  externalJoin,
  installExternalPSK,
  addProposal: proposing("AddProposal", ({ stage, parameters }) => ({
    key_package: stage.kept(parameters.number("keyPackage"), "key_package"),
  })),
  updateProposal: proposing("UpdateProposal", () => ({})),
  removeProposal: proposing("RemoveProposal", ({ parameters }) => ({
    removed_id: utf8.encode(parameters.text("removed")),
  })),
  externalPSKProposal: proposing("ExternalPSKProposal", ({ stage, parameters }) => ({
    psk_id: stage.kept(parameters.number("pskID"), "psk_id"),
  })),
  resumptionPSKProposal: proposing("ResumptionPSKProposal", ({ parameters }) => ({
    epoch_id: parameters.number("epochID"),
  })),
  groupContextExtensionsProposal: proposing("GroupContextExtensionsProposal", ({ parameters }) => ({
    extensions: extensionsOf(parameters),
  })),
  fullCommit,
  commit: async (scene) => {
    await makeCommit(scene);
  },
  handleCommit,
  handlePendingCommit,
  protect,
  unprotect,
  reinit,
  branch,
  newMemberAddProposal,
  addExternalSigner,
  externalSignerProposal,
};
