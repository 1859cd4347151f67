// RFC 9420 over gRPC: the service's description, and what its calls answer beyond what scripts ask.
import { afterAll, beforeAll, expect, it } from "vitest";
import { copseImplementation } from "../src/copse/implementation.js";
import {
  connect,
  type Message,
  type RemoteClient,
  type RunningServer,
  serve,
  serviceDefinition,
} from "../src/grpc.js";
import { bytesOf } from "../src/runner/stage.js";
import { PROVIDERS } from "../src/server/providers.js";
import { mlsClientService } from "../src/service.js";

const utf8 = new TextEncoder();
let server: RunningServer;
let client: RemoteClient;

beforeAll(async () => {
  server = await serve(mlsClientService(copseImplementation(await PROVIDERS.node())), 0);
  client = connect(server.address);
});

afterAll(async () => {
  client.close();
  await server.close();
});

const call = (name: string, request: Message) => client.call(name, request);

async function group(identity: string, cipher_suite = 1): Promise<number> {
  const request = { group_id: utf8.encode("g"), cipher_suite, identity: utf8.encode(identity) };
  return Number((await call("CreateGroup", request)).state_id);
}

it("implements each call of the interface", () => {
  expect(Object.keys(serviceDefinition()).sort()).toEqual(
    [
      ["Name", "SupportedCiphersuites", "CreateGroup", "CreateKeyPackage", "JoinGroup", "ExternalJoin"],
      ["GroupInfo", "StateAuth", "Export", "Protect", "Unprotect", "StorePSK", "AddProposal"],
      ["UpdateProposal", "RemoveProposal", "ExternalPSKProposal", "ResumptionPSKProposal"],
      ["GroupContextExtensionsProposal", "Commit", "HandleCommit", "HandlePendingCommit", "ReInitProposal"],
      ["ReInitCommit", "HandlePendingReInitCommit", "HandleReInitCommit", "ReInitWelcome"],
      ["HandleReInitWelcome", "CreateBranch", "HandleBranch", "NewMemberAddProposal"],
      ["CreateExternalSigner", "AddExternalSigner", "ExternalSignerProposal", "Free"],
    ]
      .flat()
      .sort(),
  );
  for (const [name, { path }] of Object.entries(serviceDefinition())) {
    expect(path).toBe(`/mls_client.MLSClient/${name}`);
  }
});

it("answers every call that the interface has", async () => {
  const handlers = mlsClientService(copseImplementation(await PROVIDERS.node()));
  expect(Object.keys(handlers).sort()).toEqual(Object.keys(serviceDefinition()).sort());
});

it.each([
  [1, 32, 32],
  [2, 32, 32],
  [4, 56, 57],
  [5, 66, 66],
  [7, 48, 48],
])("gives private keys of suite %i as raw bytes", async (cipher_suite, hpke, signature) => {
  const made = await call("CreateKeyPackage", { cipher_suite, identity: utf8.encode("ann") });
  expect(bytesOf(made, "init_priv")).toHaveLength(hpke);
  expect(bytesOf(made, "encryption_priv")).toHaveLength(hpke);
  expect(bytesOf(made, "encryption_priv")).not.toEqual(bytesOf(made, "init_priv"));
  expect(bytesOf(made, "signature_priv")).toHaveLength(signature);
  // An MLSMessage: version 1, wire format 5.
  expect([...bytesOf(made, "key_package").subarray(0, 4)]).toEqual([0, 1, 0, 5]);
});

it("gives private keys for a key package that went into a proposal too", async () => {
  const state_id = await group("ann");
  const { group_info } = await call("GroupInfo", { state_id });
  const made = await call("NewMemberAddProposal", { group_info, identity: utf8.encode("ben") });
  for (const field of ["init_priv", "encryption_priv", "signature_priv"]) {
    expect(bytesOf(made, field)).toHaveLength(32);
  }
});

it("gives the tree beside a commit only if asked to", async () => {
  const state_id = await group("ann");
  const package_ = await call("CreateKeyPackage", { cipher_suite: 1, identity: utf8.encode("ben") });
  const by_value = [{ proposal_type: utf8.encode("add"), key_package: bytesOf(package_, "key_package") }];
  const made = await call("Commit", { state_id, by_value });
  expect(bytesOf(made, "welcome").length).toBeGreaterThan(0);
  expect(bytesOf(made, "ratchet_tree")).toHaveLength(0);
});

it("keeps the ID of a state from epoch to epoch, and frees it once", async () => {
  const state_id = await group("ann");
  await call("Commit", { state_id });
  const advanced = await call("HandlePendingCommit", { state_id });
  expect(advanced.state_id).toBe(state_id);
  expect(bytesOf(await call("StateAuth", { state_id }), "state_auth_secret")).toEqual(
    bytesOf(advanced, "epoch_authenticator"),
  );
  await call("Free", { state_id });
  await call("Free", { state_id });
  await expect(call("StateAuth", { state_id })).rejects.toThrow(/no state/);
  await expect(call("Free", { state_id: 1_000_000 })).rejects.toThrow(/no state/);
});

it("says what is wrong with a call, and goes on serving", async () => {
  const state_id = await group("ann");
  await expect(call("Unprotect", { state_id, ciphertext: new Uint8Array(9) })).rejects.toThrow(/DecodeError/);
  await expect(call("RemoveProposal", { state_id, removed_id: utf8.encode("nobody") })).rejects.toThrow(
    /no member/,
  );
  const by_value = [{ proposal_type: utf8.encode("other") }];
  await expect(call("Commit", { state_id, by_value })).rejects.toThrow(/"other"/);
  const { name } = await call("Name", {});
  expect(name).toBe("copse/node");
});
