// RFC 9420 §7.2: key packages that are valid from 0 to 2^64 - 1, as test clients of other implementations make them.
import { Client, insecureAcceptAll } from "@copse/core";
import { expect, it } from "vitest";
import { copseImplementation } from "../src/copse/implementation.js";
import type { Message } from "../src/grpc.js";
import { bytesOf } from "../src/runner/stage.js";
import { PROVIDERS } from "../src/server/providers.js";
import { mlsClientService } from "../src/service.js";

const utf8 = new TextEncoder();
const SUITE = 2;
const crypto = await PROVIDERS.node();
const service = mlsClientService(copseImplementation(crypto));

function call(name: string, request: Message): Promise<Message> {
  const handler = service[name];
  if (handler === undefined) throw new Error(`no call ${name}`);
  return handler(request);
}

/** A client whose key packages never expire. */
function timeless(name: string): Promise<Client> {
  return Client.create({
    crypto,
    suite: SUITE,
    credential: name,
    authentication: insecureAcceptAll(),
    policy: { lifetime: Number.POSITIVE_INFINITY },
  });
}

async function group(): Promise<number> {
  const request = { group_id: utf8.encode("g"), cipher_suite: SUITE, identity: utf8.encode("ann") };
  return Number((await call("CreateGroup", request)).state_id);
}

async function commit(state_id: number, request: Message): Promise<Message> {
  const made = await call("Commit", { state_id, ...request });
  await call("HandlePendingCommit", { state_id });
  return made;
}

const ADD = utf8.encode("add");

it("a member proposes one, and commits one", async () => {
  const state_id = await group();
  const proposed = await timeless("ben");
  const key_package = await proposed.createKeyPackage();
  const proposal = bytesOf(await call("AddProposal", { state_id, key_package }), "proposal");
  const committed = await timeless("cat");
  const made = await commit(state_id, {
    by_reference: [proposal],
    by_value: [{ proposal_type: ADD, key_package: await committed.createKeyPackage() }],
  });
  for (const client of [proposed, committed]) {
    expect((await client.join(bytesOf(made, "welcome"))).members).toHaveLength(3);
  }
});

it("an external sender proposes one", async () => {
  const state_id = await group();
  const signer = await call("CreateExternalSigner", {
    cipher_suite: SUITE,
    identity: utf8.encode("server"),
  });
  const { external_sender, signer_id } = signer;
  const listed = await call("AddExternalSigner", { state_id, external_sender });
  await commit(state_id, { by_reference: [bytesOf(listed, "proposal")] });
  const client = await timeless("ben");
  const { group_info } = await call("GroupInfo", { state_id });
  const proposed = await call("ExternalSignerProposal", {
    signer_id,
    group_info,
    description: { proposal_type: ADD, key_package: await client.createKeyPackage() },
  });
  const made = await commit(state_id, { by_reference: [bytesOf(proposed, "proposal")] });
  expect((await client.join(bytesOf(made, "welcome"))).members).toHaveLength(2);
});

it("somebody joins a group with one, by an external commit and by a proposal", async () => {
  const state_id = await group();
  const key_package = await (await timeless("ben")).createKeyPackage();
  await commit(state_id, { by_value: [{ proposal_type: ADD, key_package }] });
  const joined = await call("ExternalJoin", {
    group_info: (await call("GroupInfo", { state_id })).group_info,
    identity: utf8.encode("cat"),
  });
  const handled = await call("HandleCommit", { state_id, commit: joined.commit });
  expect(bytesOf(handled, "epoch_authenticator")).toEqual(bytesOf(joined, "epoch_authenticator"));
  const proposed = await call("NewMemberAddProposal", {
    group_info: (await call("GroupInfo", { state_id })).group_info,
    identity: utf8.encode("dan"),
  });
  const made = await commit(state_id, { by_reference: [bytesOf(proposed, "proposal")] });
  const { transaction_id } = proposed;
  const entered = await call("JoinGroup", { transaction_id, welcome: bytesOf(made, "welcome") });
  expect(bytesOf(entered, "epoch_authenticator")).toEqual(
    bytesOf(await call("StateAuth", { state_id }), "state_auth_secret"),
  );
});
